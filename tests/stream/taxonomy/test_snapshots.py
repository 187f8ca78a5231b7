"""Taxonomies of several partitions: operations checked on all of them, and one tree that is drawn."""

from __future__ import annotations

from pathlib import Path

from drift.core import digest
from learners.core import Operation
from learners.hierarchy.taxonomy import Taxonomy
from stream.config import Settings
from stream.pipeline import make_answerer, make_replica
from stream.records.limits import Limits
from stream.records.schema import Control
from stream.snapshot import Identity, Store, take
from stream.taxonomy.snapshots import PartitionTaxonomy, drawn, refusals, refusals_in_words, taxonomies


def grown(*labels: list[str]) -> dict[int, PartitionTaxonomy]:
    """Return taxonomies of partitions, each label on as many messages as its id says."""
    each = [Taxonomy(names) for names in labels]
    return {number: PartitionTaxonomy(9, one, range(len(one))) for number, one in enumerate(each)}


def test_operations_are_checked_in_their_order_and_change_nothing() -> None:
    """A later one may need an earlier one; a path that stands for another label by now is refused."""
    given = grown(["t/corn", "t/maize", "t/grain"], ["t/corn", "u"])
    before = [digest(each.taxonomy.state()) for each in given.values()]
    controls = [
        Control("merge", "t/maize", ["t/corn"]),
        Control("add", "t/x"),
        Control("rename", "t/x", ["y"]),
        Control("move", "t/maize", ["u"]),
    ]
    refused = refusals(given, controls, Limits())
    assert [sorted(why) for why in refused] == [[1], [], [], [0, 1]]
    assert refused[3][0] == "'t/maize' was merged or retired, and stands for 't/corn' by now. Name that."
    assert refusals_in_words(controls, refused, partitions=2) == [
        "merge t/maize: t/corn: There is no label 't/maize'. Add it first, or correct the path. "
        "(partitions 1 only)",
        "move t/maize: u: 't/maize' was merged or retired, and stands for 't/corn' by now. Name that.",
    ]
    assert [digest(each.taxonomy.state()) for each in given.values()] == before


def test_the_tree_is_that_of_all_partitions_with_their_counts_together() -> None:
    """Gone labels are not drawn; markup in names is only a name, and no name commands the terminal."""
    given = grown(["t/corn", "t/maize"], ["t/corn", "[b]u\x1b[31m\n"])
    given[0].taxonomy.merge("t/maize", "t/corn")
    tree = drawn(given, "s")
    (root, other), (leaf,) = tree.children, tree.children[1].children
    assert [str(each.label) for each in (root, other, leaf)] == ["[b]u?[31m?  2", "t  0", "corn  2"]


def test_what_has_left_may_be_added_again() -> None:
    """Though its path stands for another label until then."""
    given = grown(["t/corn", "t/maize"])
    given[0].taxonomy.retire("t/maize")
    add, move = Control("add", "t/maize"), Control("move", "t/maize", ["u"])
    assert [sorted(why) for why in refusals(given, [move, add], Limits())] == [[0], []]


def test_what_a_worker_would_not_take_is_refused() -> None:
    """Whatever the taxonomy says of it; the record would be a dead letter of each partition."""
    deep = Control("add", "t/a/b/c")
    given = grown(["t"], ["u"])
    assert refusals(given, [deep, deep], Limits(levels=4)) == [{}, {}]
    (why,) = refusals(given, [deep], Limits(levels=3))
    assert why == dict.fromkeys((0, 1), "the label 't/a/b/c' has 4 levels; limits.levels is 3.")


def test_the_taxonomy_of_a_shared_model_is_that_of_its_lessons(tmp_path: Path) -> None:
    """The snapshots of the partitions that share it have none."""
    given = {"stream": "s", "learner": {"name": "expansion"}, "model": {"scope": "stream"}}
    settings = Settings.model_validate(given | {"snapshot": {"location": str(tmp_path)}})
    replica = make_replica(settings)
    replica.model.learner.apply(Operation("add", "t/corn", ()))
    for task, name in ((replica, "s.lessons"), (make_answerer(settings, lambda: replica), "s.events")):
        identity = Identity(name, "id", 0, settings.configuration)
        Store(str(tmp_path), settings.group, identity).write(take(task, identity))
    assert taxonomies(settings)[0].taxonomy.names() == ["t", "t/corn"]

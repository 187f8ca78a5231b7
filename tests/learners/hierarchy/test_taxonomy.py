"""The taxonomy: operations keep it a forest, ids and old names; messages are read through it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Ids, digest
from learners.core.label_space import FullError
from learners.core.operations import Operation, TaxonomyError
from learners.hierarchy.paths import NONE
from learners.hierarchy.taxonomy import Taxonomy
from tests.learners.checks import through_json

NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
OPERATIONS = st.one_of(
    st.builds(Operation, st.sampled_from(["add", "retire"]), PATHS),
    st.builds(Operation, st.just("name"), PATHS),
    st.builds(Operation, st.just("split"), PATHS, st.lists(NAMES, min_size=1, max_size=3).map(tuple)),
    st.builds(Operation, st.just("move"), PATHS, st.lists(PATHS, max_size=1).map(tuple)),
    st.builds(Operation, st.just("merge"), PATHS, PATHS.map(lambda path: (path,))),
    st.builds(Operation, st.just("rename"), PATHS, NAMES.map(lambda name: (name,))),
)
SEQUENCES = st.builds(
    lambda named, operations: named + operations,
    st.lists(st.builds(Operation, st.just("name"), PATHS), max_size=6),
    st.lists(OPERATIONS, max_size=20),
)
"""What a taxonomy may go through: messages first, so that operations find something."""


def carry_out(taxonomy: Taxonomy, operation: Operation) -> bool:
    """Apply an operation, or let a message name a path; return whether it was allowed."""
    if operation.kind == "name":
        taxonomy.ids([operation.label])
        return True
    try:
        taxonomy.apply(operation)
    except TaxonomyError:
        return False
    return True


def check(taxonomy: Taxonomy) -> None:
    """Check all that must always hold of a taxonomy."""
    parents, levels, live = taxonomy.shape()
    reached = np.concatenate([*levels, np.zeros(0, dtype=np.intp)])
    assert sorted(reached.tolist()) == np.flatnonzero(live).tolist(), "every live label, once, from the roots"
    for level, labels in enumerate(levels):
        for label in labels.tolist():
            line = taxonomy.ancestors(label)
            assert len(line) == len(set(line)) == level + 1, "no cycle"
            assert live[line].all(), "what is above a live label is live"
            names = [taxonomy.name(each).rpartition("/")[2] for each in line]
            assert taxonomy.name(label) == "/".join(reversed(names)), "the path is the way from the root"
            assert taxonomy.id(taxonomy.name(label)) == label
            assert all(taxonomy.parent(child) == label for child in taxonomy.children(label))
    assert (parents[~live] == NONE).all()
    for label in range(len(taxonomy)):
        meant = taxonomy.resolve(label)
        assert meant == NONE or live[meant]


@settings(max_examples=300)
@given(SEQUENCES)
def test_operations_keep_a_forest_and_replaying_them_gives_the_same(operations: list[Operation]) -> None:
    """After any operations it is a forest; refused ones change nothing; replaying gives the same state."""
    taxonomy, replayed = Taxonomy(), Taxonomy()
    done = []
    for operation in operations:
        before, ids = digest(taxonomy.state()), {name: taxonomy.id(name) for name in taxonomy.names()}
        if carry_out(taxonomy, operation):
            done.append(operation)
        else:
            assert digest(taxonomy.state()) == before
        check(taxonomy)
        if operation.kind not in ("add", "split"):
            for name, label in ids.items():
                assert taxonomy.id(name) == label or taxonomy.shape().live[taxonomy.id(name)]
    for operation in done:
        assert carry_out(replayed, operation)
    assert digest(replayed.state()) == digest(taxonomy.state())


@given(SEQUENCES, st.lists(PATHS, max_size=4))
def test_state_round_trip(operations: list[Operation], labels: list[str]) -> None:
    """A taxonomy sent through JSON goes on as the one it came from."""
    taxonomy = Taxonomy()
    for operation in operations:
        carry_out(taxonomy, operation)
    restored = Taxonomy.from_state(through_json(taxonomy.state()))
    np.testing.assert_equal(restored.targets(labels), taxonomy.targets(labels))
    assert digest(restored.state()) == digest(taxonomy.state())


@given(
    st.lists(OPERATIONS, max_size=15), st.lists(PATHS, max_size=3), st.lists(PATHS, max_size=3) | st.none()
)
def test_targets_never_contradict_the_tree(
    operations: list[Operation], labels: list[str], refused: list[str] | None
) -> None:
    """What is above a positive is positive; what is under a negative is negative; the two are apart."""
    taxonomy = Taxonomy()
    for operation in operations:
        carry_out(taxonomy, operation)
    targets = taxonomy.targets(labels, refused)
    size, parents = len(taxonomy), taxonomy.shape().parents
    positive, known = targets.dense(size), ~targets.unknown(size)
    assert set(taxonomy.ids(labels).tolist()) <= set(targets.positive.tolist())
    for label in taxonomy.shape().live.nonzero()[0].tolist():
        if parents[label] != NONE:
            assert positive[parents[label]] or not positive[label]
            refused_above = known[parents[label]] and not positive[parents[label]]
            assert not refused_above or (known[label] and not positive[label])


def test_labels_named_in_data_bring_their_ancestors() -> None:
    """A path adds all that is above it, once; what is between separators and empty is left out."""
    taxonomy = Taxonomy()
    assert taxonomy.ids(["topics/energy/crude", "topics//energy/"]).tolist() == [1, 2]
    assert taxonomy.names() == ["topics", "topics/energy", "topics/energy/crude"]
    assert taxonomy.names(taxonomy.ids(["/"])) == ["(unnamed)"]


def test_unobserved_descendants_are_unknown() -> None:
    """A message labelled above the leaves leaves what is below unknown, and all else negative."""
    taxonomy = Taxonomy(["t/energy/crude", "t/energy/gas", "t/grain/wheat", "u"])
    names = taxonomy.names()
    targets = taxonomy.targets(["t/energy"])
    assert taxonomy.names(targets.positive) == ["t", "t/energy"]
    assert targets.negative is not None
    assert taxonomy.names(targets.negative) == ["t/grain", "t/grain/wheat", "u"]
    assert taxonomy.targets(["t/energy/crude"]).complete
    assert not taxonomy.targets([]).positive.size
    assert taxonomy.targets([]).complete
    refused = taxonomy.targets(["u"], ["t/energy", "u"])
    assert taxonomy.names(refused.negative if refused.negative is not None else ()) == [
        name for name in names if name.startswith("t/energy")
    ]


def test_old_names_keep_working() -> None:
    """Moved, renamed and merged labels are found under every name they had, new children too."""
    taxonomy = Taxonomy(["energy/crude/brent", "fuel/gas"])
    brent = taxonomy.id("energy/crude/brent")
    taxonomy.move("energy/crude", "fuel")
    taxonomy.rename("fuel/crude", "oil")
    assert taxonomy.name(brent) == "fuel/oil/brent"
    assert taxonomy.id("energy/crude/brent") == taxonomy.id("fuel/crude/brent") == brent
    assert taxonomy.names(taxonomy.ids(["energy/crude/wti"])) == ["fuel/oil/wti"]
    taxonomy.merge("fuel", "energy")
    assert taxonomy.name(brent) == "energy/oil/brent"
    assert taxonomy.names(taxonomy.ids(["fuel/gas", "fuel"])) == ["energy", "energy/gas"]
    assert taxonomy.add("fuel") != taxonomy.id("energy")
    assert taxonomy.names(taxonomy.ids(["fuel"])) == ["fuel"]


def test_merging_merges_children_of_one_name() -> None:
    """Both parents' children come together under the one that stays."""
    taxonomy = Taxonomy(["old/crude/brent", "old/gas", "new/crude/wti"])
    taxonomy.merge("old", "new")
    live = taxonomy.names(np.flatnonzero(taxonomy.shape().live).tolist())
    assert live == ["old/crude/brent".replace("old", "new"), "new/gas", "new", "new/crude", "new/crude/wti"]
    assert taxonomy.ids(["old/crude"]).tolist() == taxonomy.ids(["new/crude"]).tolist()


def test_retired_labels_count_for_their_parent_until_added_again() -> None:
    """Retiring rolls a subtree up; adding brings a label back under its id, without its children."""
    taxonomy = Taxonomy(["energy/crude/brent", "grain"])
    crude = taxonomy.id("energy/crude")
    taxonomy.retire("energy/crude")
    assert taxonomy.names(taxonomy.ids(["energy/crude/brent", "energy/crude/new"])) == ["energy"]
    taxonomy.retire("grain")
    assert taxonomy.ids(["grain", "grain/rye"]).tolist() == []
    assert taxonomy.add("energy/crude") == crude
    assert taxonomy.names(taxonomy.ids(["energy/crude/brent", "energy/crude/new"])) == [
        "energy/crude",
        "energy/crude/new",
    ]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda t: t.move("a", "a/b"),
            r"'a/b' is 'a' or lies under it\. Move the lower label out first",
        ),
        (
            lambda t: t.merge("a", "a/b"),
            r"'a/b' is 'a' or lies under it\. Merge the lower into the upper",
        ),
        (lambda t: t.merge("a", "a"), r"'a' is 'a' or lies under it"),
        (lambda t: t.move("a/b"), r"There is a label 'b' already\. Merge 'a/b' into it\."),
        (lambda t: t.rename("a", "x/y"), r"must have a character and no '/'\. Got 'x/y'\."),
        (lambda t: t.split("a", ["ok", ""]), r"must have a character and no '/'\. Got ''\."),
        (lambda t: t.retire("z"), r"There is no label 'z'\. Add it first, or correct the path\."),
        (
            lambda t: t.apply(Operation("melt", "a")),
            r"no operation 'melt' with 0 values in 'to'\.",
        ),
        (lambda t: t.apply(Operation("merge", "a")), r"no operation 'merge' with 0 values"),
    ],
)
def test_refused_operations_say_why(act: Callable[[Taxonomy], object], message: str) -> None:
    """What is not allowed is refused with the next step, and changes nothing."""
    taxonomy = Taxonomy(["a/b", "b"])
    before = digest(taxonomy.state())
    with pytest.raises(TaxonomyError, match=message):
        act(taxonomy)
    assert digest(taxonomy.state()) == before


@settings(max_examples=500)
@given(SEQUENCES, PATHS)
def test_a_present_name_is_what_the_label_would_be_called_and_adds_none(
    operations: list[Operation], path: str
) -> None:
    """For paths that are known, stale, new, or below any of them."""
    taxonomy = Taxonomy(["a/b", "b/c"])
    for operation in operations:
        carry_out(taxonomy, operation)
    before = digest(taxonomy.state())
    present = taxonomy.present_name(path)
    assert digest(taxonomy.state()) == before
    label = taxonomy.resolve(taxonomy.id(path))
    assert present == (path if label == NONE else taxonomy.name(label))


def test_below_a_limit_leaves_go_before_what_is_above_them() -> None:
    """The least useful leaf goes; ancestors of what is named stay, and the path returns as known."""
    taxonomy = Taxonomy(limit=4)
    for path in ("a/x", "a/x", "a/y", "b"):
        taxonomy.targets([path])
    assert taxonomy.names() == ["a", "a/x", "a/y", "b"]
    assert taxonomy.names(taxonomy.targets(["b/z"]).positive) == ["b/z", "b"]
    assert taxonomy.names() == ["a", "a/x", "b/z", "b"]
    assert taxonomy.children(0) == [1]
    # The whole tree of `a` makes room for two, `b` being named.
    assert set(taxonomy.names(taxonomy.targets(["b/c/d"]).positive)) == {"b", "b/c", "b/c/d"}
    assert set(taxonomy.names()) == {"a", "b", "b/c", "b/c/d"}
    taxonomy.targets(["a/y"])
    assert taxonomy.count(taxonomy.id("a/y")) == 2


def test_what_operations_named_stays() -> None:
    """Old paths of moved, merged and retired labels keep their meaning, however many labels come."""
    taxonomy = Taxonomy(["a/x", "b", "c", "d"], limit=6)
    for operation in (("rename", "a", ("q",)), ("merge", "b", ("c",)), ("retire", "d", ())):
        taxonomy.apply(Operation(*operation))
    restored = Taxonomy.from_state(taxonomy.state())
    restored.limit = 6
    for space in (taxonomy, restored):
        for number in range(30):
            space.targets([f"new {number}", "b"])
            assert len(space) <= 6
        assert space.names(space.targets(["a"]).positive) == ["q"]
        assert space.names(space.targets(["b"]).positive) == ["c"]
        assert len(space.targets(["d"]).positive) == 0
        # Below a path that was renamed, a label gets its present path, and room.
        assert space.names(space.targets(["a/x"]).positive) == ["q", "q/x"]
    assert digest(taxonomy.state()) == digest(restored.state())


def test_what_was_added_stays_and_what_does_not_fit_beside_it_is_refused() -> None:
    """Labels of operations leave for nobody: neither for messages nor for other operations."""
    taxonomy = Taxonomy(limit=4)
    taxonomy.apply(Operation("add", "a/b"))
    taxonomy.apply(Operation("split", "a", ("c",)))
    for number in range(9):
        taxonomy.targets([f"new {number}"])
    assert taxonomy.names() == ["a", "a/b", "a/c", "new 8"]
    before = digest(taxonomy.state())
    for operation in (Operation("add", "d/e"), Operation("split", "a", ("d", "e"))):
        with pytest.raises(TaxonomyError, match="that must stay are more than the 4 that max_labels allows"):
            taxonomy.apply(operation)
    with pytest.raises(FullError):
        taxonomy.targets(["d/e"])
    assert digest(taxonomy.state()) == before


@pytest.mark.parametrize("path", ["a//b", "/a/b", "a/b/", "q/b", "z/b"])
def test_what_a_message_names_in_another_way_does_not_leave(path: str) -> None:
    """It was forgotten while its own message was learned: the path as written was taken for a new label."""
    taxonomy, told = Taxonomy(["q/b", "c/d"], limit=4), list[Ids]()
    for operation in (Operation("rename", "q", ("z",)), Operation("rename", "z", ("a",))):
        taxonomy.apply(operation)
    taxonomy.followers.append(told.append)
    assert taxonomy.names(taxonomy.targets([path]).positive) == ["a", "a/b"]
    assert (told, taxonomy.left) == ([], 0)


@pytest.mark.parametrize("path", ["", "/"])
def test_a_path_without_a_name_needs_room_like_others(path: str) -> None:
    """The empty one had none."""
    taxonomy = Taxonomy(["a", "b"], limit=2)
    assert taxonomy.names(taxonomy.targets([path]).positive) == ["(unnamed)"]
    assert taxonomy.names() == ["(unnamed)", "b"]


def test_paths_are_of_any_depth() -> None:
    """They were followed by recursion: a thousand levels ended it, with room made and nothing learned."""
    deep = "/".join("abcdefghij" * 300)
    taxonomy = Taxonomy(limit=10_000)
    assert len(taxonomy.targets([deep]).positive) == 3000
    assert taxonomy.present_name(f"{deep}/k") == f"{deep}/k"
    taxonomy.apply(Operation("add", f"new/{deep}"))
    assert len(taxonomy) == 6001


@given(st.lists(st.lists(st.sampled_from(["a", "a/b", "a/b/c", "a/d", "e/f", "g", "h/i/j"]), max_size=2)))
def test_a_limited_taxonomy_is_always_a_tree(messages: list[list[str]]) -> None:
    """Every label's parent is held and has it as a child; names and ids agree; no more than the limit."""
    taxonomy = Taxonomy(limit=6)
    for message in messages:
        positive = set(taxonomy.names(taxonomy.targets(message).positive))
        assert positive == {"/".join(path.split("/")[:n]) for path in message for n in range(1, 4)}
        assert len(taxonomy) <= 6
        for label, name in enumerate(taxonomy.names()):
            above = taxonomy.parent(label)
            assert taxonomy.id(name) == label
            assert (taxonomy.name(above) if above >= 0 else "") == name.rpartition("/")[0]
            assert above < 0 or label in taxonomy.children(above)
            assert all(taxonomy.parent(child) == label for child in taxonomy.children(label))


def test_what_was_retired_or_merged_goes_along_with_the_label_above_it() -> None:
    """Its path with the new beginning means what the old one does, through names that come and go, too."""
    taxonomy = Taxonomy(["a/x", "a/y/z", "b", "c"])
    taxonomy.retire("a/x")
    taxonomy.merge("a/y/z", "c")
    labels = len(taxonomy)
    taxonomy.rename("a", "p")
    taxonomy.move("p", "b")
    for path in ("a", "p", "b/p"):
        assert taxonomy.ids([f"{path}/x", f"{path}/y/z"]).tolist() == taxonomy.ids(["b/p", "c"]).tolist()
        assert taxonomy.present_name(f"{path}/x") == "b/p"
    assert len(taxonomy) == labels
    taxonomy.add("b/p/x")
    assert taxonomy.name(taxonomy.id("b/p/x")) == "b/p/x"
    assert len(taxonomy) == labels


def test_a_label_that_was_retired_and_added_again_is_retired_no_more() -> None:
    """Merged afterwards, a path below it is one below the label that took its place."""
    taxonomy = Taxonomy(["a/b", "c"])
    taxonomy.retire("a")
    taxonomy.add("a")
    taxonomy.merge("a", "c")
    assert taxonomy.names(taxonomy.ids(["a/new"])) == ["c/new"]


def test_what_a_label_implies() -> None:
    """What is above it, nearest first; of a label that counts as another one, that one as well."""
    taxonomy = Taxonomy(["a/b/c", "d/e"])
    a, b, c, d, e = (taxonomy.id(path) for path in ("a", "a/b", "a/b/c", "d", "d/e"))
    assert [list(taxonomy.above(label)) for label in (a, b, c)] == [[], [a], [b, a]]
    taxonomy.merge("a/b", "d/e")
    assert [list(taxonomy.above(label)) for label in (b, c, e)] == [[e, d], [e, d], [d]]
    taxonomy.retire("a")
    assert list(taxonomy.above(a)) == []


def test_an_operation_adds_a_label_as_a_call_does() -> None:
    """With what is above it."""
    called, applied = Taxonomy(), Taxonomy()
    called.add("a/b")
    applied.apply(Operation("add", "a/b", ()))
    assert applied.names(range(2)) == called.names(range(2)) == ["a", "a/b"]

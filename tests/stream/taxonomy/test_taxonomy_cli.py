"""`ithaca taxonomy`: the tree that is drawn, proposals into a file, operations checked and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from learners.hierarchy.taxonomy import Taxonomy
from stream.cli.main import app
from stream.config.settings import Settings
from stream.pipeline.factory import make_task
from stream.records.drift_events import DriftRecord
from stream.records.schema import Control, Record, encode
from stream.records.topics import topic
from stream.snapshot import Identity, Store, take
from stream.taxonomy.proposals import ProposalsError, proposals, read_proposals, write_proposals
from stream.taxonomy.snapshots import PartitionTaxonomy, drawn, refusals, refusals_in_words
from tests.stream.live import LiveStream
from tests.stream.records.test_control import change, labelled
from tests.stream.standins import records

MERGE = Control("merge", "t/maize", ["t/corn"])
MOVE = Control("move", "t/wheat", ["t/grain"])


def said(partition: int, action: str, control: Control, p: float = 1e-6, detector: str = "x") -> Record:
    """Return a record of the drift topic."""
    record = DriftRecord(
        detector=detector,
        scope="structure",
        subject="s",
        statistic=0.98,
        threshold=0.9,
        window=200,
        action=action,
        p=p,
        control=control,
    )
    return Record("s.drift", partition, 0, 0, None, encode(record))


def grown(*labels: list[str]) -> dict[int, PartitionTaxonomy]:
    """Return taxonomies of partitions, each label on as many messages as its id says."""
    each = [Taxonomy(names) for names in labels]
    return {number: PartitionTaxonomy(9, one, range(len(one))) for number, one in enumerate(each)}


def test_proposals_are_what_is_neither_withdrawn_nor_applied() -> None:
    """By partition, the surest first; other drift events and what is no drift event are passed over."""
    given = [
        Record("s.drift", 0, 0, 0, None, b"{"),
        Record("s.drift", 0, 1, 0, None, None),
        said(0, "proposed", MERGE),
        said(1, "proposed", MERGE, p=1e-9),
        said(0, "proposed", MOVE, p=1e-7),
        said(0, "withdrawn", MERGE),
        said(0, "proposed", Control("move", "u", ["v"])),
        said(0, "move u: v", Control("move", "u", ["v"]), detector="taxonomy"),
    ]
    first, second = proposals(given)
    assert (first.operation, first.label, first.to, first.partitions) == ("merge", "t/maize", ["t/corn"], [1])
    assert first.because == "98.0% of 200 messages carry either label with the other; p 1e-09"
    assert (second.operation, second.partitions) == ("move", [0])


def test_a_file_of_proposals_is_read_as_operations(tmp_path: Path) -> None:
    """With or without what speaks for them; whatever was written can be read."""
    path = tmp_path / "p.json"
    for found in ([said(0, "proposed", MERGE), said(0, "proposed", MOVE, p=1e-9)], []):
        path.write_text(write_proposals(proposals(found)))
        assert read_proposals(path) == [MOVE, MERGE][: len(found)]
    path.write_bytes(b'[{"operation": "add", "label": "u"}]')
    assert read_proposals(path) == [Control("add", "u")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{}", "is no JSON array of operations: .*ithaca taxonomy proposals"),
        (b"[", "is no JSON array"),
        (b"\xff", "is no JSON array"),
        (
            b'[{"operation": "add", "label": "a"}, {"operation": "ad", "label": "a"}]',
            "operation 2: .* there are",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, content: bytes, complaint: str) -> None:
    """The file, the operation, what was got."""
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(ProposalsError, match=complaint):
        read_proposals(path)


def test_operations_are_checked_in_their_order_and_change_nothing() -> None:
    """A later one may need an earlier one; a path that stands for another label by now is refused."""
    given = grown(["t/corn", "t/maize", "t/grain"], ["t/corn", "u"])
    before = [each.taxonomy.state() for each in given.values()]
    controls = [
        MERGE,
        Control("add", "t/x"),
        Control("rename", "t/x", ["y"]),
        Control("move", "t/maize", ["u"]),
    ]
    refused = refusals(given, controls)
    assert [sorted(why) for why in refused] == [[1], [], [], [0, 1]]
    assert refused[3][0] == "'t/maize' was merged or retired, and stands for 't/corn' by now. Name that."
    assert refusals_in_words(controls, refused, partitions=2) == [
        "merge t/maize: t/corn: There is no label 't/maize'. Add it first, or correct the path. "
        "(partitions 1 only)",
        "move t/maize: u: 't/maize' was merged or retired, and stands for 't/corn' by now. Name that.",
    ]
    assert [each.taxonomy.state() for each in given.values()] == before


def test_the_tree_is_that_of_all_partitions_with_their_counts_together() -> None:
    """Gone labels are not drawn; markup in names is only a name."""
    given = grown(["t/corn", "t/maize"], ["t/corn", "[b]u"])
    given[0].taxonomy.merge("t/maize", "t/corn")
    tree = drawn(given, "s")
    (root, other), (leaf,) = tree.children, tree.children[1].children
    assert [str(each.label) for each in (root, other, leaf)] == ["[b]u  2", "t  0", "corn  2"]


def ithaca(environment: dict[str, str], *arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, ["taxonomy", *arguments], env=environment)


def keep_snapshot(environment: dict[str, str]) -> None:
    """Write a partition's snapshot with some labels and one that was renamed."""
    learner, location = environment["ITHACA_LEARNER__NAME"], environment["ITHACA_SNAPSHOT__LOCATION"]
    settings = Settings.model_validate(
        {
            "stream": environment["ITHACA_STREAM"],
            "learner": {"name": learner},
            "encoder": {"parameters": {"dimensions": 64}},
            "snapshot": {"location": location},
        }
    )
    task = make_task(settings)
    task.process(records([*map(labelled, range(20)), change("rename", "t/energy", "fuel")]))
    identity = Identity(topic(settings.stream, "events"), "id", 0, settings.configuration)
    Store(location, settings.group, identity).write(take(task, identity))


def surroundings(location: Path, learner: str = "expansion") -> dict[str, str]:
    """Return settings as an environment."""
    return {
        "ITHACA_STREAM": "s",
        "ITHACA_LEARNER__NAME": learner,
        "ITHACA_ENCODER__PARAMETERS": '{"dimensions": 64}',
        "ITHACA_SNAPSHOT__LOCATION": str(location),
    }


def test_show_draws_the_newest_snapshot(tmp_path: Path) -> None:
    """The tree as operations left it, with counts and offsets; a damaged snapshot is passed over."""
    environment = surroundings(tmp_path)
    keep_snapshot(environment)
    (kept,) = tmp_path.rglob("*.snapshot")
    kept.with_name(kept.name.replace("21-", "99-")).write_bytes(kept.read_bytes()[:-9])
    result = ithaca(environment, "show")
    assert result.exit_code == 0, result.output
    assert "s: partition 0 at offset 21" in result.output
    assert "fuel  " in result.output
    assert "energy" not in result.output
    crude = sum("t/energy/crude" in json.loads(labelled(number))["labels"] for number in range(20))
    assert f"crude  {crude}" in result.output


def test_show_says_what_is_missing(tmp_path: Path) -> None:
    """No snapshot yet, or a learner whose labels are in no taxonomy."""
    result = ithaca(surroundings(tmp_path), "show")
    assert result.exit_code == 1
    assert "There is no snapshot of group ithaca-s" in result.output
    keep_snapshot(surroundings(tmp_path, "priors"))
    result = ithaca(surroundings(tmp_path, "priors"), "show")
    assert result.exit_code == 1
    assert "The learner 'priors' keeps its labels in no taxonomy" in result.output


@pytest.mark.kafka
def test_apply_writes_all_operations_or_none(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """What is allowed goes to the control topic in its order; a dry run and a refusal write nothing."""
    live = LiveStream(kafka, stream_name)
    environment = live.environment | {
        "ITHACA_LEARNER__NAME": "expansion",
        "ITHACA_SNAPSHOT__LOCATION": str(tmp_path / "snapshots"),
    }
    keep_snapshot(environment)
    path = tmp_path / "p.json"
    good, bad = [Control("move", "u", ["t"]), Control("add", "v")], Control("retire", "w")
    path.write_bytes(json.dumps([json.loads(encode(one)) for one in (*good, bad)]).encode())
    refused = ithaca(environment, "apply", str(path))
    assert (refused.exit_code, "refused: retire w: There is no label 'w'" in refused.output) == (1, True)
    path.write_bytes(json.dumps([json.loads(encode(one)) for one in good]).encode())
    tried = ithaca(environment, "apply", str(path), "--dry-run")
    assert (tried.exit_code, live.read("control")) == (0, [])
    applied = ithaca(environment, "apply", str(path))
    assert applied.exit_code == 0, applied.output
    assert [record.value for record in live.read("control")] == [encode(one) for one in good]
    assert json.loads(ithaca(environment, "proposals").output) == []

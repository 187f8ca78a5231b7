"""Proposals: which of them stand, and the file that operations are read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.records.drift_events import DriftRecord
from stream.records.schema import Control, Record, encode
from stream.taxonomy.proposals import ProposalsError, proposals, read_proposals, write_proposals

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

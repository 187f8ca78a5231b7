"""Proposals for the taxonomy: read from the drift topic, saved in a file, converted to control records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from stream.records import DETECTOR, BadEventError, Control, DriftRecord, Record, decode_control, encode


class Proposal(msgspec.Struct, frozen=True):
    """A proposed control record with its reason; control records may have such additional fields.

    Parameters
    ----------
    operation, label, to
        As in `Control`.
    because
        Evidence for the proposal, in words.
    partitions
        Partitions in which it was found.
    """

    operation: str
    label: str
    to: list[str]
    because: str
    partitions: list[int]


class ProposalsError(ValueError):
    """A file of operations that cannot be used: says where, what it contains, and the next step."""


def proposals(records: Iterable[Record]) -> list[Proposal]:
    """Return the proposals on a drift topic that are neither withdrawn nor applied, strongest first.

    Examples
    --------
    >>> proposals([])
    []
    """
    decoder = msgspec.json.Decoder(DriftRecord)
    offered: dict[bytes, dict[int, DriftRecord]] = {}
    for record in records:
        try:
            drift = decoder.decode(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # Not a drift record.
        if drift.control is None:
            continue
        at = offered.setdefault(encode(drift.control), {})
        if drift.action == "proposed":
            at[record.partition] = drift
        elif drift.action == "withdrawn" or drift.detector == DETECTOR:
            at.pop(record.partition, None)
    found = [_proposal(at) for at in offered.values() if at]
    return [proposal for _, proposal in sorted(found, key=lambda pair: (pair[0], pair[1].label, pair[1].to))]


def _proposal(at: dict[int, DriftRecord]) -> tuple[float, Proposal]:
    surest = min(at.values(), key=lambda drift: drift.p or 0.0)
    control, p = surest.control or Control("", ""), surest.p or 0.0
    what = (
        "either label with the other" if control.operation == "merge" else f"{control.label} with the other"
    )
    because = f"{surest.statistic:.1%} of {surest.window} messages carry {what}; p {p:.0e}"
    return p, Proposal(control.operation, control.label, control.to, because, sorted(at))


def write_proposals(found: Sequence[Proposal]) -> str:
    """Return proposals as a JSON array, one per line: delete the lines that are not accepted."""
    lines = ",\n ".join(encode(proposal).decode() for proposal in found)
    return f"[{lines}]"


def read_proposals(path: Path) -> list[Control]:
    """Return the operations in a file, a JSON array of control records; additional fields are ignored.

    Raises
    ------
    ProposalsError
        When it is not such an array, or an element is not an operation.
    """
    try:
        given = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProposalsError(
            f"{path} is no JSON array of operations: {error}. `ithaca taxonomy proposals` writes one."
        ) from error
    controls = []
    for number, one in enumerate(given, 1):
        try:
            controls.append(decode_control(bytes(one)))
        except BadEventError as bad:
            raise ProposalsError(f"{path}, operation {number}: {bad.detail}.") from bad
    return controls

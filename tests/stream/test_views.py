"""What the views say of one made-up stream is kept in `views.json`.

Whoever changes what is told reads the difference, and keeps it by running this module:
`python -m tests.stream.test_views`.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import msgspec

from stream.dashboard import compare, drift_views, label_views, message_views, views
from stream.kafka import GroupState
from stream.monitoring import StreamState
from stream.monitoring.output_records import InputRecord, OutputRecord
from stream.monitoring.vitals import Vitals
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.schema import Event, Feedback, encode
from tests.stream.monitoring.streams import prediction

FILE = Path(__file__).parent / "views.json"
LENGTH, DRIFTS, RECOVERS = 2400, 1000, 1700
LABELS = ("billing", "billing/refund", "delivery", "returns", "login")


def made_up() -> StreamState:
    """Return the state of a stream on two partitions on which "delivery" and "returns" swap for a while."""
    chance, state = random.Random(4), StreamState("help desk")
    for number in range(LENGTH):
        partition, offset = number % 2, number // 2
        true = chance.sample(LABELS[:4] if number < 600 else LABELS, 1 + (chance.random() < 0.4))
        confused = DRIFTS <= number < RECOVERS and chance.random() < 0.6
        swapped = {"delivery": "returns", "returns": "delivery"} if confused else {}
        said = [swapped.get(label, label) for label in true if chance.random() < 0.9]
        word = "parcel" if number < DRIFTS else "shipment"
        event = Event(id=f"e{offset}", ts=number, text=f"The {word} of {' and '.join(true)} {number}")
        state.take(InputRecord(partition, offset, float(number), event))
        known = None if number % 10 == 3 else true
        state.take(prediction(offset, said, known, at=number + 0.2, run="live", partition=partition))
        if number % 20 == 13:
            labels = Feedback(id=event.id, ts=number, labels=true, labels_complete=number % 40 != 13)
            state.take(InputRecord(partition, offset, number + 5.0, labels))
        if number % 150 == 149:
            bad = OutputRecord("dead-letter", partition, offset, number + 0.5, None, b"?", "not-json", "at 1")
            state.take(bad)
        for each in told(number, partition, offset):
            state.take(each)
    committed = {0: LENGTH // 2 - 6, 1: LENGTH // 2}
    group = GroupState(2, {0: LENGTH // 2, 1: LENGTH // 2}, committed)
    moved, snapshots = {0: LENGTH - 2.0, 1: LENGTH - 1.0}, {0: 1900.0, 1: 2380.0}
    state.see(Vitals(LENGTH + 1.0, group, None, moved, None, snapshots))
    state.ready = True
    return state


def told(number: int, partition: int, offset: int) -> list[OutputRecord]:
    """Return what monitors and figures of labels say at a message."""
    found: list[tuple[str, Any]] = []
    if partition == 0 and number in (1080, 1100, 1400):
        errors = number != 1100
        found.append(("drift", DriftRecord(
            detector="subset-error/adwin" if errors else "label-rise/rates",
            scope="error" if errors else "prior",
            subject="stream" if errors else "delivery",
            statistic=0.4, threshold=0.1, window=90, action="none", p=1e-4,
            since=(number - DRIFTS) // 2, before=0.1, after=0.4,
        )))  # fmt: skip
        found.append(("drift", DriftRecord(
            detector="clusters", scope="structure", subject="4", statistic=0.1, threshold=0.2, window=9,
            action="split", since=0,
        )))  # fmt: skip
    if number % 60 < 2:
        for place, label in enumerate(LABELS):
            found.append(("label-stats", LabelRecord(
                label=label, count=number // (2 + place), predicted=number // (3 + place),
                hits=number // (4 + place), f1=0.5 + 0.1 * place, first_seen=place, last_seen=offset,
                rate=0.1 + 0.05 * place + number / 20_000, usual=0.1 + 0.02 * place,
                cluster=[4, 4, 6, 6, None][place], updates=offset,
            )))  # fmt: skip
        found.append(("partition-stats", PartitionRecord(
            updates=offset, scores={"micro_f1": 0.7, "subset_accuracy": 0.5},
            learner={"labels": 5.0, "clusters": 2.0}, splits=[(5, 4, 6)],
            watched={"vector/frechet": (number / LENGTH, 0.5), "errors/x": (0.01, 0.5)},
        )))  # fmt: skip
    time = float(number)
    return [OutputRecord(kind, partition, offset, time + 0.3, time, encode(each)) for kind, each in found]


def shown() -> dict[str, Any]:
    """Return what each view says."""
    state, now = made_up(), LENGTH + 2.0
    replayed = StreamState("replay", timed=False)
    for offset in range(500, 700):
        replayed.take(prediction(offset, ["delivery", "login"][: 1 + offset % 2], ["delivery"], run="replay"))
    found: dict[str, Any] = {"head": views.head(state, now)}
    found["overview"] = views.overview(state, "all", now)
    for span in ("minutes", "day", "unheard"):
        series = views.overview(state, span, now)
        found[f"overview, {span}"] = {name: series[name] for name in ("span", "width", "series", "rolling")}
    for later in (10.0, 30.0, 700.0):
        judged = views.overview(state, "all", now + later)
        found[f"overview {later} s later"] = {name: judged[name] for name in ("level", "healthy", "good")}
    found["overview of a file"] = views.overview(replayed, "all", now)
    found["drifts"] = drift_views.drifts(state, {}, now=now)
    for name, value in {"scope": "error", "subject": "delivery", "incident": "1"}.items():
        found[f"drifts, {name}"] = drift_views.drifts(state, {name: value}, now=now)["events"]
    found["around"] = drift_views.around(state, 0, DRIFTS // 2, 3, 4)
    for which in ("all", "wrong", "unsure"):
        found[f"messages {which}"] = message_views.messages(state, which, "", "")
    found["messages with a word"] = message_views.messages(state, "all", "shipment", "returns")
    found["message"] = message_views.message(state, 1, 610)
    for order in label_views.ORDERS:
        told = label_views.labels(state, order, "", 0)["labels"]
        found[f"labels by {order}"] = [each["name"] for each in told]
    found["labels"] = label_views.labels(state, "name", "", 0)
    found["labels asked for"] = label_views.labels(state, "name", "bill", 0)
    for name in (*LABELS[1:3], "unheard"):
        found[f"label {name}"] = label_views.label(state, name, now)
    found["clusters"] = label_views.clusters(state, 0)
    found["compare"] = compare.compare(state, "live", replayed, "replay")
    return {name: compact(msgspec.to_builtins(view)) for name, view in found.items()}


def compact(value: Any) -> Any:
    """Return a view with short numbers, and of long lists the ends and a digest."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {str(key): compact(each) for key, each in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    whole = [compact(each) for each in value]
    digest = hashlib.blake2b(json.dumps(whole).encode(), digest_size=4).hexdigest()
    return whole if len(whole) <= 4 else [whole[0], f"{len(whole)} items, {digest}", whole[-1]]


def test_views_say_what_they_said() -> None:
    """One by one, so that the first that differs is named."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    found = shown()
    for name, view in found.items():
        assert view == kept.get(name), name
    assert list(found) == list(kept)


if __name__ == "__main__":
    FILE.write_text(json.dumps(shown(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

"""The sparse part of a vector goes the whole way: through batches, waiting for labels, and snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from drift.core import digest
from drift.monitors import Monitors
from learners import IHOMER
from learners.core import Features, Learner, Prediction, Sparse, given_part
from learners.linear_model import SparseLogisticRegression
from stream.encoders import Hashing
from stream.pipeline import Task
from stream.pipeline.packed_prediction import PackedPrediction, pack, unpack
from stream.snapshot import Identity, Snapshot, migrations
from tests.stream.standins import event, feedback, records

VALUES = [event(number) for number in range(60)]
LATE = [value for number in range(60) for value in (event(number, labels=None), feedback(number))]


def make_task(learner: Learner) -> Task:
    """Return a task whose texts share so few dense dimensions that the sparse part has to tell them apart."""
    return Task(Hashing(16, device="cpu"), learner, Monitors(), run="test", source="/test")


@pytest.mark.parametrize("kind", [SparseLogisticRegression, IHOMER])
def test_labels_that_come_later_teach_the_same(kind: type[Learner]) -> None:
    """What waits for them keeps its sparse part, also in a snapshot."""
    inline, later = make_task(kind()), make_task(kind())
    inline.process(records(VALUES))
    given = records(LATE)
    later.process(given[:61])
    restored = make_task(kind())
    restored.load_state(later.state())
    assert digest(restored.state()) == digest(later.state())
    for start in range(61, len(given), 7):
        restored.process(given[start : start + 7])
    assert digest(restored.model.learner.state()) == digest(inline.model.learner.state())
    assert restored.updates == 60


def test_what_waits_counts_its_sparse_part() -> None:
    """It is restored to the bit, and its bytes count towards the bound."""
    prediction = Prediction(np.array([0]), np.array([0.9], dtype=np.float32))
    part = Sparse(np.array([3, 200_000], dtype=np.int32), np.array([0.6, 0.8], dtype=np.float32))
    dense = np.ones(2, dtype=np.float32)
    plain = PackedPrediction.of(dense, prediction)
    pending = PackedPrediction.of(Features(dense, part), prediction)
    assert pending.bytes - plain.bytes == 16
    for one, expected in zip(unpack(pack([pending, plain])), (part, None), strict=True):
        given = given_part(one.x)
        assert one.x.tobytes() == dense.tobytes()
        assert (given and [each.tobytes() for each in given]) == (
            expected and [each.tobytes() for each in expected]
        )


def test_what_waited_in_a_snapshot_of_format_3_had_no_sparse_part() -> None:
    """Its feedback is joined all the same."""
    task, restored = make_task(IHOMER()), make_task(IHOMER())
    task.process(records(LATE[:1]))
    state = task.state()
    guesses = state["feedback"]["guesses"]
    for key in [key for key in guesses if key.startswith(("indices", "sparse"))]:
        del guesses[key]
    identity = Identity("topic", None, 0, "configuration")
    old = Snapshot(identity, 1, 0, 0.0, "test", state)
    restored.load_state(migrations.migrate(old, 3, "it").state)
    restored.process([record._replace(offset=record.offset + 1) for record in records(LATE[1:2])])
    assert restored.updates == 1

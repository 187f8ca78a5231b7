"""Conversion of snapshots in earlier formats to the present one.

A change of the content of a task's state, or of the file, raises `VERSION` by one and adds a step from the
previous version to `STEPS`; old files are then converted by all steps since their version. A version without
a step can no longer be read, and its owner relearns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from drift.core import MADE
from drift.statistics import BlockMeans
from learners.core import unpacked
from learners.ensemble import NOVICE_TRUST
from learners.hierarchy import Taxonomy
from learners.linear_model import PRIOR_VARIANCE
from learners.neighbors import NearestClassMean
from stream.pipeline import LabelStatistics
from stream.snapshot.contents import Snapshot, SnapshotError

VERSION = 8
"""Version of the format that is written."""


def _with_label_statistics(snapshot: Snapshot) -> Snapshot:
    state = snapshot.state | {"label_statistics": LabelStatistics().state()}
    return dataclasses.replace(snapshot, state=state)


def _changed(part: str, change: Callable[[Any], Any]) -> Callable[[Snapshot], Snapshot]:
    """Return the step that changes one part of the state, if it is there.

    A task has all parts, a shared model's replica no feedback, and who answers with it no monitors.
    """

    def step(snapshot: Snapshot) -> Snapshot:
        state = snapshot.state
        if part not in state:
            return snapshot
        return dataclasses.replace(snapshot, state=state | {part: change(state[part])})

    return step


def _in_rows(state: Any) -> Any:
    """Return a state in which every ADWIN stores its buckets by row, as the tree's already did."""
    if not isinstance(state, dict):
        return state
    if state.keys() != {"rows", "buckets", "seen", "last"}:
        return {key: _in_rows(value) for key, value in state.items()}
    lengths = state["rows"]
    buckets = np.zeros((len(lengths), lengths.max(), 2))
    buckets[np.arange(lengths.max()) < lengths[:, None]] = state["buckets"]
    return {"lengths": lengths, "buckets": buckets, "seen": state["seen"], "last": state["last"]}


def _with_sparse_parts(feedback: Any) -> Any:
    parts: dict[str, Any] = {
        "indices": np.zeros(0, np.int32),
        "sparse": np.zeros(0, np.float32),
        "indices_lengths": np.zeros_like(feedback["guesses"]["size"]),
        "sparse_lengths": np.zeros_like(feedback["guesses"]["size"]),
    }
    return feedback | {"guesses": parts | feedback["guesses"]}


def _renewed(state: Any) -> Any:
    """Return a state in which the test of the vectors' rank begins anew: it kept figures of another kind."""
    if not isinstance(state, dict):
        return state
    kept = {key: _renewed(value) for key, value in state.items() if key != "rank/rankme"}
    if len(kept) == len(state):
        return kept
    # As the other states of such a snapshot, it names no parameters.
    fresh = {key: value for key, value in BlockMeans().state().items() if key != MADE}
    return kept | {"rank/participation": fresh}


def _with_label_counts(learner: Any) -> Any:
    """Return a learner's state in which labels, of its parts too, have counts, from 0, and none has left."""
    if not isinstance(learner, dict):
        return learner
    state = {key: _with_label_counts(value) for key, value in learner.items()}
    if "mixture" in state and "decision" in state:
        # Of iHOMER: its experts that may sleep are awake, and it remembers nothing yet.
        awake = {"asleep": np.zeros(3, np.bool_), "account": np.zeros((3, 4))}
        state = {"sleepers": awake, "memory": _remembered()} | state
    if "branches" in state:
        none = np.zeros(0, np.intp)
        claims = {"now": 0, "first": none, "last": none, "counts": none, "claims": none}
        state["branches"] = {"vacant": [], "claims": claims} | state["branches"]
    if {"vectors", "norms", "positive", "messages"} <= state.keys() and "numbers" not in state:
        # A window in which the messages took turns.
        rows, messages = len(state["norms"]), state["messages"]
        state["numbers"] = messages - (messages - 1 - np.arange(rows)) % max(rows, 1)
    if "importance" in state:
        return _remembered(state)
    if state.keys() == {"limit", "buckets", "slots", "size"}:
        return _with_last_messages(state)
    if "labels" in state and "feature_space" in state:
        labels = state["labels"]
        tree = {"operated": []} | labels if isinstance(labels, dict) else {"names": labels}
        size = len(tree["names"])
        resting = {"names": [], "counts": np.zeros((0, 2), np.int64)}
        counts = {"admitted": size, "clock": 0, "records": np.zeros((size, 3), np.int64), "resting": resting}
        state["labels"] = counts | tree
    return state


def _remembered(former: Any = None) -> Any:
    """Return the state of a memory for rehearsal: an empty one, or with what a former one held."""
    nothing = {"ids": np.zeros(0, np.intp), "ends": np.zeros(0, np.intp)}
    empty = {"positive": nothing, "negative": nothing, "complete": np.zeros(0, np.bool_)}
    held = former or {"vectors": np.zeros((0, 0), np.float32), "targets": empty, "classes": empty, "seen": 0}
    messages = len(held["vectors"])
    numbers = held["seen"] - np.arange(messages)[::-1]
    labels = np.full(held["classes"]["positive"]["ids"].max(initial=-1) + 1, held["seen"])
    none = np.zeros(messages, np.intp)
    return {
        "now": held["seen"],
        "vectors": held["vectors"],
        "sparse": {"ends": none, "indices": np.zeros(0, np.int32), "values": np.zeros(0, np.float32)},
        "targets": held["targets"],
        "labels": held["classes"],
        "numbers": numbers,
        "keys": np.zeros(messages),
        "came": np.zeros(len(labels) + 1, np.intp),
        "turns": numbers,
        "occurred": labels,
        "taught": labels,
        "judged": np.zeros((3, 2)),
    }


def _with_last_messages(features: Any) -> Any:
    """Return a feature space's state in which each name has a last message: the present one."""
    slots = {name: [slot, 0] for name, slot in features["slots"].items()}
    return features | {"slots": slots, "clock": 0, "all_seen_until": 0, "candidates": []}


def _with_labels_that_leave(snapshot: Snapshot) -> Snapshot:
    state = dict(snapshot.state)
    if "changes" in state:
        state.setdefault("resting", {"names": [], "counts": np.zeros((0, 5), np.int64)})
    if "learner" in state:
        state["learner"] = _with_label_counts(state["learner"])
    if "encoder" in state:
        state["encoder"] = _with_label_counts(state["encoder"])
    if "feedback" in state:
        guesses = state["feedback"]["guesses"]
        guesses = {"admitted": np.zeros_like(guesses["size"])} | guesses
        state["feedback"] = state["feedback"] | {"guesses": guesses}
    return dataclasses.replace(snapshot, state=state)


def _with_class_means(learner: Any, labels: Any = None) -> Any:
    """Return a learner's state in which label expansion, of its parts too, has a fourth opinion.

    That of the labels' means, which begin with the remembered messages: it earns trust as a novice does.
    `labels` are those of the enclosing learner, which shares them.
    """
    if not isinstance(learner, dict):
        return learner
    labels = learner.get("labels", labels)
    state = {key: _with_class_means(value, labels) for key, value in learner.items()}
    if "branches" in state and "mixture" in state and "means" not in state:
        state["means"] = _means(state["branches"]["rehearsal"], labels)
        state["mixture"] = _with_novice(state["mixture"])
    return state


def _means(memory: dict[str, Any], labels: Any) -> Any:
    """Return the state of the means of the remembered messages' labels, their ancestors included."""
    taxonomy, means, targets = Taxonomy(), NearestClassMean(), unpacked(memory["targets"])
    taxonomy.load_state(labels)
    means.share(taxonomy)
    for slot in np.argsort(memory["numbers"]).tolist():
        means.learn(memory["vectors"][slot], taxonomy.closed(targets[slot]))
    return means.state_without_labels()


def _with_novice(mixture: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a mixture with one more expert, the last one, that knows nothing yet."""

    def inserted(name: str, value: float, others: float = 1.0) -> Any:
        # The last row is the bias, or the stacker.
        return np.insert(mixture[name] * np.float32(others), -1, np.float32(value), axis=0)

    trusted, rest = NOVICE_TRUST, 1.0 - NOVICE_TRUST
    return {
        "common": inserted("common", 0.0),
        "common_squares": inserted("common_squares", 1.0),
        "common_trust": inserted("common_trust", trusted, rest),
        "own": inserted("own", 0.0),
        "own_squares": inserted("own_squares", 1.0),
        "trust": inserted("trust", trusted, rest),
    }


def _with_newton_steps(learner: Any) -> Any:
    """Return a learner's state in which mixtures, of its parts too, learn shared weights by Newton steps.

    They go on from the weights as they are, nothing is known of their covariance, and rivals have no weight.
    """
    if not isinstance(learner, dict):
        return learner
    state = {key: _with_newton_steps(value) for key, value in learner.items()}
    if {"common", "common_squares"} <= state.keys():
        shared = np.append(state.pop("common").astype(np.float64), 0.0)
        del state["common_squares"]
        state |= {"shared": shared, "covariance": PRIOR_VARIANCE * np.eye(len(shared))}
    return state


STEPS: dict[int, Callable[[Snapshot], Snapshot]] = {
    1: _with_label_statistics,
    2: _changed("monitors", _in_rows),
    3: _changed("feedback", _with_sparse_parts),
    4: _changed("monitors", _renewed),
    5: _with_labels_that_leave,
    6: _changed("learner", _with_class_means),
    7: _changed("learner", _with_newton_steps),
}
"""Steps by format version: each converts a snapshot of that version to the next."""


def check_version(version: int, name: str) -> None:
    """Check that a format can be read.

    Raises
    ------
    SnapshotError
        When it is newer than this program, or too old.
    """
    if version > VERSION:
        raise SnapshotError(
            f"{name} has format {version}, but this version of Ithaca reads formats up to {VERSION}. "
            "Start the newer version that wrote it."
        )
    missing = [step for step in range(version, VERSION) if step not in STEPS]
    if missing:
        raise SnapshotError(
            f"{name} has format {version}, and nothing leads from format {missing[0]} to {VERSION}. "
            f"Start the version of Ithaca that wrote it, or relearn."
        )


def migrate(snapshot: Snapshot, version: int, name: str) -> Snapshot:
    """Return a snapshot of an earlier format in the present one; raises as `check_version` does."""
    check_version(version, name)
    for step in range(version, VERSION):
        snapshot = STEPS[step](snapshot)
    return snapshot

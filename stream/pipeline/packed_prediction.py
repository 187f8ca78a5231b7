"""A predicted event in compact form, kept until its labels arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.core import Ids, State, Vector, compiled
from learners.core import Features, Prediction, Sparse, given_part
from learners.uncertainty import Confidence
from stream.records import LISTED

UNSAID = -1
"""Size of the conformal set where a prediction has no confidence."""

NO_PART = Sparse(np.zeros(0, np.int32), np.zeros(0, np.float32))


class PackedPrediction(NamedTuple):
    """An event and its prediction, in little memory.

    Parameters
    ----------
    size
        Length of its vector, d.
    filled, values
        The non-zero numbers of the vector, and a bit for each position: set where it is not zero. Shapes
        (d / 8 rounded up,) and (numbers,).
    indices, sparse
        The vector's sparse part; of length 0 where it has none. Shape (n,).
    labels
        Ids of the predicted labels. Shape (k,).
    scored, scores
        Ids of the labels with the best scores, ascending, and these. Shape (LISTED,) at most, or that of a
        larger conformal set.
    set_size, reject, sureness
        The prediction's confidence; see `Confidence`. `UNSAID`, False and 0 where there is none.
    admitted
        See `Prediction`.
    """

    size: int
    filled: NDArray[np.uint8]
    values: NDArray[np.float32]
    indices: NDArray[np.int32]
    sparse: NDArray[np.float32]
    labels: Ids
    scored: Ids
    scores: NDArray[np.float32]
    set_size: int = UNSAID
    reject: bool = False
    sureness: float = 0.0
    admitted: int = 0

    @classmethod
    def of(cls, x: Vector, prediction: Prediction, confidence: Confidence | None = None) -> PackedPrediction:
        """Pack a vector of shape (d,), without loss, a prediction and its confidence."""
        best, scores = prediction.best(LISTED) if confidence is None else (confidence.best, confidence.scores)
        # Operations on a subclass of arrays are slow.
        filled, values, scored, scores = _packed(np.asarray(x), best, scores)
        judged = (
            (UNSAID, False, 0.0)
            if confidence is None
            else (confidence.size, confidence.reject, confidence.sureness)
        )
        packed = len(x), filled, values, *(given_part(x) or NO_PART)
        labels = np.array(prediction.labels, np.intp)
        return cls(*packed, labels, scored, scores, *judged, prediction.admitted)

    @property
    def x(self) -> Vector:
        """The vector."""
        x = np.zeros(self.size, dtype=np.float32)
        x[np.unpackbits(self.filled, count=self.size).view(np.bool_)] = self.values
        return Features(x, Sparse(self.indices, self.sparse)) if len(self.indices) else x

    @property
    def prediction(self) -> Prediction:
        """The prediction, without the scores that were not kept."""
        return Prediction(self.labels, self.scores, self.scored, admitted=self.admitted)

    @property
    def confidence(self) -> Confidence | None:
        """The prediction's confidence."""
        if self.set_size == UNSAID:
            return None
        best, scores = self.prediction.best(len(self.scored))
        return Confidence(best, scores, self.set_size, self.reject, self.sureness)

    @property
    def bytes(self) -> int:
        """Its size in bytes."""
        part = self.indices.nbytes + self.sparse.nbytes
        return self.filled.nbytes + self.values.nbytes + part + self.labels.nbytes + 12 * len(self.scored)


@compiled
def _packed(x: Vector, best: Ids, scores: Vector) -> tuple[NDArray[np.uint8], Vector, Ids, Vector]:
    """Return where a vector is filled, its values there, and the best labels by id with their scores."""
    bits, size = x.view(np.uint32), 0
    filled, values = np.zeros((len(x) + 7) // 8, np.uint8), np.empty(len(x), np.float32)
    for place in range(len(x)):
        if bits[place]:
            filled[place >> 3] |= np.uint8(128 >> (place & 7))
            values[size] = x[place]
            size += 1
    order = np.argsort(best)
    return filled, values[:size].copy(), best[order], scores[order]


_NUMBERS: dict[str, type[np.generic]] = {
    "size": np.int64,
    "set_size": np.int64,
    "reject": np.bool_,
    "sureness": np.float64,
    "admitted": np.int64,
}
_ARRAYS: dict[str, type[np.generic]] = {
    "filled": np.uint8,
    "values": np.float32,
    "indices": np.int32,
    "sparse": np.float32,
    "labels": np.intp,
    "scored": np.intp,
    "scores": np.float32,
}


def pack(pending: Sequence[PackedPrediction]) -> State:
    """Return predictions as a few long arrays: numbers as columns, concatenated arrays and their lengths."""
    state: State = {
        name: np.array([getattr(each, name) for each in pending], kind) for name, kind in _NUMBERS.items()
    }
    for name, kind in _ARRAYS.items():
        parts = [getattr(each, name) for each in pending]
        state[name] = np.concatenate([np.zeros(0, kind), *parts])
        state[f"{name}_lengths"] = np.array([len(part) for part in parts], np.int64)
    return state


def unpack(state: dict[str, Any]) -> Iterator[PackedPrediction]:
    """Return the predictions that were packed, in order."""
    columns = {name: np.asarray(state[name], kind).tolist() for name, kind in _NUMBERS.items()}
    for name, kind in _ARRAYS.items():
        ends = np.cumsum(np.asarray(state[f"{name}_lengths"], np.int64))
        columns[name] = np.split(np.asarray(state[name], kind), ends)[:-1]
    for row in zip(*(columns[name] for name in PackedPrediction._fields), strict=True):
        yield PackedPrediction(*row)

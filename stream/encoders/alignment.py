"""Maps from a new encoder's vectors to where a former one's would lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drift.core import StateFormat, Vector
from learners.core import Features, given_part

VERSION = 1
PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Ridge penalties that are tried; vectors have a length of about 1."""
HELD_OUT = 0.2
"""Share of the vectors, the last ones, by which the penalty is chosen and the alignment judged."""


class AlignmentError(ValueError):
    """A file that is no alignment, or two encoders that cannot be aligned."""


def _check(version: int, name: str) -> None:
    if version != VERSION:
        raise AlignmentError(f"{name} has format {version}; this version of Ithaca reads {VERSION}.")


_FORMAT = StateFormat(
    b"\x89ITHALN\n", "alignment", _check, AlignmentError, "Make one with `ithaca align`, and name its file."
)


class Alignment(NamedTuple):
    """A linear map from a new encoder's vectors to a former one's.

    Parameters
    ----------
    encoder, former
        The two encoders, each as a name and parameters.
    matrix
        The map, float32. Shape (new dimensions, former dimensions).
    length
        Mean length of the former vectors, which mapped ones are brought to.
    cosine
        Mean cosine between mapped and former vectors, on vectors that the map was not fitted to.
    words
        Whether mapped vectors get the sparse part of the former encoder, as the new one has none.
    """

    encoder: dict[str, Any]
    former: dict[str, Any]
    matrix: Vector
    length: float
    cosine: float
    words: bool

    def save(self, path: Path) -> None:
        """Write it to a file; an existing one is replaced once the new one is complete."""
        header = {name: value for name, value in self._asdict().items() if name != "matrix"}
        _FORMAT.write(path, VERSION, header, {"matrix": self.matrix})

    @classmethod
    def load(cls, path: Path) -> Alignment:
        """Read a file.

        Raises
        ------
        AlignmentError
            When it cannot be read, or is none.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise AlignmentError(f"The alignment {path} cannot be read: {error.strerror}.") from error
        _, header, state = _FORMAT.parse(content, str(path))
        return cls(**header, matrix=state["matrix"])

    def map(self, vectors: Sequence[Vector]) -> Vector:
        """Return vectors of the new encoder as ones of the former, shape (n, former); zero vectors stay."""
        # One by one: the bits of a product of matrices depend on its shape.
        mapped = np.stack([np.asarray(vector) @ self.matrix for vector in vectors])
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        scaled: Vector = mapped * (np.float32(self.length) / np.maximum(lengths, np.float32(1e-12)))
        return scaled

    def attached(self, mapped: Vector, new: Sequence[Vector], former: Sequence[Vector]) -> list[Vector]:
        """Return mapped vectors with the sparse parts of the new encoder's, or else of the former's."""
        parts = [given_part(x) for x in (former if self.words else new)]
        return [x if part is None else Features(x, part) for x, part in zip(mapped, parts, strict=True)]


def align(
    encoder: dict[str, Any], former: dict[str, Any], new: Sequence[Vector], old: Sequence[Vector]
) -> Alignment:
    """Return the least-squares map between two encoders' vectors of the same events.

    Parameters
    ----------
    encoder, former
        The encoders, each as a name and parameters.
    new, old
        Their vectors, at least 50, all of one encoder of the same length. With fewer vectors than `new` has
        dimensions the map is poor.

    Raises
    ------
    AlignmentError
        With too few vectors, or where their lengths differ.

    References
    ----------
    Biondi et al., "CoReS: compatible representations via stationarity", TPAMI 2023, for the aim; the map is
    ridge regression.
    """
    if len(new) < 50:
        raise AlignmentError(f"An alignment needs 50 events that both encoders read; there are {len(new)}.")
    for described, vectors in ((encoder, new), (former, old)):
        if len({len(vector) for vector in vectors}) > 1:
            raise AlignmentError(
                f"The vectors of {described['name']} differ in length and cannot be aligned."
            )
    x, y = (np.array(vectors, dtype=np.float64) for vectors in (new, old))
    fitted = len(x) - max(1, round(HELD_OUT * len(x)))
    words = given_part(old[0]) is not None and given_part(new[0]) is None
    tried = []
    for penalty in PENALTIES:
        matrix = np.linalg.solve(
            x[:fitted].T @ x[:fitted] + penalty * np.eye(x.shape[1]), x[:fitted].T @ y[:fitted]
        ).astype(np.float32)
        length = float(np.linalg.norm(y[:fitted], axis=1).mean())
        alignment = Alignment(encoder, former, matrix, length, 0.0, words)
        mapped = alignment.map(new[fitted:])
        lengths = np.linalg.norm(y[fitted:], axis=1) * length
        cosines = (mapped * y[fitted:]).sum(axis=1) / np.maximum(lengths, 1e-12)
        tried.append(alignment._replace(cosine=float(cosines.mean())))
    return max(tried, key=lambda each: each.cosine)

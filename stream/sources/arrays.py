"""A folder of arrays: `X.npz` (dense under the key "X", or scipy CSR), `Y.npz` (scipy CSR), `labels.txt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from stream.records import MAX_NUMBER
from stream.sources.base import SourceError, Table


def read_arrays(folder: Path, limit: int | None = None) -> Table:
    """Read the first `limit` rows of a folder of arrays.

    Nominal features are stored as the index of their value, missing values as NaN. A row with a number that
    cannot be learned is left out and told of in `problems`.

    Raises
    ------
    SourceError
        When a part is missing or the parts do not fit together.
    """
    for part in ("Y.npz", "labels.txt"):
        if not (folder / part).exists():
            raise SourceError(
                f"{folder} has X.npz but no {part}. A folder of arrays has X.npz, Y.npz and labels.txt."
            )
    labels = (folder / "labels.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    y = scipy.sparse.csr_matrix(scipy.sparse.load_npz(folder / "Y.npz"))
    y.eliminate_zeros()
    y.sort_indices()
    x, y = _features(folder / "X.npz")[:limit], y[:limit]
    wild = _unlearnable(x)
    problems = [
        f"row {row}: a feature is beyond {MAX_NUMBER:.3g} and cannot be learned: store NaN for a missing one"
        for row in np.flatnonzero(wild).tolist()
    ]
    if problems and x.shape[0] == y.shape[0]:
        x, y = x[~wild], y[~wild]
    names = labels[: -1 if not labels[-1] else None]
    return Table(folder.name, x.astype(np.float32), y, names, problems=problems)


def _features(path: Path) -> NDArray[Any] | scipy.sparse.csr_matrix:
    with np.load(path) as arrays:
        if "X" in arrays:
            return np.asarray(arrays["X"])
    return scipy.sparse.csr_matrix(scipy.sparse.load_npz(path))


def _unlearnable(x: NDArray[Any] | scipy.sparse.csr_matrix) -> NDArray[np.bool_]:
    """Return which rows have a number that float32 cannot hold."""
    if isinstance(x, np.ndarray):
        return np.asarray((np.abs(x) > MAX_NUMBER).any(axis=1))
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    return np.isin(np.arange(x.shape[0]), rows[np.abs(x.data) > MAX_NUMBER])

"""A folder of arrays: `X.npz` (dense under the key "X", or scipy CSR), `Y.npz` (scipy CSR), `labels.txt`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from stream.sources.base import SourceError, Table


def read_arrays(folder: Path, limit: int | None = None) -> Table:
    """Read the first `limit` rows of a folder of arrays.

    Nominal features are stored as the index of their value, missing values as NaN.

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
    return Table(
        folder.name, _features(folder / "X.npz")[:limit], y[:limit], labels[: -1 if not labels[-1] else None]
    )


def _features(path: Path) -> NDArray[np.float32] | scipy.sparse.csr_matrix:
    with np.load(path) as arrays:
        if "X" in arrays:
            return np.asarray(arrays["X"], dtype=np.float32)
    return scipy.sparse.csr_matrix(scipy.sparse.load_npz(path), dtype=np.float32)

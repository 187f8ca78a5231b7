"""A folder of arrays: `X.npz` (dense under the key "X", or scipy CSR), `Y.npz` (scipy CSR), `labels.txt`."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from stream.records import MAX_NUMBER
from stream.sources.base import SourceError, Table, label_names

_Array = TypeVar("_Array", bound=NDArray[Any] | scipy.sparse.csr_matrix)


def read_arrays(folder: Path, limit: int | None = None) -> Table:
    """Read the first `limit` rows of a folder of arrays.

    Nominal features are stored as the index of their value, missing values as NaN. A row with a number that
    cannot be learned is left out and told of in `problems`. Values that a sparse array has twice in a place
    are added up, as scipy does. Y is 1 where a label is on, else 0.

    Raises
    ------
    SourceError
        When a part is missing or is none, the parts do not fit together, or Y holds another number.
    """
    for part in ("Y.npz", "labels.txt"):
        if not (folder / part).exists():
            raise SourceError(
                f"{folder} has X.npz but no {part}. A folder of arrays has X.npz, Y.npz and labels.txt."
            )
    labels = _labels(folder / "labels.txt")
    y = _read(folder / "Y.npz", _sparse)
    _check_labels(folder / "Y.npz", y)
    y.eliminate_zeros()
    x, y = _read(folder / "X.npz", _features)[:limit], y[:limit]
    wild = _unlearnable(x)
    problems = [
        f"row {row}: a feature is beyond {MAX_NUMBER:.3g} and cannot be learned: store NaN for a missing one"
        for row in np.flatnonzero(wild).tolist()
    ]
    if problems and x.shape[0] == y.shape[0]:
        x, y = x[~wild], y[~wild]
    return Table(folder.name, x.astype(np.float32), y, labels, problems=problems)


def _labels(path: Path) -> list[str]:
    try:
        names = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not in UTF-8: {error}. Save it as UTF-8.") from error
    return label_names(path, names[: -1 if not names[-1] else None])


def _read(path: Path, read: Callable[[Path], _Array]) -> _Array:
    """Return the matrix in a file, of numbers, with two dimensions."""
    try:
        array = read(path)
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise ValueError(f"it has the shape {array.shape} and the type {array.dtype}")
    # An empty file ends before it begins; a file that lacks an array is one without that key.
    except (ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(
            f"{path} cannot be read: {str(error).rstrip('.')}. Write numbers in two dimensions with "
            "scipy.sparse.save_npz, or dense features with numpy.savez(path, X=...)."
        ) from error
    return array


def _features(path: Path) -> NDArray[Any] | scipy.sparse.csr_matrix:
    with np.load(path) as arrays:
        if "X" in arrays:
            return np.asarray(arrays["X"])
    return _sparse(path)


def _sparse(path: Path) -> scipy.sparse.csr_matrix:
    matrix = scipy.sparse.csr_matrix(scipy.sparse.load_npz(path))
    # What was stored is not looked at otherwise, and an index outside fails where it is used.
    matrix.check_format(full_check=True)
    # Sorted, too.
    matrix.sum_duplicates()
    return matrix


def _check_labels(path: Path, y: scipy.sparse.csr_matrix) -> None:
    """Raise SourceError where something else than 0 and 1 is stored."""
    others = y.data[(y.data != 0) & (y.data != 1)]
    if len(others):
        raise SourceError(
            f"{path} has {len(others)} values that are neither 0 nor 1, such as {others[0]}. Store 1 where a "
            "label is on and nothing where it is not; where that is unknown, write JSON lines with `not`."
        )


def _unlearnable(x: NDArray[Any] | scipy.sparse.csr_matrix) -> NDArray[np.bool_]:
    """Return which rows have a number that float32 cannot hold."""
    if isinstance(x, np.ndarray):
        return np.asarray((np.abs(x) > MAX_NUMBER).any(axis=1))
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    return np.isin(np.arange(x.shape[0]), rows[np.abs(x.data) > MAX_NUMBER])

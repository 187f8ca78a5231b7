"""Compiling the inner loops: what a profile shows to be Python's overhead per message, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Return a function compiled to machine code on its first call, and kept on disk for the next process.

    No reordering of floating-point operations is allowed, so results are those of the plain function
    (`NUMBA_DISABLE_JIT=1` runs that). Only dividing by 0 is no error but gives what numpy gives: a loop
    that might raise at every step could not work on several numbers at once. Where the package's folder
    cannot be written, `NUMBA_CACHE_DIR` says where compiled code is kept.

    Examples
    --------
    >>> compiled(lambda n: n + 1)(1)
    2
    """
    return cast(F, numba.njit(cache=_has_file(function), error_model="numpy")(function))


def _has_file(function: Callable[..., object]) -> bool:
    # What was typed at a prompt has no file whose age could tell a stale copy.
    return not function.__code__.co_filename.startswith("<")

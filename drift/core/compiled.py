"""Compiling the inner loops: what a profile shows to be Python's overhead per message, and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])
PACKAGES = ("drift", "learners")
"""Where compiled functions are, which call one another."""
KEPT_IN = "CACHE_DIR"
"""Where numba looks for, and keeps, compiled code; its configuration is made up as it is loaded."""


def _kept_in() -> str:
    """Return a folder of its own for these very sources.

    Numba looks at the age of a function's own file; that what it calls in another one has changed, it does
    not see, and results would be those of the code before.
    """
    package = Path(__file__).parent
    root = package.parent.parent
    sources = [path.read_bytes() for name in PACKAGES for path in sorted((root / name).rglob("*.py"))]
    digest = hashlib.blake2b(digest_size=8)
    for source in sources:
        if b"@compiled" in source:
            digest.update(hashlib.blake2b(source).digest())
    given: str = getattr(numba.config, KEPT_IN)
    folder = given or (str(package / "__pycache__") if os.access(package, os.W_OK) else "")
    return folder and os.path.join(folder, f"compiled-{digest.hexdigest()}")


_FOLDER = _kept_in()


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
    given = getattr(numba.config, KEPT_IN)
    setattr(numba.config, KEPT_IN, _FOLDER)
    try:
        return cast(F, numba.njit(cache=_has_file(function), error_model="numpy")(function))
    finally:
        setattr(numba.config, KEPT_IN, given)


def _has_file(function: Callable[..., object]) -> bool:
    # What was typed at a prompt has no file whose age could tell a stale copy.
    return not function.__code__.co_filename.startswith("<")

"""Compiling the inner loops: what a profile shows to be Python's overhead per message, and nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache, UserProvidedCacheLocator

F = TypeVar("F", bound=Callable[..., object])
PACKAGES = ("drift", "learners")
"""Where compiled functions are, which call one another."""


def _sources() -> str:
    """Return a name for these very sources.

    Numba looks at the content of a function's own file; that what it calls in another one has changed, it
    does not see, and results would be those of the code before.
    """
    root = Path(__file__).parents[2]
    digest = hashlib.blake2b(digest_size=8)
    for path in (path for name in PACKAGES for path in sorted((root / name).rglob("*.py"))):
        source = path.read_bytes()
        if b"@compiled" in source:
            digest.update(hashlib.blake2b(source).digest())
    return f"compiled-{digest.hexdigest()}"


def _folders() -> list[Path]:
    """Return where compiled code is looked for, and kept in the first that can be written.

    `NUMBA_CACHE_DIR`; beside the source; where that cannot be written (a container's read-only root,
    packages installed by another user), the user's cache or the temporary folder.
    """
    given, package = os.environ.get("NUMBA_CACHE_DIR"), Path(__file__).parent
    parents = [Path(given)] if given else []
    parents.append(package / "__pycache__")
    if not os.access(package, os.W_OK):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        own = [Path(cache, "ithaca")] if os.path.isabs(cache) else []
        with suppress(OSError):  # There may be no temporary folder either.
            own.append(Path(tempfile.gettempdir(), f"ithaca-{os.geteuid()}"))
        parents += filter(_is_ours, own)
    return [parent / _SOURCES for parent in parents]


def _is_ours(folder: Path) -> bool:
    """Make a folder; false where others may write to it too, for what lies there is run."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


_SOURCES = _sources()
FOLDERS = _folders()


def compiled(function: F) -> F:
    """Return a function compiled to machine code on its first call, and kept on disk for the next process.

    No reordering of floating-point operations is allowed, so results are those of the plain function
    (`NUMBA_DISABLE_JIT=1` runs that). Only dividing by 0 is no error but gives what numpy gives: a loop
    that might raise at every step could not work on several numbers at once. `FOLDERS` says where compiled
    code is kept; where no folder can be written, each process compiles for itself.

    Examples
    --------
    >>> compiled(lambda n: n + 1)(1)
    2
    """
    dispatcher: Any = numba.njit(error_model="numpy")(function)
    # What was typed at a prompt has no file whose content could tell a stale copy.
    if dispatcher is not function and not function.__code__.co_filename.startswith("<"):
        dispatcher._cache = _Kept(function)
    return cast(F, dispatcher)


@contextmanager
def compilations(told: Callable[[str], None]) -> Iterator[None]:
    """Tell the name of each compiled function whose compilation ends inside the block.

    Code that is found on disk is not told. Where a function calls others of ours, those come first.
    """
    with event.install_listener("numba:compile", _Listener(told)):
        yield


class _Listener(event.Listener):
    """Numba's own functions are compiled as parts of ours, and nobody knows their names."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told

    def on_start(self, event: Any) -> None:
        del event

    def on_end(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if function.__module__.partition(".")[0] in PACKAGES:
            self._told(function.__qualname__)


class _Kept(NullCache):
    """Numba's cache in several folders: each is read, the first that takes it is written."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._caches: list[Any] = [kind(function) for kind in _CACHES]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        for cache in self._caches:
            with suppress(OSError):
                code = cache.load_overload(sig, target_context)
                if code is not None:
                    return code
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        for cache in self._caches:
            with suppress(OSError):
                cache.save_overload(sig, data)
                return


def _cache(folder: Path) -> type:
    """Return numba's cache in one folder, which need neither exist nor be writable."""

    class Locator(UserProvidedCacheLocator):
        @classmethod
        def from_function(cls: Any, py_func: Callable[..., object], py_file: str) -> Any:
            locator = cls(py_func, py_file)
            locator._cache_path = str(folder / py_func.__module__)
            return locator

    implementation = type("Implementation", (CompileResultCacheImpl,), {"_locator_classes": [Locator]})
    return type("Cache", (FunctionCache,), {"_impl_class": implementation})


_CACHES = [_cache(folder) for folder in FOLDERS]

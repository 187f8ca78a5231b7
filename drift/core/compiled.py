"""Compilation of inner loops, only where a profile shows Python's overhead per message."""

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
PACKAGES = ("drift", "learners", "stream")
"""Packages that contain compiled functions, which call one another."""


def _sources() -> str:
    """Return a directory name with a digest of all files that contain compiled functions.

    Numba checks only the content of a function's own file. If a function that it calls in another file
    changed, numba would still load the old code.
    """
    root = Path(__file__).parents[2]
    digest = hashlib.blake2b(digest_size=8)
    for path in (path for name in PACKAGES for path in sorted((root / name).rglob("*.py"))):
        source = path.read_bytes()
        if b"@compiled" in source:
            digest.update(hashlib.blake2b(source).digest())
    return f"compiled-{digest.hexdigest()}"


def _folders() -> list[Path]:
    """Return the folders that are searched for compiled code; it is saved in the first writable one.

    `NUMBA_CACHE_DIR`; next to the source; where that is not writable (a container's read-only root,
    packages installed by another user), the user's cache or the temporary folder.
    """
    given, package = os.environ.get("NUMBA_CACHE_DIR"), Path(__file__).parent
    parents = [Path(given)] if given else []
    parents.append(package / "__pycache__")
    if not os.access(package, os.W_OK):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        own = [Path(cache, "ithaca")] if os.path.isabs(cache) else []
        with suppress(OSError):  # The system may have no temporary folder.
            own.append(Path(tempfile.gettempdir(), f"ithaca-{os.geteuid()}"))
        parents += filter(_is_ours, own)
    return [parent / _SOURCES for parent in parents]


def _is_ours(folder: Path) -> bool:
    """Create a folder; return False where other users can write to it, because its content is executed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


_SOURCES = _sources()
FOLDERS = _folders()


def compiled(function: F) -> F:
    """Return a function that is compiled to machine code on its first call and cached on disk.

    Floating-point operations are not reordered, so results equal those of the plain function
    (`NUMBA_DISABLE_JIT=1` runs that one). The exception is division by 0, which gives what numpy gives
    instead of an error: a loop that can raise at every step cannot be vectorised. `FOLDERS` lists where
    compiled code is cached; where none is writable, every process compiles for itself.

    Examples
    --------
    >>> compiled(lambda n: n + 1)(1)
    2
    """
    dispatcher: Any = numba.njit(error_model="numpy")(function)
    # A function typed at a prompt has no source file by which a stale cache entry could be detected.
    if dispatcher is not function and not function.__code__.co_filename.startswith("<"):
        dispatcher._cache = _Kept(function)
    return cast(F, dispatcher)


@contextmanager
def compilations(told: Callable[[str], None]) -> Iterator[None]:
    """Call `told` with the name of each compiled function whose compilation ends inside the block.

    Functions loaded from disk are not reported. Functions of ours that a function calls come before it.
    """
    with event.install_listener("numba:compile", _Listener(told)):
        yield


class _Listener(event.Listener):
    """Reports our functions only: numba also compiles functions of its own as parts of ours."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told

    def on_start(self, event: Any) -> None:
        del event

    def on_end(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if function.__module__.partition(".")[0] in PACKAGES:
            self._told(function.__qualname__)


class _Kept(NullCache):
    """Numba's cache in several folders: all are read, the first writable one is written."""

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
    """Return a numba cache in one folder, which need neither exist nor be writable."""

    class Locator(UserProvidedCacheLocator):
        @classmethod
        def from_function(cls: Any, py_func: Callable[..., object], py_file: str) -> Any:
            locator = cls(py_func, py_file)
            locator._cache_path = str(folder / py_func.__module__)
            return locator

    implementation = type("Implementation", (CompileResultCacheImpl,), {"_locator_classes": [Locator]})
    return type("Cache", (FunctionCache,), {"_impl_class": implementation})


_CACHES = [_cache(folder) for folder in FOLDERS]

"""Storage of one partition's snapshots: a folder on any file system that fsspec supports."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import math
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from stream.snapshot.contents import Identity, Snapshot, SnapshotError
from stream.snapshot.format import dump, parse

SUFFIX = ".snapshot"
UNFINISHED = ".tmp"
ANSWERS = "-answers"
"""What follows the digest of the settings in names of snapshots without a model; see `Store`."""

PERMANENT = (errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""Errors of a folder that do not pass by themselves."""

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Turn any exception of unavailable storage into an OSError, which is worth retrying."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _home(root: str, group: str) -> str:
    return f"{root}/{quote(group, safe='')}"


def check_location(location: str) -> None:
    """Check that a location, if it is there, is a folder that can be looked into; a URL is not looked at.

    Raises
    ------
    ValueError
        Where it is no such folder: to try again would change nothing.
    """
    try:
        files, root = url_to_fs(location)
    except (ImportError, ValueError):
        return
    if not isinstance(files, LocalFileSystem):
        return
    try:
        with os.scandir(root):
            return
    except FileNotFoundError:
        return  # It will be made.
    except OSError as error:
        if error.errno not in PERMANENT:
            return
        raise ValueError(
            f"The setting snapshot.location is {location!r}, where no snapshot can be read or written: "
            f"{error.strerror}. Name a folder that this user may read and write, or one that can be made."
        ) from error


def partitions(location: str, group: str, topic: str) -> list[int]:
    """Return the partitions of a topic that a group has a folder for, ascending."""
    files, root = url_to_fs(location)
    home = _home(root, group)
    names = files.ls(home, detail=False) if files.exists(home) else ()
    found = (re.fullmatch(rf"{re.escape(topic)}-(\d+)", os.path.basename(name.rstrip("/"))) for name in names)
    return sorted(int(match[1]) for match in found if match)


def newest(location: str, group: str, topic: str) -> dict[int, float]:
    """Return when the newest snapshot of each partition of a topic was written, in seconds since 1970.

    Raises
    ------
    OSError
        When the location cannot be read.
    """
    found = {}
    with _reading():
        files, root = url_to_fs(location)
        for partition in partitions(location, group, topic):
            folder = f"{_home(root, group)}/{topic}-{partition}"
            files.invalidate_cache(folder)
            paths = [path for path in files.ls(folder, detail=False) if path.endswith(SUFFIX)]
            if paths:
                found[partition] = max(files.modified(path).timestamp() for path in paths)
    return found


class Store:
    """The snapshots of one partition.

    Their paths are `<location>/<group>/<topic>-<partition>/<offset>-<digest of the settings>.snapshot`; the
    settings are saved beside them in `<digest of the settings>.json`, for people. Where partitions share a
    model, theirs have none, and `-answers` follows the digest: they do not push out those with a model, which
    are of use again when the model is the partition's own.

    Parameters
    ----------
    location
        Folder, or any fsspec URL: `s3://`, `gs://`, `memory://`.
    group
        Consumer group: two services that read the same stream have separate models.
    identity
        Identity of the snapshots that are read and written.
    keep
        Number of snapshots kept, at least 1.
    allow_pickle
        Whether snapshots with pickles may be read and written.
    settings
        The settings that the identity's digest is of, as JSON; None (the default) does not save them.
    answers
        Whether those that are written have no model. Those with one are read, too. False by default.

    Examples
    --------
    >>> identity = Identity("news.events", "0", 3, "5f0c")
    >>> Store("memory://doctest", "ithaca-news", identity).folder
    '/doctest/ithaca-news/news.events-3'
    """

    def __init__(
        self,
        location: str,
        group: str,
        identity: Identity,
        *,
        keep: int = 3,
        allow_pickle: bool = False,
        settings: str | None = None,
        answers: bool = False,
    ) -> None:
        self._files, root = url_to_fs(location)
        self.folder = f"{_home(root, group)}/{identity.topic}-{identity.partition}"
        self.identity = identity
        self.keep = keep
        self.allow_pickle = allow_pickle
        with_model = identity.configuration[:12]
        self.short = f"{with_model}{ANSWERS}" if answers else with_model
        self._read = {self.short, with_model}
        self._settings = None if settings is None else json.loads(settings)

    def names(self) -> list[str]:
        """Return the paths of all files in the folder, of any kind."""
        self._files.invalidate_cache(self.folder)
        try:
            with _reading():
                return sorted(self._files.ls(self.folder, detail=False))
        except FileNotFoundError:
            return []

    def offsets(self) -> list[int]:
        """Return the offsets of the snapshots that are of use with these settings, newest first."""
        return sorted({offset for offset, settings in self.kept() if settings in self._read}, reverse=True)

    def kept(self) -> list[tuple[int, str]]:
        """Return the offset of every snapshot, and what its name says of its settings, as `short` does."""
        pattern = re.compile(rf"(\d+)-(\w+(?:{ANSWERS})?){re.escape(SUFFIX)}")
        found = (pattern.fullmatch(os.path.basename(name)) for name in self.names())
        return [(int(match[1]), match[2]) for match in found if match]

    def described(self, short: str) -> dict[str, Any] | None:
        """Return the settings with a digest, by section; None if they were not saved."""
        return self.read_json(f"{short}.json")

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a JSON object saved beside the snapshots; None if it is missing or damaged."""
        try:
            with _reading():
                content = self._files.cat_file(f"{self.folder}/{name}")
            found = json.loads(content)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Save a JSON object beside the snapshots, for `read_json`."""
        self._files.makedirs(self.folder, exist_ok=True)
        self._files.pipe_file(f"{self.folder}/{name}", json.dumps(content).encode())

    def path(self, offset: int) -> str:
        """Return the path that a snapshot at an offset is written to."""
        return self._path(offset, self.short)

    def _path(self, offset: int, short: str) -> str:
        return f"{self.folder}/{offset:020}-{short}{SUFFIX}"

    def write(self, snapshot: Snapshot) -> int:
        """Write a snapshot, remove those that are too old, and return its size in bytes.

        It gets its name only once it is completely on disk, so that a name stands for a whole snapshot.

        Raises
        ------
        OSError
            When it cannot be written; earlier snapshots are untouched.
        """
        self._files.makedirs(self.folder, exist_ok=True)
        if self._settings is not None and self._settings != self.described(self.short):
            self.write_json(f"{self.short}.json", self._settings)
        path = self.path(snapshot.offset)
        unfinished = f"{path}.{uuid.uuid4().hex}{UNFINISHED}"
        try:
            size = self._write(unfinished, snapshot)
            self._files.mv(unfinished, path)
        except BaseException:
            with contextlib.suppress(OSError):
                self._files.rm_file(unfinished)
            raise
        self._settle_names()
        written = sorted((offset for offset, short in self.kept() if short == self.short), reverse=True)
        for old in [offset for offset in written if offset <= snapshot.offset][self.keep :]:
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(self.path(old))
        return size

    def _write(self, path: str, snapshot: Snapshot) -> int:
        size = 0
        with self._files.open(path, "wb") as file:
            for piece in dump(snapshot):
                file.write(piece)
                size += len(piece)
            if isinstance(self._files, LocalFileSystem):
                file.flush()
                os.fsync(file.fileno())
        return size

    def _settle_names(self) -> None:
        if isinstance(self._files, LocalFileSystem):
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def read(self, path: str) -> tuple[Snapshot, int]:
        """Return a snapshot that can be used here, and its size in bytes.

        Raises
        ------
        SnapshotError
            When it is damaged, of another format, partition or settings, or contains a pickle that may not be
            loaded.
        OSError
            When it cannot be read.
        """
        with _reading():
            content = self._files.cat_file(path)
        snapshot = parse(content, path)
        for field, theirs, ours in zip(Identity._fields[:-1], snapshot.identity, self.identity, strict=False):
            if ours is not None and theirs != ours:
                raise SnapshotError(f"{path} is of another {field}: {theirs} instead of {ours}.")
        if snapshot.pickled and not self.allow_pickle:
            raise SnapshotError(
                f"{path} holds pickled models, and loading a pickle runs code. Set snapshot.allow_pickle = "
                "true if nobody else can write there."
            )
        return snapshot, len(content)

    def candidates(self, at_most: float = math.inf) -> Iterator[tuple[Snapshot, int]]:
        """Yield the usable snapshots at or below an offset, newest first; log which are not usable."""
        for name in self.names():
            if name.endswith(SUFFIX) and not name.endswith(tuple(f"-{each}{SUFFIX}" for each in self._read)):
                log.warning("%s is of other settings than these and is not used", name)
        # Of two at one offset, what was written with these settings comes first.
        of_use = sorted((each for each in self.kept() if each[1] in self._read), reverse=True)
        for offset, short in of_use:
            path = self._path(offset, short)
            if offset > at_most:
                log.warning(
                    "%s is beyond the committed offset %d: the group's offsets were set back. The events "
                    "from there on are answered again, with equal predictions",
                    path,
                    at_most,
                )
                continue
            try:
                yield self.read(path)
            except (SnapshotError, OSError) as error:
                log.warning("snapshot not used: %s", error)

    def sweep(self) -> None:
        """Remove unfinished files of an earlier owner."""
        for name in self.names():
            if name.endswith(UNFINISHED):
                with contextlib.suppress(FileNotFoundError):
                    self._files.rm_file(name)

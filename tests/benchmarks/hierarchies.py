"""Data sets whose labels are paths, for the benchmark `hle`: digits, Fashion-MNIST and WordNet's glosses."""

from __future__ import annotations

import gzip
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from drift.core import Vector
from stream.encoders import Hashing
from stream.records import Event

TOPS = ("animal", "plant", "person", "artifact")
SUBTREES = (3, 2)
"""How many subtrees of WordNet are chosen below each synset of the first and of the second level."""


class Set(NamedTuple):
    """Messages, the path (`parent/class`) of each, and how they are used."""

    x: Sequence[Vector]
    paths: list[str]
    tests: int
    """Number of messages at the end that are predicted and never learned from."""
    tasks: list[list[list[str]]]
    """For each level but the first: its labels, in pairs, in the order in which they appear."""
    memory: int
    rate: float
    """Adam's learning rate, for the baselines."""

    @property
    def levels(self) -> int:
        """Return the number of labels on a path."""
        return len(self.tasks) + 1


def cut(path: str, depth: int) -> str:
    """Return the first labels of a path.

    >>> cut("animal/bird/passerine", 2)
    'animal/bird'
    """
    return "/".join(path.split("/")[:depth])


def digits() -> Set:
    """Return scikit-learn's digits; those under one parent look similar."""
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.data))
    x = (found.data[order] / 16).astype(np.float32)
    parents = {"round": "0689", "upright": "147", "open": "235"}
    return _images(x, found.target[order], parents, ("01", "67", "82", "93", "45"), 400, 200, 1e-2)


def fashion() -> Set:
    """Return the first 6,000 images of Fashion-MNIST, and 1,000 to test with.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        When they are not stored and cannot be downloaded.
    """
    folder = _debian("dataset-fashion-mnist", "fashion-mnist", "train-images-idx3-ubyte.gz")
    images, classes = [], []
    for part, count in (("train", 6000), ("t10k", 1000)):
        pixels = _bytes(folder / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 14, 2, 14, 2)[:count]
        images.append(pixels.mean(axis=(2, 4)).reshape(count, -1) / 255)
        classes.append(_bytes(folder / f"{part}-labels-idx1-ubyte.gz", 8)[:count])
    x = np.concatenate(images).astype(np.float32)
    parents = {"top": "0246", "long": "13", "other": "5789"}
    tasks = ("05", "37", "21", "49", "68")
    return _images(x, np.concatenate(classes), parents, tasks, 1000, 500, 3e-3)


def _images(
    x: npt.NDArray[np.float32],
    classes: npt.NDArray[np.integer],
    parents: dict[str, str],
    tasks: Sequence[str],
    tests: int,
    memory: int,
    rate: float,
) -> Set:
    paths = {name: f"{parent}/{name}" for parent, names in parents.items() for name in names}
    of_tasks = [[paths[name] for name in task] for task in tasks]
    return Set(list(x), [paths[str(name)] for name in classes.tolist()], tests, [of_tasks], memory, rate)


def _bytes(path: Path, header: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def _debian(package: str, name: str, file: str) -> Path:
    """Return the stored folder of a Debian package in which a file lies, after downloading it once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ithaca" / name
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            subprocess.run(["apt-get", "-qq", "download", package], cwd=folder, check=True)
            subprocess.run(["dpkg", "-x", *Path(folder).glob("*.deb"), folder], check=True)
            next(Path(folder).rglob(file)).parent.rename(cache)
    return cache


def glosses() -> Set:
    """Return the definitions of WordNet's nouns below 24 synsets, which lie below 12, and these below 4.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        When they are not stored and cannot be downloaded.
    """
    nouns = Nouns(_debian("wordnet-base", "wordnet", "data.noun") / "data.noun")
    level = {top: nouns.named(top) for top in TOPS}
    tasks = []
    for count in SUBTREES:
        below = [
            [(f"{path}/{nouns.names[part]}", part) for part in nouns.subtrees(synset, count)]
            for path, synset in level.items()
        ]
        # The first of each, then the second of each: so siblings appear in different tasks.
        level = dict(pair for rank in zip(*below, strict=True) for pair in rank)
        labels = list(level)
        tasks.append([labels[place : place + 2] for place in range(0, len(labels), 2)])
    found = {nouns.glosses[each]: path for path, leaf in level.items() for each in nouns.under(leaf)}
    texts = sorted(found)
    order = np.random.default_rng(0).permutation(len(texts)).tolist()
    events = [Event(id="", ts=0, text=texts[place]) for place in order]
    paths = [found[event.text or ""] for event in events]
    return Set(Hashing(device="cpu").encode(events), paths, len(paths) // 6, tasks, 500, 1e-3)


class Nouns:
    """WordNet's nouns as a tree: each synset under the first of its hypernyms, instances left out."""

    def __init__(self, file: Path) -> None:
        self.names: dict[str, str] = {}
        self.glosses: dict[str, str] = {}
        self._below: dict[str, list[str]] = {}
        for line in file.read_text().splitlines():
            # The first lines, the licence, are indented.
            if not line.startswith(" "):
                self._read(line)
        self._sizes: dict[str, int] = {}

    def _read(self, line: str) -> None:
        fields, _, gloss = line.partition(" | ")
        synset, _, _, words, name, *rest = fields.split(" ")
        pointers = rest[2 * int(words, 16) :]
        self.names[synset] = name
        # What follows the definition are quoted examples.
        self.glosses[synset] = gloss.partition('; "')[0].strip()
        for kind, target in zip(pointers[::4], pointers[1::4], strict=False):
            if kind == "@":
                self._below.setdefault(target, []).append(synset)
                break

    def named(self, name: str) -> str:
        """Return the largest synset with a name."""
        return max((synset for synset, its in self.names.items() if its == name), key=self.size)

    def size(self, synset: str) -> int:
        """Return how many synsets a subtree has."""
        if synset not in self._sizes:
            self._sizes[synset] = 1 + sum(map(self.size, self._below.get(synset, ())))
        return self._sizes[synset]

    def under(self, synset: str) -> list[str]:
        """Return a synset and all below it."""
        return [synset, *(each for part in self._below.get(synset, ()) for each in self.under(part))]

    def subtrees(self, synset: str, count: int) -> list[str]:
        """Return the largest subtrees below a synset, after dividing any that holds more than half of it."""
        parts = [synset]
        while self.size(widest := max(parts, key=self.size)) > self.size(synset) / 2:
            parts.remove(widest)
            parts += self._below[widest]
        return sorted(parts, key=self.size, reverse=True)[:count]

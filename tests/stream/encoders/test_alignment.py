"""An encoder in place of a former one: its vectors lie where the former's would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drift.core import Vector
from learners.core.sparse import Features, given_part
from stream.encoders.alignment import Alignment, AlignmentError, align
from stream.encoders.catalogue import Aligned, make_encoder
from stream.records.schema import Event
from tests.benchmarks.encoder_hashing import made_texts

FORMER: dict[str, Any] = {"name": "hashing", "parameters": {"dimensions": 64, "device": "cpu"}}
NEW: dict[str, Any] = {"name": "hashing", "parameters": {"dimensions": 512, "device": "cpu"}}
EVENTS = [Event(id=str(n), ts=0, text=text) for n, text in enumerate(made_texts(400, 120))]


def encoded(described: dict[str, Any], events: list[Event]) -> list[Vector]:
    """Return an encoder's vectors."""
    return make_encoder(described["name"], **described["parameters"]).encode(events)


@pytest.fixture(scope="module", name="file")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alignments") / "a.alignment"
    align(NEW, FORMER, encoded(NEW, EVENTS[:300]), encoded(FORMER, EVENTS[:300])).save(path)
    return path


def cosines(one: list[Vector], other: list[Vector]) -> NDArray[np.floating[Any]]:
    """Return the cosine of each pair."""
    return np.array(
        [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in zip(one, other, strict=True)]
    )


def test_its_vectors_are_like_the_formers(file: Path) -> None:
    """On events that the map was not fitted to; without the map they have nothing in common."""
    encoder = Aligned(str(file), FORMER)
    ours, former = encoder.encode(EVENTS[300:]), encoded(FORMER, EVENTS[300:])
    assert cosines(ours, former).mean() > 0.7
    assert abs(cosines([x[:64] for x in encoded(NEW, EVENTS[300:])], former).mean()) < 0.3
    assert [float(np.linalg.norm(x)) for x in ours] == pytest.approx([1.0] * 100, abs=1e-3)


def test_an_events_bits_do_not_depend_on_its_batch(file: Path) -> None:
    """One by one, and all at once."""
    encoder = Aligned(str(file), FORMER)
    together = encoder.encode(EVENTS[:40])
    for event, x in zip(EVENTS[:40], together, strict=True):
        (alone,) = encoder.encode([event])
        np.testing.assert_array_equal(alone, x)


def test_the_sparse_part_is_the_new_encoders_or_the_formers(file: Path) -> None:
    """Words stay words: a model that has learned from them goes on."""
    (ours,) = Aligned(str(file), FORMER).encode(EVENTS[:1])
    (words,) = encoded(NEW, EVENTS[:1])
    assert isinstance(ours, Features)
    assert given_part(ours) is given_part(ours)
    np.testing.assert_array_equal(given_part(ours).indices, given_part(words).indices)  # type: ignore[union-attr]
    plain = [np.array(x) for x in encoded(NEW, EVENTS)]
    alignment = align(NEW, FORMER, plain, encoded(FORMER, EVENTS))
    assert alignment.words
    (attached,) = alignment.attached(alignment.map(plain[:1]), plain[:1], encoded(FORMER, EVENTS[:1]))
    assert given_part(attached) is not None


def test_its_name_says_what_makes_the_vectors(file: Path, tmp_path: Path) -> None:
    """Another map has another name."""
    other = tmp_path / "other.alignment"
    align(NEW, FORMER, encoded(NEW, EVENTS[100:]), encoded(FORMER, EVENTS[100:])).save(other)
    names = {Aligned(str(path), FORMER).name for path in (file, other)}
    assert len(names) == 2
    assert all(name.startswith("hashing-512-262144-aligned-") for name in names)


def test_a_file_is_for_one_former_encoder(file: Path) -> None:
    """A model of another one would get vectors that mean nothing to it."""
    with pytest.raises(AlignmentError, match="Name the former encoder as it is in the file"):
        Aligned(str(file), {"name": "hashing"})


def test_what_is_no_alignment_is_refused(file: Path, tmp_path: Path) -> None:
    """Missing, cut, or something else: what to do stands in the error."""
    with pytest.raises(AlignmentError, match="cannot be read: No such file"):
        Alignment.load(tmp_path / "none")
    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(AlignmentError, match=r"truncated.*Make one with `ithaca align`"):
        Alignment.load(cut)


def test_a_file_stays_as_it_was_if_the_new_one_cannot_be_written(file: Path, tmp_path: Path) -> None:
    """It was truncated before a byte of the new one was written, and workers name it in their settings."""
    path = tmp_path / "a.alignment"
    alignment = Alignment.load(file)
    alignment.save(path)
    before = path.read_bytes()
    with path.open("rb") as opened:
        alignment._replace(length=2.0).save(path)
        assert opened.read() == before
    assert Alignment.load(path).length == 2.0
    with pytest.raises(TypeError):
        alignment._replace(former={"name": object()}).save(path)
    assert Alignment.load(path).length == 2.0
    assert list(tmp_path.iterdir()) == [path]


def test_encoders_that_cannot_be_aligned_say_why() -> None:
    """Too few events, or vectors of different lengths."""
    few = encoded(FORMER, EVENTS[:20])
    with pytest.raises(AlignmentError, match="needs 50 events that both encoders read; there are 20"):
        align(NEW, FORMER, few, few)
    ragged = [np.ones(1 + n % 2, dtype=np.float32) for n in range(60)]
    with pytest.raises(AlignmentError, match="differ in length"):
        align(NEW, FORMER, ragged, ragged)

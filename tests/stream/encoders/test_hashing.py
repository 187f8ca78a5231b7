"""Hashed text: fixed for good, alike for like texts, and the same bits in any batch."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.core import Sparse, sparse_part
from stream.encoders import Hashing
from stream.encoders.hashing_kernels import GRAMS, STEM, WEIGHT
from stream.records.schema import BadEventError, Event

TEXTS = [
    "",
    " ",
    "?!",
    "a",
    "Wheat prices rose in Chicago.",
    "wheat futures price rises in chicago",
    "The committee met to discuss neural networks",
    "小麦价格上涨。芝加哥市场。",
    "Ιθάκη ΙΘΆΚΗ",
    "naïve “quoted” café—bar",
    "line\nline\ttab\0nul",
    "x" * 5000,
    "word " * 3000,
]
ENCODER = Hashing(256, device="cpu")


def plain(text: str, dimensions: int) -> NDArray[np.float32]:
    """Hash text the slow way: span by span, with Python's integers."""
    base, mixer, mask = 0x2545F4914F6CDD1D, 0x5851F42D4C957F2D, 2**64 - 1

    def signed(number: int) -> int:
        return number - 2**64 if number >= 2**63 else number

    counts = [0] * dimensions

    def add(span: bytes, weight: int) -> None:
        mixed = sum((byte + 1) * pow(base, place, 2**64) for place, byte in enumerate(span)) & mask
        for shift in (32, 29):
            mixed = ((mixed ^ signed(mixed) >> shift) * mixer) & mask
        bucket = ((mixed >> 33) * dimensions) >> 31
        counts[bucket] += -weight if mixed >> 32 & 1 else weight

    folded = bytes(c if c >= 128 or chr(c).isalnum() else 32 for c in text.casefold().encode())
    for word in folded.split():
        add(word, WEIGHT if len(word) >= STEM else 1)
        if len(word) > STEM:
            add(word[:STEM], WEIGHT)
        for length in GRAMS:
            framed = b" " + word + b" "
            for start in range(len(framed) - length + 1):
                add(framed[start : start + length], 1)
    total = max(1, sum(map(abs, counts)))
    sizes = np.abs(np.array(counts, dtype=np.float32))
    return np.copysign(np.sqrt(sizes / np.float32(total)), np.array(counts, dtype=np.float32))


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=127), max_size=80), st.sampled_from([16, 100, 1024]))
def test_it_equals_the_plain_way(text: str, dimensions: int) -> None:
    """It equals the plain way."""
    assert Hashing(dimensions, "cpu").vectors([text])[0].tobytes() == plain(text, dimensions).tobytes()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(len(TEXTS))), st.integers(1, len(TEXTS)))
def test_a_row_has_the_same_bits_in_any_batch(order: list[int], size: int) -> None:
    """A row has the same bits in any batch."""
    alone = [ENCODER.vectors([text])[0].tobytes() for text in TEXTS]
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        rows = ENCODER.vectors([TEXTS[number] for number in batch])
        assert [row.tobytes() for row in rows] == [alone[number] for number in batch]


@settings(deadline=None)
@given(st.lists(st.text(st.characters()), max_size=5))
def test_any_text_is_a_finite_row_of_length_one_or_zero(texts: list[str]) -> None:
    """Any text is a finite row of length one or zero."""
    rows = ENCODER.vectors(texts)
    assert rows.shape == (len(texts), 256)
    lengths = np.linalg.norm(rows, axis=1)
    assert np.all((lengths == 0) | (np.abs(lengths - 1) < 1e-5))


def test_batches_beyond_a_slice_are_the_same_rows() -> None:
    """Batches beyond a slice are the same rows."""
    texts = [f"{'grain ' * (number % 90)}{number}" for number in range(3000)]
    rows = ENCODER.vectors(texts)
    for number in (0, 1, 255, 256, 257, 1500, 2999):
        assert rows[number].tobytes() == ENCODER.vectors([texts[number]])[0].tobytes()


def test_a_text_of_a_megabyte_is_one_row() -> None:
    """A text of a megabyte is one row."""
    assert np.linalg.norm(ENCODER.vectors(["grain up " * 110_000])[0]) == pytest.approx(1)


def test_texts_without_words_are_zero() -> None:
    """Texts without words are zero."""
    assert not ENCODER.vectors(["", " \n", "?!", "。"]).any()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("WHEAT, prices", "wheat prices"),
        ("ΙΘΆΚΗ", "ιθάκη"),
        ("“grain”—corn", "grain corn"),
        ("a b", " a  b "),
    ],
)
def test_case_and_punctuation_do_not_count(left: str, right: str) -> None:
    """Case and punctuation do not count."""
    first, second = ENCODER.vectors([left, right])
    assert first.any()
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(
    ("text", "like", "unlike"),
    [
        ("wheat prices rose", "the price of wheat rises", "neural networks for vision"),
        ("小麦价格上涨", "小麦的价格", "神经网络模型"),
    ],
)
def test_like_texts_are_nearer_than_unlike_ones(text: str, like: str, unlike: str) -> None:
    """Like texts are nearer than unlike ones."""
    rows = Hashing(1024, "cpu").vectors([text, like, unlike])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_the_vectors_are_fixed_for_good() -> None:
    """The vectors are fixed for good."""
    # Snapshots and stored predictions name the encoder "hashing-256": equal names, equal vectors.
    digest = hashlib.sha256(ENCODER.vectors(TEXTS).astype("<f4").tobytes()).hexdigest()
    assert (ENCODER.name, digest) == (
        "hashing-256-262144",
        "ce276dd3b98df6dce92095bf54a74d17a6ab677f2f883a6d4bd7a24b602f1259",
    )


def events(texts: list[str]) -> list[Event]:
    """Return events of texts."""
    return [Event(id="1", ts=0, text=text) for text in texts]


def parts(texts: list[str], encoder: Hashing = ENCODER) -> list[Sparse]:
    """Return the sparse parts of texts that are encoded as one batch."""
    return [sparse_part(x) for x in encoder.encode(events(texts))]


def test_words_and_pairs_of_words_are_the_sparse_part() -> None:
    """Each by the root of its share of all."""
    (part,) = parts(["wheat up, WHEAT up"])
    # wheat and up twice, "wheat up" twice, "up wheat" once; punctuation does not count.
    assert sorted((part.values**2 * 7).round(4).tolist()) == [1, 2, 2, 2]
    assert np.all(np.diff(part.indices) > 0)


def test_words_in_another_order_have_other_pairs() -> None:
    """While the words are the same."""
    first, second = parts(["grain up", "up grain"])
    assert len(np.intersect1d(first.indices, second.indices)) == 2
    assert first.indices.tolist() != second.indices.tolist()


def test_a_pair_spans_no_two_texts() -> None:
    """Texts of one batch stand in one buffer."""
    assert [len(part.indices) for part in parts(["grain", "up", "", "corn"])] == [1, 1, 0, 1]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(len(TEXTS))), st.integers(1, len(TEXTS)))
def test_a_sparse_part_has_the_same_bits_in_any_batch(order: list[int], size: int) -> None:
    """And in a slice with any others."""
    alone = [[each.tobytes() for each in parts([text])[0]] for text in TEXTS]
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        found = parts([TEXTS[number] for number in batch])
        assert [[each.tobytes() for each in part] for part in found] == [alone[number] for number in batch]


def test_the_sparse_parts_are_fixed_for_good() -> None:
    """The vectors' name stands for them too."""
    content = b"".join(each.tobytes() for part in parts(TEXTS) for each in part)
    assert (
        hashlib.sha256(content).hexdigest()
        == "3477090bf4f84fa9c43c03b014bfcf4b84a25621c92234fa15f7e077fa290edd"
    )


def test_the_number_of_threads_changes_no_bit() -> None:
    """The number of threads changes no bit."""
    threads = torch.get_num_threads()
    before = ENCODER.vectors(TEXTS).tobytes()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        assert ENCODER.vectors(TEXTS).tobytes() == before
    finally:
        torch.set_num_threads(threads)


def test_events_are_checked_and_encoded() -> None:
    """Events are checked and encoded."""
    with pytest.raises(BadEventError, match="text is missing; the encoder hashing-256-262144 reads it"):
        ENCODER.check(Event(id="1", ts=0, vector=[1.0]))
    event = Event(id="1", ts=0, text=TEXTS[4])
    ENCODER.check(event)
    assert ENCODER.encode([event])[0].tobytes() == ENCODER.vectors([TEXTS[4]])[0].tobytes()
    assert ENCODER.encode([]) == []


@pytest.mark.parametrize("dimensions", [0, 15, 65537, 64.0, True])
def test_bad_dimensions_are_refused(dimensions: Any) -> None:
    """Bad dimensions are refused."""
    with pytest.raises(ValueError, match="'dimensions' parameter of Hashing must be an int in"):
        Hashing(dimensions)


def test_few_bytes_stay_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA device that "auto" found is not asked for them: here there is none, and nothing fails."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    encoder = Hashing(256)
    assert encoder.device.type == "cuda"
    assert encoder.vectors(TEXTS[:11]).tobytes() == ENCODER.vectors(TEXTS[:11]).tobytes()
    with pytest.raises((RuntimeError, AssertionError)):
        encoder.vectors(["x" * 9000])


def bits(given: list[Sparse]) -> list[list[bytes]]:
    """Return sparse parts as bytes."""
    return [[each.tobytes() for each in part] for part in given]


def test_words_are_the_sparse_parts_alone() -> None:
    """Together or one by one, at any number of dimensions."""
    expected = parts(TEXTS)
    assert bits(ENCODER.words(TEXTS)) == bits(expected)
    assert [bits(Hashing(16, "cpu").words([text])) for text in TEXTS] == [[one] for one in bits(expected)]


@pytest.mark.device
def test_a_cuda_device_gives_the_same_bits() -> None:
    """A cuda device gives the same bits; also where "auto" asks it for long texts only."""
    assert Hashing(256).vectors(TEXTS).tobytes() == ENCODER.vectors(TEXTS).tobytes()
    assert bits(parts(TEXTS, Hashing(256, "cuda"))) == bits(parts(TEXTS))
    assert bits(Hashing(256, "cuda").words(TEXTS)) == bits(ENCODER.words(TEXTS))
    assert Hashing(256, "cuda").vectors(TEXTS).tobytes() == ENCODER.vectors(TEXTS).tobytes()

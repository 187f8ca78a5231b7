"""Text as a vector by hashing its bytes: no vocabulary, no tokenizer, nothing to download or to train."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drift.core import Vector, check_number
from learners.core import Features, Sparse
from learners.extreme import choose_device
from stream.encoders.base import TextEncoder
from stream.records import Event

SPARSE_BITS = 18
"""Words and bigrams share 2 to the power of so many dimensions: on newswire few of them meet."""
GRAMS = (4, 6)
"""Lengths of the byte n-grams. Six bytes are two characters of most scripts that write no spaces."""
STEM = 4
"""Bytes a word must have to count as telling; longer words also count by their first `STEM` bytes."""
WEIGHT = 3
"""What a telling word and its stem weigh beside an n-gram or a short word."""

_SPACE = ord(" ")
_FOLD = bytes(c if c >= 128 or chr(c).isalnum() else _SPACE for c in range(256))
_MARKS = re.compile(
    "[\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u2000-\u200b\u200e-\u206f\u3000-\u3003\u3008-\u3020\uff01-\uff0f]"
)
"""Spaces, quotes, dashes and stops beyond ASCII, without the joiners inside Persian and Indic words."""
# Odd 64-bit constants: the base of the polynomial and its inverse mod 2^64, and a mixer.
_BASE = 0x2545F4914F6CDD1D
_INVERSE = pow(_BASE, -1, 2**64)
_MIXER = 0x5851F42D4C957F2D
# Counters and bytes encoded at a time: temporaries stay in a core's cache, or fill a CUDA device (some
# 700 MB of its memory).
_SLICE = {"cpu": 1 << 16, "cuda": 1 << 22}
_FEW = 1 << 13
"""Fewer bytes are faster on the CPU: a CUDA device takes over a millisecond to be told what to do."""


class Hashing(TextEncoder):
    """Text as signed hashes of its words, word stems and byte n-grams, in a fixed number of dimensions.

    Case is folded; spaces and punctuation separate words, and every other byte belongs to one (so a
    script without spaces is cut at its punctuation, and its n-grams carry it). Each word, the first four
    bytes of each longer word, and each run of four or six bytes that crosses at most the edge of a word
    adds plus or minus its weight to the dimension its hash names. Counts are damped by a square root and
    scaled to Euclidean length 1, so the dot product of two vectors is their similarity in [-1, 1]. A text
    without words is the zero vector.

    The sparse part of a vector has a dimension for each word and each pair of adjacent words, one of 2^18 by
    its hash: their counts, damped and scaled likewise. In the few dense dimensions many words meet, which
    costs a linear learner much and neighbours little; in the sparse part hardly any do.

    Counts are exact integers and every later step is correctly rounded, so a row has the same bits alone
    or in a batch, on a CPU or on a CUDA device.

    Parameters
    ----------
    dimensions
        Length of the vectors without the sparse part, in [16, 65536]. Learners pay for every dimension at
        every message; with too few, unrelated words share dimensions (on newswire, halving them costs a
        linear learner that reads only these two to four points of micro-F1).
    device
        "auto" (a CUDA device where there is one, but the CPU for less than 8 KiB of text at a time), "cpu"
        or "cuda".

    Raises
    ------
    ValueError
        For a parameter out of range, or "cuda" without a CUDA device.

    Examples
    --------
    >>> encoder = Hashing(dimensions=256, device="cpu")
    >>> rose, rises, empty = encoder.vectors(["Wheat prices rose", "wheat price rises", ""])
    >>> bool(rose @ rises > 0.3), bool(empty.any())
    (True, False)
    >>> from learners.core import sparse_part
    >>> len(sparse_part(encoder.encode([Event(id="1", ts=0, text="Wheat prices rose")])[0]).indices)
    5

    References
    ----------
    Signed hashing: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (ICML 2009).
    Byte n-grams: Zhang et al., "byteSteady: Fast Classification Using Byte-Level n-Gram Embeddings" (2021).
    """

    def __init__(self, dimensions: int = 1024, device: str = "auto") -> None:
        check_number(self, "dimensions", dimensions, int, 16, 65536)
        self.dimensions = dimensions
        self.device = choose_device(device)
        self._slice = _SLICE[self.device.type]
        self._device_for_few = torch.device("cpu") if device == "auto" else self.device
        # By device: powers of the base and of its inverse.
        self._powers: dict[torch.device, tuple[Tensor, Tensor]] = {}

    @property
    def name(self) -> str:
        """What makes the vectors."""
        return f"hashing-{self.dimensions}-{1 << SPARSE_BITS}"

    def encode(self, events: Sequence[Event]) -> list[Vector]:
        """Return one vector an event, with its words and bigrams as the sparse part."""
        texts = [event.text or "" for event in events]
        return [x for rows in self._slices(texts) for x in self._features(rows)]

    def words(self, texts: Sequence[str]) -> list[Sparse]:
        """Return the sparse part of each text's vector; it does not depend on `dimensions`."""
        return [part for rows in self._slices(texts) for part in self._words(rows)]

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text without its sparse part, shape (len(texts), dimensions)."""
        found = [x for rows in self._slices(texts) for x in self._features(rows)]
        return np.array(found, dtype=np.float32).reshape(len(texts), self.dimensions)

    def _slices(self, texts: Sequence[str]) -> Iterator[list[bytes]]:
        # By bytes and by counters, so that memory is bounded by the longest text, not by the batch.
        rows: list[bytes] = []
        size = 0
        most = max(1, self._slice // self.dimensions)
        for text in texts:
            row = _bytes(text)
            if rows and (size + len(row) > self._slice or len(rows) == most):
                yield rows
                rows, size = [], 0
            rows.append(row)
            size += len(row)
        if rows:
            yield rows

    def _codes(self, rows: list[bytes]) -> tuple[Tensor, Tensor]:
        """Return the rows' bytes, and the row that each is of."""
        # Rows stand in one buffer with a separator before, between and behind them, so no word spans two.
        text = bytearray(b" ".join([b"", *rows, b""])).translate(_FOLD)
        device = self._device_for_few if len(text) < _FEW else self.device
        lengths = torch.tensor([len(row) + 1 for row in rows], device=device)
        # A row owns the separator before it: an n-gram may start there.
        owner = torch.arange(len(rows), device=device).repeat_interleave(lengths)
        return torch.frombuffer(text, dtype=torch.uint8).to(device).long(), owner

    def _words(self, rows: list[bytes]) -> Iterator[Sparse]:
        codes, owner = self._codes(rows)
        starts, ends = _word_spans(codes != _SPACE)
        return _words_and_bigrams(self._hash(codes, starts, ends), owner[starts], len(rows))

    def _features(self, rows: list[bytes]) -> Iterator[Vector]:
        codes, owner = self._codes(rows)
        device = codes.device
        words, starts, ends, weights = _spans(codes)
        hashes = self._hash(codes, starts, ends)
        index = owner[starts] * self.dimensions + (((hashes >> 33) & (2**31 - 1)) * self.dimensions >> 31)
        signed = torch.where(hashes & (1 << 32) == 0, weights, -weights)
        counts = torch.zeros(len(rows) * self.dimensions, dtype=torch.int64, device=device)
        counts = counts.scatter_add_(0, index, signed).view(len(rows), self.dimensions)
        dense = _damp(counts, counts.abs().sum(1, keepdim=True)).cpu().numpy()
        parts = _words_and_bigrams(hashes[:words], owner[starts[:words]], len(rows))
        for x, part in zip(dense, parts, strict=True):
            yield Features(x, part) if len(part.indices) else x

    def _hash(self, codes: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        # A polynomial over the span's bytes mod 2^64, from running sums: any span costs two look-ups.
        powers, inverses = self._powers.get(codes.device, (codes[:0], codes[:0]))
        if len(powers) <= len(codes):
            powers, inverses = (_powers(base, len(codes) + 1, codes.device) for base in (_BASE, _INVERSE))
            self._powers[codes.device] = powers, inverses
        sums = torch.zeros(len(codes) + 1, dtype=torch.int64, device=codes.device)
        torch.cumsum((codes + 1) * powers[: len(codes)], 0, out=sums[1:])
        mixed = (sums[ends] - sums[starts]) * inverses[starts]
        mixed = (mixed ^ (mixed >> 32)) * _MIXER
        return (mixed ^ (mixed >> 29)) * _MIXER


def _bytes(text: str) -> bytes:
    if not text.isascii():
        text = _MARKS.sub(" ", text)
    return text.casefold().encode(errors="surrogatepass")


def _words_and_bigrams(words: Tensor, owner: Tensor, rows: int) -> Iterator[Sparse]:
    """Return each row's words and pairs of words, given the hash of each word and the row it is in."""
    pairs = (words[:-1] * _BASE + words[1:]) * _MIXER
    inside = owner[:-1] == owner[1:]
    hashes, owners = torch.cat([words, pairs[inside]]), torch.cat([owner, owner[:-1][inside]])
    keys = owners << SPARSE_BITS | (hashes >> (63 - SPARSE_BITS)) & ((1 << SPARSE_BITS) - 1)
    keys, counts = torch.unique_consecutive(keys.sort().values, return_counts=True)
    owners = keys >> SPARSE_BITS
    total = torch.zeros(rows, dtype=torch.int64, device=keys.device).scatter_add_(0, owners, counts)
    values = _damp(counts, total[owners]).cpu().numpy()
    indices = (keys & ((1 << SPARSE_BITS) - 1)).int().cpu().numpy()
    ends = owners.bincount(minlength=rows).cumsum(0).tolist()
    # Copies: a part that waits for its labels must not keep the whole batch in memory.
    for begin, end in zip([0, *ends], ends, strict=False):
        yield Sparse(indices[begin:end].copy(), values[begin:end].copy())


def _spans(codes: Tensor) -> tuple[int, Tensor, Tensor, Tensor]:
    """Return how many words there are, where the counted spans start and end, and what they weigh.

    The first spans are the words, in order.
    """
    inside = codes != _SPACE
    first, behind = _word_spans(inside)
    long = behind - first > STEM
    stems = first[long]
    grams = [_grams(inside, length) for length in GRAMS]
    starts = [first, stems, *grams]
    ends = [behind, stems + STEM, *(gram + length for gram, length in zip(grams, GRAMS, strict=True))]
    weights = torch.ones(sum(map(len, starts)), dtype=torch.int64, device=codes.device)
    weights[: len(first)] += (WEIGHT - 1) * (behind - first >= STEM)
    weights[len(first) : len(first) + len(stems)] = WEIGHT
    return len(first), torch.cat(starts), torch.cat(ends), weights


def _word_spans(inside: Tensor) -> tuple[Tensor, Tensor]:
    """Return where words start and end, given which bytes are inside one."""
    edges = inside[1:] != inside[:-1]
    first, behind = (edges.nonzero().squeeze(1) + 1).view(-1, 2).unbind(1)
    return first, behind


def _grams(inside: Tensor, length: int) -> Tensor:
    # All but the outer two bytes lie inside one word; an outer one may be the separator beside it.
    count = max(0, len(inside) - length + 1)
    whole = torch.ones(count, dtype=torch.bool, device=inside.device)
    for offset in range(1, length - 1):
        whole &= inside[offset : offset + count]
    return whole.nonzero().squeeze(1)


def _powers(base: int, count: int, device: torch.device) -> Tensor:
    """Return at least so many powers of a number mod 2^64, twice as many each time."""
    # int64 products wrap around, on every device: arithmetic mod 2^64.
    powers = torch.ones(1, dtype=torch.int64, device=device)
    while len(powers) < count:
        powers = torch.cat([powers, powers * ((base + 2**63) % 2**64 - 2**63)])
        base = base * base % 2**64
    return powers


def _damp(counts: Tensor, totals: Tensor) -> Tensor:
    """Return the signed square roots of the counts' shares of a total; float32."""
    # The total is an exact integer and float32 division is correctly rounded, but square roots are not in
    # every library. The root of a float32 is never within 2^-51 of the middle of two float32 numbers, so
    # a float64 root that errs by 2^-52 still rounds to the right one: equal bits everywhere.
    shares = counts.abs().float() / totals.clamp(min=1).float()
    return torch.copysign(shares.double().sqrt().float(), counts.float())

"""Hashing text on a CPU: what is hashed, how, and how it is counted. `hashing_device` is for CUDA devices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift.core import Vector, compiled

SPARSE_BITS = 18
"""Words and bigrams share 2 to the power of so many dimensions: on newswire few of them meet."""
GRAMS = (4, 6)
"""Lengths of the byte n-grams. Six bytes are two characters of most scripts that write no spaces."""
STEM = 4
"""Bytes a word must have to count as telling; longer words also count by their first `STEM` bytes."""
WEIGHT = 3
"""What a telling word and its stem weigh beside an n-gram or a short word."""
SPACE = ord(" ")
# Odd 64-bit constants: the base of the polynomial, and a mixer.
BASE = 0x2545F4914F6CDD1D
MIXER = 0x5851F42D4C957F2D

Bytes = NDArray[np.uint8]
Ends = NDArray[np.int64]
Words = tuple[NDArray[np.int32], Vector, Ends]


def compile_hashing() -> None:
    """Compile what hashes text, or load it from disk."""
    text, ends = np.full(3, SPACE, np.uint8), np.array([2])
    count_spans(text, ends, np.empty((1, 16), np.float32))
    count_words(text, ends)


@compiled
def count_spans(text: Bytes, ends: Ends, dense: Vector) -> None:
    """Write the damped counts of each row's words, stems and n-grams.

    Parameters
    ----------
    text
        The rows' bytes, with one separator before, between and behind the rows.
    ends
        Position of the separator behind each row. Shape (rows,).
    dense
        Where they are written, shape (rows, dimensions).
    """
    dimensions = dense.shape[1]
    counts = np.empty(dimensions, np.int64)
    start = 1
    for row in range(len(ends)):
        counts[:] = 0
        while start < ends[row]:
            behind = _word_end(text, start)
            size = behind - start
            if size:
                _count(counts, _hash(text, start, behind), WEIGHT if size >= STEM else 1)
            if size > STEM:
                _count(counts, _hash(text, start, start + STEM), WEIGHT)
            # An n-gram crosses at most the edge of a word.
            for length in GRAMS:
                for first in range(start - 1, behind + 2 - length if size else 0):
                    _count(counts, _hash(text, first, first + length), 1)
            start = behind + 1
        start = ends[row] + 1
        total = max(1, np.abs(counts).sum())
        for dimension in range(dimensions):
            dense[row, dimension] = _damped(counts[dimension], total)


@compiled
def count_words(text: Bytes, ends: Ends) -> Words:
    """Return each row's words and pairs of words: indices, damped counts, and where each row's end.

    See `count_spans`.
    """
    # A row of n bytes has at most (n + 1) / 2 words, and one pair less.
    keys, values = np.empty(len(text), np.int32), np.empty(len(text), np.float32)
    stops = np.empty(len(ends), np.int64)
    start, kept = 1, 0
    for row in range(len(ends)):
        found, before = kept, np.int64(0)
        while start < ends[row]:
            behind = _word_end(text, start)
            if behind > start:
                word = _hash(text, start, behind)
                if found > kept:
                    keys[found] = _key((before * BASE + word) * MIXER)
                    found += 1
                keys[found] = _key(word)
                found += 1
                before = word
            start = behind + 1
        start = ends[row] + 1
        total = found - kept
        _sort(keys[kept:found])
        place = kept
        while place < found:
            first = place
            while place < found and keys[place] == keys[first]:
                place += 1
            keys[kept], values[kept] = keys[first], _damped(place - first, total)
            kept += 1
        stops[row] = kept
    return keys[:kept], values[:kept], stops


@compiled
def _word_end(text: Bytes, start: int) -> int:
    while text[start] != SPACE:
        start += 1
    return start


@compiled
def _hash(text: Bytes, start: int, end: int) -> np.int64:
    # A polynomial over the span's bytes mod 2^64: int64 products wrap around.
    mixed = np.int64(0)
    for place in range(end - 1, start - 1, -1):
        mixed = mixed * BASE + (np.int64(text[place]) + 1)
    mixed = (mixed ^ (mixed >> 32)) * MIXER
    return (mixed ^ (mixed >> 29)) * MIXER


@compiled
def _count(counts: NDArray[np.int64], hashed: np.int64, weight: int) -> None:
    bucket = ((hashed >> 33) & (2**31 - 1)) * len(counts) >> 31
    counts[bucket] += weight if hashed & (1 << 32) == 0 else -weight


@compiled
def _key(hashed: np.int64) -> np.int64:
    return (hashed >> (63 - SPARSE_BITS)) & ((1 << SPARSE_BITS) - 1)


@compiled
def _sort(keys: NDArray[np.int32]) -> None:
    # By the lower half of their bits, then by the upper: a fifth of the time that comparing them takes.
    half = (SPARSE_BITS + 1) // 2
    places = np.empty((1 << half) + 1, np.int64)
    spare = np.empty_like(keys)
    for shift in (0, half):
        places[:] = 0
        for key in keys:
            places[((key >> shift) & ((1 << half) - 1)) + 1] += 1
        for digit in range(1 << half):
            places[digit + 1] += places[digit]
        for key in keys:
            digit = (key >> shift) & ((1 << half) - 1)
            spare[places[digit]] = key
            places[digit] += 1
        keys[:] = spare


@compiled
def _damped(count: int, total: int) -> np.float32:
    """Return the signed square root of a count's share of a total."""
    share = np.float32(abs(count)) / np.float32(total)
    return np.float32(math.copysign(math.sqrt(np.float64(share)), count))

"""Text as a vector by hashing its bytes: no vocabulary, no tokenizer, nothing to download or to train."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from drift.core import Vector, check_number
from learners.core import Features, Sparse
from learners.extreme import choose_device
from stream.encoders.base import TextEncoder
from stream.encoders.hashing_device import DeviceHashing
from stream.encoders.hashing_kernels import SPACE, SPARSE_BITS, Bytes, Ends, count_spans, count_words
from stream.records import Event

_FOLD = bytes(c if c >= 128 or chr(c).isalnum() else SPACE for c in range(256))
_MARKS = re.compile(
    "[\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u2000-\u200b\u200e-\u206f\u3000-\u3003\u3008-\u3020\uff01-\uff0f]"
)
"""Spaces, quotes, dashes and stops beyond ASCII, without the joiners inside Persian and Indic words."""
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
        self._least = _FEW if device == "auto" else 0
        self._on_device = None if self.device.type == "cpu" else DeviceHashing(dimensions, self.device)

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

    def _words(self, rows: list[bytes]) -> Iterator[Sparse]:
        text, ends, device = self._joined(rows)
        return _parts(*(count_words(text, ends) if device is None else device.words(text, ends)))

    def _features(self, rows: list[bytes]) -> Iterator[Vector]:
        text, ends, device = self._joined(rows)
        if device is None:
            dense = np.empty((len(rows), self.dimensions), np.float32)
            count_spans(text, ends, dense)
            parts = _parts(*count_words(text, ends))
        else:
            dense, words = device.features(text, ends)
            parts = _parts(*words)
        for x, part in zip(dense, parts, strict=True):
            yield Features(x, part) if len(part.indices) else x

    def _joined(self, rows: list[bytes]) -> tuple[Bytes, Ends, DeviceHashing | None]:
        """Return the rows in one buffer, where each ends, and the device if it is to count them."""
        # With a separator before, between and behind them, so no word spans two.
        text = bytearray(b" ".join([b"", *rows, b""])).translate(_FOLD)
        ends = np.cumsum([len(row) + 1 for row in rows])
        return np.frombuffer(text, np.uint8), ends, self._on_device if len(text) >= self._least else None


def _bytes(text: str) -> bytes:
    if not text.isascii():
        text = _MARKS.sub(" ", text)
    return text.casefold().encode(errors="surrogatepass")


def _parts(indices: NDArray[np.int32], values: Vector, ends: NDArray[np.int64]) -> Iterator[Sparse]:
    begin = 0
    # Copies: a part that waits for its labels must not keep the whole batch in memory.
    for end in ends.tolist():
        yield Sparse(indices[begin:end].copy(), values[begin:end].copy())
        begin = end

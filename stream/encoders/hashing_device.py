"""Hashing text on a CUDA device, to the same bits as `hashing_kernels` on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from drift.core import Vector
from stream.encoders.hashing_kernels import (
    BASE,
    GRAMS,
    MIXER,
    SPACE,
    SPARSE_BITS,
    STEM,
    WEIGHT,
    Bytes,
    Ends,
    Words,
)

_INVERSE = pow(BASE, -1, 2**64)
"""Of the base, mod 2^64."""


class DeviceHashing:
    """Counts the spans of many texts in a few operations over all of them.

    Parameters
    ----------
    dimensions
        See `Hashing`.
    device
        Where they are counted. A CPU can do it too, which takes several times as long as the kernels.
    """

    def __init__(self, dimensions: int, device: torch.device) -> None:
        self.dimensions = dimensions
        self.device = device
        # Powers of the base and of its inverse, once there is something to hash.
        self._powers = self._inverses = torch.zeros(0, dtype=torch.int64)

    def words(self, text: Bytes, ends: Ends) -> Words:
        """See `hashing_kernels.count_words`."""
        codes, owner = self._codes(text, ends)
        starts, behind = _word_spans(codes != SPACE)
        return _words_and_bigrams(self._hash(codes, starts, behind), owner[starts], len(ends))

    def features(self, text: Bytes, ends: Ends) -> tuple[Vector, Words]:
        """Return what `hashing_kernels.count_spans` writes, and what `count_words` returns."""
        codes, owner = self._codes(text, ends)
        words, starts, behind, weights = _spans(codes)
        hashes = self._hash(codes, starts, behind)
        index = owner[starts] * self.dimensions + (((hashes >> 33) & (2**31 - 1)) * self.dimensions >> 31)
        signed = torch.where(hashes & (1 << 32) == 0, weights, -weights)
        counts = torch.zeros(len(ends) * self.dimensions, dtype=torch.int64, device=self.device)
        counts = counts.scatter_add_(0, index, signed).view(len(ends), self.dimensions)
        dense = _damp(counts, counts.abs().sum(1, keepdim=True)).cpu().numpy()
        return dense, _words_and_bigrams(hashes[:words], owner[starts[:words]], len(ends))

    def _codes(self, text: Bytes, ends: Ends) -> tuple[Tensor, Tensor]:
        """Return the rows' bytes, and the row that each is of."""
        lengths = torch.from_numpy(ends).diff(prepend=torch.zeros(1, dtype=torch.int64)).to(self.device)
        # A row owns the separator before it: an n-gram may start there.
        owner = torch.arange(len(ends), device=self.device).repeat_interleave(lengths)
        return torch.from_numpy(text).to(self.device).long(), owner

    def _hash(self, codes: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        # From running sums: any span costs two look-ups.
        if len(self._powers) <= len(codes):
            self._powers, self._inverses = (
                _powers(base, len(codes) + 1, self.device) for base in (BASE, _INVERSE)
            )
        sums = torch.zeros(len(codes) + 1, dtype=torch.int64, device=self.device)
        torch.cumsum((codes + 1) * self._powers[: len(codes)], 0, out=sums[1:])
        mixed = (sums[ends] - sums[starts]) * self._inverses[starts]
        mixed = (mixed ^ (mixed >> 32)) * MIXER
        return (mixed ^ (mixed >> 29)) * MIXER


def _words_and_bigrams(words: Tensor, owner: Tensor, rows: int) -> Words:
    """Return each row's words and pairs of words, given the hash of each word and the row it is in."""
    pairs = (words[:-1] * BASE + words[1:]) * MIXER
    inside = owner[:-1] == owner[1:]
    hashes, owners = torch.cat([words, pairs[inside]]), torch.cat([owner, owner[:-1][inside]])
    keys = owners << SPARSE_BITS | (hashes >> (63 - SPARSE_BITS)) & ((1 << SPARSE_BITS) - 1)
    keys, counts = torch.unique_consecutive(keys.sort().values, return_counts=True)
    owners = keys >> SPARSE_BITS
    total = torch.zeros(rows, dtype=torch.int64, device=keys.device).scatter_add_(0, owners, counts)
    values = _damp(counts, total[owners]).cpu().numpy()
    indices = (keys & ((1 << SPARSE_BITS) - 1)).int().cpu().numpy()
    return indices, values, owners.bincount(minlength=rows).cumsum(0).cpu().numpy()


def _spans(codes: Tensor) -> tuple[int, Tensor, Tensor, Tensor]:
    """Return how many words there are, where the counted spans start and end, and what they weigh.

    The first spans are the words, in order.
    """
    inside = codes != SPACE
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

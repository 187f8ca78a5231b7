"""Counting label pairs: messages per second by the number of labels, beside a dense matrix.

Run `python -m tests.benchmarks.pair_counts [--scale 1.0]`. Target: 100,000 messages per second at 500 labels
and three labels per message, and the same rate within 30 % at any number of labels.
"""

from __future__ import annotations

import numpy as np

from learners.cluster.cooccurrence import Cooccurrence
from tests.benchmarks.timing import parser, rate, scaled

MESSAGES = 50_000


def messages(labels: int, group: int | None, count: int) -> list[list[int]]:
    """Return so many messages of three labels: any labels, or from groups of labels that occur together."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, labels // (group or labels), count) * (group or labels)
    return [
        sorted({int(base + label) for label in row})
        for base, row in zip(first, rng.integers(0, group or labels, (count, 3)), strict=True)
    ]


def sparse(stream: list[list[int]], counts: Cooccurrence) -> int:
    """Count a stream."""
    for labels in stream:
        counts.add(labels)
    return len(stream)


def dense(stream: list[list[int]], size: int) -> int:
    """Count a stream in the simple way: decay a whole matrix, then add."""
    matrix = np.zeros((size, size))
    some = stream[:500]
    for labels in some:
        matrix *= 0.9999
        matrix[np.ix_(labels, labels)] += 1
    return len(some)


def main() -> None:
    """Print rates and ratios."""
    scale = parser(__doc__).parse_args().scale
    count = scaled(MESSAGES, scale)
    print(f"{'labels':>8} {'kind':>8} {'first pass/s':>13} {'later/s':>10} {'pairs':>9}")
    for size in (100, 500, 5_000, 100_000):
        for kind, group in (("groups", 10), ("any", None)):
            stream = messages(size, group, count)
            first = rate(lambda s=stream: sparse(s, Cooccurrence()), runs=3)  # type: ignore[misc]
            warm = Cooccurrence()
            sparse(stream, warm)
            later = rate(lambda s=stream, w=warm: sparse(s, w))  # type: ignore[misc]
            print(f"{size:>8} {kind:>8} {first:>13,.0f} {later:>10,.0f} {warm.pairs:>9,}")
    crowd = [list(range(1000))] * scaled(20, scale)
    print(f"1,000 labels on a message: {1000 / rate(lambda: sparse(crowd, Cooccurrence())):.2f} ms")
    stream = messages(500, None, count)
    plain, ours = rate(lambda: dense(stream, 500), runs=3), rate(lambda: sparse(stream, Cooccurrence()))
    print(f"500 labels: dense matrix {plain:,.0f}/s, sparse counts {ours:,.0f}/s, {ours / plain:.0f} times")


if __name__ == "__main__":
    main()

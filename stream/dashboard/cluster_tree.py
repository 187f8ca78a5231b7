"""The tree of label clusters, reduced to what can be drawn."""

from __future__ import annotations

from collections.abc import Sequence


def pruned(splits: Sequence[tuple[int, int, int]], leaves: set[int]) -> list[list[int]]:
    """Return the tree with only some of its leaves: an inner node with one child left is replaced by it."""
    children = {node: (first, second) for node, first, second in splits}
    below = {child for pair in children.values() for child in pair}
    stands: dict[int, int | None] = {}
    kept: list[list[int]] = []
    # Bottom up and without recursion: a tree may be as deep as it has clusters.
    stack = [(node, False) for node in children if node not in below]
    while stack:
        node, done = stack.pop()
        if node not in children:
            stands[node] = node if node in leaves else None
        elif not done:
            stack += [(node, True), *((child, False) for child in children[node])]
        else:
            left, right = (stands[child] for child in children[node])
            if left is not None and right is not None:
                kept.append([node, left, right])
                stands[node] = node
            else:
                stands[node] = right if left is None else left
    return kept

"""A dendrogram: whatever is done to it, each label is in one leaf, and the tree is a tree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from learners.cluster.dendrogram import Dendrogram


def leaves_of(tree: object) -> list[int]:
    """Return the leaves of a tree of nested pairs."""
    if isinstance(tree, tuple):
        return [leaf for child in tree for leaf in leaves_of(child)]
    assert isinstance(tree, int)
    return [tree]


def check(tree: Dendrogram) -> None:
    """Assert that leaves, owners, sizes and inner nodes tell the same."""
    leaves = tree.leaves()
    assert len(leaves) == len(tree) == len(tree.splits()) + 1
    assert sorted(leaves_of(tree.nested())) == leaves
    assert max(leaves) < tree.ids
    assert sorted(label for leaf in leaves for label in tree.members(leaf)) == list(range(tree.labels))
    for leaf in leaves:
        assert leaf in tree
        assert len(tree.members(leaf)) == tree.sizes[leaf]
        assert all(tree.owners[label] == leaf for label in tree.members(leaf))


@given(
    st.lists(st.tuples(st.sampled_from(["grow", "add", "move", "prune"]), st.integers(0, 99)), max_size=60)
)
def test_every_label_is_in_one_leaf_after_any_operations(operations: list[tuple[str, int]]) -> None:
    """Every label is in one leaf after any operations, and a tree that was saved goes on as the same."""
    tree = Dendrogram()
    for operation, number in operations:
        leaf = tree.leaves()[number % len(tree)]
        if operation == "grow":
            first = tree.labels
            tree.reserve(first + 3)
            tree.put(first + 1, leaf)
            tree.fill([first + 2, first], tree.shallow_leaf())
        elif operation == "add":
            tree.add_leaf(leaf)
        elif operation == "move" and tree.labels:
            tree.move(number % tree.labels, leaf)
        elif operation == "prune" and len(tree) > 1 and not tree.members(leaf):
            tree.remove(leaf)
        check(tree)
    again = Dendrogram()
    again.load_state(tree.state())
    check(again)
    assert again.nested() == tree.nested()
    assert again.add_leaf(again.leaves()[0]) == tree.add_leaf(tree.leaves()[0])


def test_new_leaves_keep_the_tree_shallow() -> None:
    """A thousand leaves added where it says hang no deeper than some tens."""
    tree = Dendrogram()
    for _ in range(1000):
        tree.add_leaf(tree.shallow_leaf())
    depth, level = 0, [tree.nested()]
    while level:
        level = [child for node in level if isinstance(node, tuple) for child in node]
        depth += 1
    assert depth <= 30


def test_ids_of_what_is_gone_come_again() -> None:
    """Adding and removing leaves for ever uses no more ids than are there at a time."""
    tree = Dendrogram()
    for _ in range(100):
        tree.remove(tree.add_leaf(0))
    assert tree.ids == 3

"""The taxonomies in a stream's newest snapshots: drawn as a tree, and used to check operations."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rich.text import Text
from rich.tree import Tree

from learners.core import TaxonomyError
from learners.hierarchy import NONE, SEPARATOR, Taxonomy
from learners.metrics import Prequential
from stream.config import Settings, masked
from stream.records import BadEventError, Control, Limits, in_words, operation, topic
from stream.snapshot import Identity, Snapshot, Store, partitions


class NoTaxonomyError(ValueError):
    """There is no taxonomy: says why, and the next step."""


class PartitionTaxonomy(NamedTuple):
    """A partition's taxonomy at an offset, and the number of scored messages with each label."""

    offset: int
    taxonomy: Taxonomy
    counts: Sequence[int]


def taxonomies(settings: Settings) -> dict[int, PartitionTaxonomy]:
    """Return each partition's taxonomy from its newest snapshot that was made with these settings.

    Raises
    ------
    NoTaxonomyError
        When there is no snapshot, or the learner has no taxonomy.
    """
    grown: dict[int, PartitionTaxonomy] = {}
    for partition, snapshot in _newest(settings):
        labels = snapshot.state["learner"]["labels"]
        if "parents" not in labels:
            raise NoTaxonomyError(
                f"The learner {settings.learner.name!r} keeps its labels in no taxonomy. Choose one that "
                'does: learner.name = "expansion".'
            )
        taxonomy, scores = Taxonomy.from_state(labels), Prequential()
        scores.load_state(snapshot.state["scores"])
        counts = [count for _, _, count in scores.per_label(range(len(taxonomy)))]
        grown[partition] = PartitionTaxonomy(snapshot.offset, taxonomy, counts)
    if not grown:
        raise NoTaxonomyError(
            f"There is no snapshot of group {settings.group} in {masked(settings.snapshot.location)} "
            "made with these settings. A running worker writes one every snapshot.every_s seconds, and when "
            "it ends."
        )
    return grown


def _newest(settings: Settings) -> Iterator[tuple[int, Snapshot]]:
    place, name = (settings.snapshot.location, settings.group), topic(settings.stream, settings.learned_from)
    for partition in partitions(*place, name):
        identity = Identity(name, None, partition, settings.configuration)
        store = Store(*place, identity, allow_pickle=settings.snapshot.allow_pickle)
        # Without a model are those of a shared one's partitions.
        with_model = (snapshot for snapshot, _ in store.candidates() if "learner" in snapshot.state)
        for snapshot in itertools.islice(with_model, 1):
            yield partition, snapshot


def drawn(grown: Mapping[int, PartitionTaxonomy], title: str) -> Tree:
    """Return the labels of all partitions as a tree, with the total number of messages with each."""
    counts: Counter[str] = Counter()
    for each in grown.values():
        for label in np.flatnonzero(each.taxonomy.shape().live).tolist():
            counts[each.taxonomy.name(label)] += each.counts[label]
    tree = Tree(title, highlight=False)
    branches: dict[str, Tree] = {"": tree}
    # A path is sorted after its parent.
    for path in sorted(counts, key=lambda path: path.split(SEPARATOR)):
        above, _, last = path.rpartition(SEPARATOR)
        branches[path] = branches[above].add(Text.assemble(_shown(last), (f"  {counts[path]:,}", "dim")))
    return tree


def _shown(name: str) -> str:
    """Return a name as a terminal may have it: what would move its cursor or colour it is a question mark."""
    return "".join(each if each.isprintable() else "?" for each in name)


def refusals(
    grown: Mapping[int, PartitionTaxonomy], controls: Sequence[Control], limits: Limits
) -> list[dict[int, str]]:
    """Return, for each of some operations in order, the partitions that would refuse it, and why.

    One that is beyond the limits, which workers check records by, is refused by all. An operation on a label
    that was merged or retired also counts as refused: its path stands for another label by now, which is
    hardly what was meant.
    """
    trials = {partition: Taxonomy.from_state(each.taxonomy.state()) for partition, each in grown.items()}
    found: list[dict[int, str]] = []
    for control in controls:
        why: dict[int, str] = {}
        for partition, taxonomy in trials.items():
            try:
                limits.check(control)
                _check_meant(taxonomy, control)
                taxonomy.apply(operation(control))
            except (BadEventError, TaxonomyError) as error:
                why[partition] = f"{error}".removesuffix(".") + "."
        found.append(why)
    return found


def _check_meant(taxonomy: Taxonomy, control: Control) -> None:
    if control.operation == "add":
        return
    paths = [control.label, *(control.to if control.operation in ("move", "merge") else ())]
    for path in paths:
        if path not in taxonomy:
            continue  # The taxonomy itself refuses the operation.
        label = taxonomy.id(path)
        live = taxonomy.resolve(label)
        if live != label:
            by_now = repr(taxonomy.name(live)) if live != NONE else "nothing"
            raise TaxonomyError(f"{path!r} was merged or retired, and stands for {by_now} by now. Name that.")


def refusals_in_words(
    controls: Iterable[Control], refused: Iterable[Mapping[int, str]], partitions: int
) -> list[str]:
    """Return a sentence for each operation that some partitions refuse."""
    return [
        f"{in_words(control)}: {why[min(why)]}"
        + ("" if len(why) == partitions else f" (partitions {', '.join(map(str, sorted(why)))} only)")
        for control, why in zip(controls, refused, strict=True)
        if why
    ]

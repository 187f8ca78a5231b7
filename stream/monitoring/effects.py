"""What a change did: the messages before it compared with those from its beginning on."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from learners.metrics import f1
from stream.monitoring.contents import traits, words
from stream.monitoring.label_figures import Label
from stream.monitoring.recent_predictions import RecentPrediction

STEP = 250
"""Messages of each window after a change."""
OVER = 0.03
"""Micro-F1 below that of before from which a change is not over."""
SIGNIFICANT = 5.0
"""Standard deviations from which a word's or a label's change is told: many are looked at."""
HIT = 4.0
"""Standard deviations from which a segment is told as hit: that there was a change is known."""
Messages = Sequence[RecentPrediction]


class Effect(NamedTuple):
    """What an incident did to the scores.

    Parameters
    ----------
    before, lowest, now
        Micro-F1 before it began, in the worst window from then until its latest alarm or soon after, and in
        the last window that is looked at. A fall that comes later is another change.
    over_after
        Messages from its beginning until the score was back; None as long as it is not, 0 if it never fell.
    """

    before: float
    lowest: float
    now: float
    over_after: int | None


class ClusterEffect(NamedTuple):
    """What an incident did to the cluster of the label that it hit most.

    Parameters
    ----------
    cluster
        The cluster.
    labels
        Its labels now.
    before, after
        Micro-F1 of these labels.
    """

    cluster: int
    labels: list[str]
    before: float
    after: float


class Differences(NamedTuple):
    """How messages from a change on differ from those before it.

    Parameters
    ----------
    labels
        Labels that are wrong more often, with their errors a message before and after, the most surprising
        first.
    segments
        Words of messages, or features with their values, with which label sets are wrong more often, by more
        than on the whole; with shares of wrong label sets before and after, the worst first.
    words
        Words that became more or less frequent, with their shares of the messages before and after, the most
        surprising first.
    """

    labels: list[tuple[str, float, float]]
    segments: list[tuple[str, float, float]]
    words: list[tuple[str, float, float]]


def differences(before: Messages, after: Messages, text: Callable[[int], str]) -> Differences:
    """Return how messages differ from those before; `text` returns what the event at an offset says."""
    texts = [[text(seen.offset) for seen in half] for half in (before, after)]
    judged = [
        [(seen.wrong, traits(said)) for seen, said in zip(half, told, strict=True) if seen.truth is not None]
        for half, told in zip((before, after), texts, strict=True)
    ]
    return Differences(
        moved(_errors(before), _errors(after), rises=True),
        segments(judged[0], judged[1]),
        moved([words(said) for said in texts[0]], [words(said) for said in texts[1]]),
    )


def effect_on_scores(before: Messages, after: Messages, own: int) -> Effect | None:
    """Return what a change did to the scores; None where too little of the truth is known.

    Parameters
    ----------
    before, after
        The messages before it began, and from then on.
    own
        How many of the windows of `STEP` messages after it began are its own, at least 1.
    """
    windows = [
        score
        for begin in range(0, len(after) - STEP + 1, STEP)
        if (score := micro_f1(after[begin : begin + STEP])) is not None
    ]
    usual = micro_f1(before)
    if usual is None or not windows:
        return None
    low = min(range(min(len(windows), own)), key=windows.__getitem__)
    if windows[low] >= usual - OVER:
        return Effect(usual, windows[low], windows[-1], 0)
    back = next((place for place in range(low, len(windows)) if windows[place] >= usual - OVER), None)
    return Effect(usual, windows[low], windows[-1], None if back is None else (back + 1) * STEP)


def effect_on_cluster(
    clusters: Mapping[int, Sequence[Label]], label: str, before: Messages, after: Messages
) -> ClusterEffect | None:
    """Return what a change did to a label's cluster; None where it has none, or all labels are in one."""
    for cluster, members in clusters.items():
        labels = [each.name for each in members]
        if label in labels and len(clusters) > 1:
            scores = [micro_f1(half, set(labels)) for half in (before, after)]
            if scores[0] is not None and scores[1] is not None:
                return ClusterEffect(cluster, labels, scores[0], scores[1])
    return None


def micro_f1(messages: Messages, labels: set[str] | None = None) -> float | None:
    """Return the micro-F1 of messages, of some labels or of all; None where few are known to be true."""
    known = [
        (set(seen.labels), set(seen.truth))
        if labels is None
        else (labels & set(seen.labels), labels & set(seen.truth))
        for seen in messages
        if seen.truth is not None
    ]
    if len(known) < STEP // 5:
        return None
    hits = sum(len(predicted & true) for predicted, true in known)
    return f1(hits, sum(len(predicted) for predicted, _ in known), sum(len(true) for _, true in known))


def _errors(messages: Messages) -> list[set[str]]:
    """Return the labels that are wrong, of each message whose truth is known."""
    return [set(seen.labels) ^ set(seen.truth) for seen in messages if seen.truth is not None]


def moved(
    before: Sequence[Collection[str]], after: Sequence[Collection[str]], *, rises: bool = False
) -> list[tuple[str, float, float]]:
    """Return what is in more or fewer of the sets than before, beyond chance; the most surprising first.

    Parameters
    ----------
    before, after
        Sets, such as the words of each message.
    rises
        Whether only what is in more of them is wanted.

    Examples
    --------
    >>> moved([{"a"}] * 50, [{"a", "b"}] * 50)
    [('b', 0.0, 1.0)]
    """
    counts = [collections.Counter(thing for each in half for thing in each) for half in (before, after)]
    found = []
    for thing in sorted(counts[0] | counts[1]):
        old, new, z = _compared(counts[0][thing], len(before), counts[1][thing], len(after))
        if z > SIGNIFICANT or (not rises and z < -SIGNIFICANT):
            found.append((abs(z), thing, old, new))
    return [(thing, old, new) for _, thing, old, new in sorted(found, reverse=True)]


def segments(
    before: Sequence[tuple[bool, Collection[str]]], after: Sequence[tuple[bool, Collection[str]]]
) -> list[tuple[str, float, float]]:
    """Return which messages a change hit more than all: a trait, and shares of wrong label sets.

    The worst come first.

    Parameters
    ----------
    before, after
        Of each message, whether its label set is wrong, and its traits, such as its words.

    Examples
    --------
    >>> quiet = [(False, {"parcel"}), (False, {"login"})] * 100
    >>> segments(quiet, [(True, {"parcel"}), (False, {"login"})] * 100)
    [('parcel', 0.0, 1.0)]
    """
    counts = [
        collections.Counter((trait, wrong) for wrong, traits in half for trait in traits)
        for half in (before, after)
    ]
    whole = [sum(wrong for wrong, _ in half) / max(1, len(half)) for half in (before, after)]
    found = []
    for trait in sorted({trait for trait, wrong in counts[1] if wrong}):
        wrongs = [count[trait, True] for count in counts]
        sizes = [count[trait, True] + count[trait, False] for count in counts]
        old, new, z = _compared(wrongs[0], sizes[0], wrongs[1], sizes[1])
        if z > HIT and new - old > whole[1] - whole[0]:
            found.append((new - old, trait, old, new))
    return [(trait, old, new) for _, trait, old, new in sorted(found, reverse=True)]


def _compared(some: int, of: int, more: int, out_of: int) -> tuple[float, float, float]:
    """Return two shares and their difference in standard deviations; nothing of nothing does not differ."""
    if not (of and out_of):
        return 0.0, more / max(1, out_of), 0.0
    old, new, share = some / of, more / out_of, (some + more) / (of + out_of)
    deviation = math.sqrt(share * (1 - share) * (1 / of + 1 / out_of)) or 1.0
    return old, new, (new - old) / deviation

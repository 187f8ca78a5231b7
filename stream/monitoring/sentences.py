"""What a drift event says, as the beginning of a sentence."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence

import msgspec

from stream.monitoring.health import counted
from stream.records import DriftRecord

LABELS_NAMED = 4
"""Most labels that a sentence names."""


def sentence(drift: DriftRecord) -> str:
    """Return what changed, with figures where the detector gives some.

    Examples
    --------
    >>> fall = DriftRecord(
    ...     detector="label-fall/rates", scope="prior", subject="wheat", statistic=-16.2, threshold=12.6,
    ...     window=4210, action="none", before=0.12, after=0.04,
    ... )
    >>> sentence(fall)
    '“wheat” fell from 12.0 % to 4.0 % of the messages'
    """
    told = _TOLD.get(drift.detector.partition("/")[0])
    return told(drift) if told else f"{drift.detector} changed for {drift.subject}"


def quoted(labels: Sequence[str]) -> str:
    """Return some labels in words, the first ones by name.

    Examples
    --------
    >>> quoted(["login", "fraud"])
    '“login”, “fraud”'
    >>> quoted(["login", "fraud", "outage", "product", "billing", "refund"])
    '“login”, “fraud”, “outage”, “product” and 2 more labels'
    """
    rest = f" and {counted(len(labels) - LABELS_NAMED, 'more label')}" if len(labels) > LABELS_NAMED else ""
    return ", ".join(f"“{label}”" for label in labels[:LABELS_NAMED]) + rest


def also(changes: Sequence[DriftRecord], most: int) -> list[str]:
    """Return what else changed: the most telling changes in full, and how many more there are.

    Parameters
    ----------
    changes
        All but the first one, the most telling first.
    most
        Most of them told in full, at least 0.
    """
    others = [each for each in changes if each.scope != "error" or each.subject != "stream"]
    left = len(others) - most
    return [sentence(each) for each in others[:most]] + (
        [f"and {counted(left, 'more change')}"] if left > 0 else []
    )


def restructured(changes: Sequence[DriftRecord]) -> str:
    """Return what the learner did to its clusters, given drift events of any kind.

    Examples
    --------
    >>> restructured([])
    'The learner went on learning; no cluster changed'
    """
    changes = [each for each in changes if each.detector == "clusters"]
    if not changes:
        return "The learner went on learning; no cluster changed"
    done = collections.Counter(each.action for each in changes)
    moved = list(dict.fromkeys(label for each in changes for label in each.labels))
    told = ", ".join(counted(n, kind) for kind, n in sorted(done.items()))
    return f"The learner restructured its label clusters: {told}" + (f", of {quoted(moved)}" if moved else "")


def _from_to(drift: DriftRecord, *, share: bool = True) -> str:
    if drift.before is None or drift.after is None:
        return ""
    before, after = (
        f"{x:.1%}".replace("%", " %") if share else f"{x:.3g}" for x in (drift.before, drift.after)
    )
    return f" from {before} to {after}"


def _risen(drift: DriftRecord, more: str, fewer: str) -> str:
    return more if drift.statistic > 0 else fewer


def _pair(drift: DriftRecord) -> str:
    one, _, other = drift.subject.partition(" + ")
    went = _risen(drift, "more", "less")
    return f"“{one}” and “{other}” go together {went} often: Jaccard index{_from_to(drift, share=False)}"


def _labelled(drift: DriftRecord) -> str:
    # The event tells how many messages without labels there are for each one with them.
    shares = [None if each is None else 1.0 / (1.0 + each) for each in (drift.before, drift.after)]
    told = msgspec.structs.replace(drift, before=shares[0], after=shares[1])
    return f"The share of messages with labels {_risen(drift, 'rose', 'fell')}{_from_to(told)}"


def _structure(drift: DriftRecord) -> str:
    if not drift.labels:
        return f"The learner did a {drift.action} of {drift.subject}"
    done = {"split": "split {} off cluster {}", "merge": "merged {}, cluster {}, into another cluster"}
    told = done.get(drift.action, "moved {} out of cluster {}").format(quoted(drift.labels), drift.subject)
    return f"The learner {told}"


_TOLD: dict[str, Callable[[DriftRecord], str]] = {
    "subset-error": lambda drift: f"Wrong label sets rose{_from_to(drift)}",
    "jaccard-error": lambda drift: f"The share of wrong labels rose{_from_to(drift)}",
    "hamming-error": lambda drift: f"Wrong labels a message rose{_from_to(drift, share=False)}",
    "cluster-error": lambda drift: f"Errors in cluster {drift.subject} rose{_from_to(drift)}",
    "label-rise": lambda drift: f"“{drift.subject}” rose{_from_to(drift)} of the messages",
    "label-fall": lambda drift: f"“{drift.subject}” fell{_from_to(drift)} of the messages",
    "label-new": lambda drift: f"“{drift.subject}” is new, in {drift.after or 0:.1%} of the messages".replace(
        "%", " %"
    ),
    "label-vanished": lambda drift: f"“{drift.subject}” no longer occurs",
    "label-returned": lambda drift: f"“{drift.subject}” is back",
    "births": lambda _: "More labels are new than before",
    "cardinality": lambda drift: (
        f"Labels a message {_risen(drift, 'rose', 'fell')}{_from_to(drift, share=False)}"
    ),
    "pair-jaccard": _pair,
    "mean": lambda _: "The vectors of the messages moved",
    "distribution": lambda _: "The vectors of the messages are distributed otherwise",
    "rank": lambda drift: f"The vectors use {_risen(drift, 'more', 'fewer')} directions",
    "calibration": lambda drift: (
        f"Probabilities of {drift.subject} turned out true{_from_to(drift)} of the time"
    ),
    "missing": lambda drift: f"Missing features {_risen(drift, 'rose', 'fell')}{_from_to(drift)}",
    "length": lambda drift: (
        f"The length of texts {_risen(drift, 'rose', 'fell')}{_from_to(drift, share=False)} bytes"
    ),
    "bytes": lambda _: "Texts are made of other characters: another language or format",
    "labelled": _labelled,
    "delay": lambda drift: (
        f"Labels come {_risen(drift, 'later', 'sooner')}:{_from_to(drift, share=False)} messages"
    ),
    "many": lambda drift: f"{drift.statistic:,.0f} more changes of this kind were left out",
    "clusters": _structure,
    "taxonomy": lambda drift: f"The taxonomy was changed: {drift.action}",
    "recovery": lambda drift: f"The model was rebuilt without {drift.window:,} events that were gone",
    "exclusive": lambda drift: f"“{drift.subject.replace(' | ', '” and “')}” never meet",
    "identical": lambda drift: f"“{drift.subject.replace(' = ', '” and “')}” always come together",
    "subsumes": lambda drift: f"“{drift.subject.replace(' in ', '” comes only with “')}”",
}
"""By the first part of a detector's name."""

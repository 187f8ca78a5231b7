"""The F1 score of counts."""

from __future__ import annotations


def f1(hits: float, predicted: float, actual: float, *, nothing: float = 1.0) -> float:
    """Return 2 hits / (predicted + actual): the harmonic mean of precision and recall.

    Parameters
    ----------
    hits, predicted, actual
        Labels both predicted and true, predicted, true.
    nothing
        The score where nothing was predicted and nothing true: 1 (the default) counts that as correct, 0 as
        no evidence.

    Examples
    --------
    >>> f1(1, predicted=2, actual=1)
    0.6666666666666666
    """
    return 2 * hits / (predicted + actual) if predicted + actual else nothing

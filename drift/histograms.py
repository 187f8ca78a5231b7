"""The inner loops of the banks, compiled: exponential histograms of several series, one after the other."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Ids = NDArray[np.intp]


@njit(cache=True)
def insert(sums: Floats, used: Counts, series: Ids, entries: Floats, first: int) -> int:
    """Add an entry to each of some series, from the `first` on.

    Parameters
    ----------
    sums, used
        Series x rows x places x figures, and series x rows: row r holds sums over 2**r entries, oldest
        first, and how many of its places are used.
    series, entries
        Which, shape (k,), and what, shape (k, figures).
    first
        Where to go on.

    Returns
    -------
    int
        How many are done: fewer than k where there must be another row first.
    """
    rows, last, figures = used.shape[1], sums.shape[2] - 1, sums.shape[3]
    carry = np.empty(figures)
    for k in range(first, len(series)):
        s = series[k]
        if used[s, rows - 1] == last:
            return k
        carry[:] = entries[k]
        for row in range(rows):
            held, place = sums[s, row], used[s, row]
            held[place] = carry
            if place < last:
                used[s, row] = place + 1
                break
            carry[:] = held[0] + held[1]
            for left in range(last - 1):
                held[left] = held[left + 2]
            held[last - 1 :] = 0.0
            used[s, row] = last - 1
    return len(series)


@njit(cache=True)
def cut_sums(sums: Floats, used: Counts, series: Ids, lead: Floats) -> tuple[Floats, Floats, Floats]:
    """Return what lies before every cut of some series.

    Parameters
    ----------
    sums, used, series
        As in `insert`.
    lead
        Entries and sums before the oldest bucket, shape (k, 1 + figures); zeros are none.

    Returns
    -------
    tuple
        Entries, (k, cuts), and sums, (k, cuts, figures), up to and with each column: first the lead, then
        all places from the largest buckets to the smallest; the last has everything. And how many places
        are used, at least 1, less one: shape (k,).
    """
    rows, places, figures = 1, sums.shape[2], sums.shape[3]
    for s in series:
        for row in range(rows, used.shape[1]):
            if used[s, row]:
                rows = row + 1
    before = np.empty((len(series), 1 + rows * places))
    sums_before = np.empty((len(series), 1 + rows * places, figures))
    tried = np.empty(len(series))
    for k in range(len(series)):
        s, n, column, filled = series[k], lead[k, 0], 0, int(lead[k, 0] > 0)
        total = lead[k, 1:].copy()
        before[k, 0], sums_before[k, 0] = n, total
        for row in range(rows - 1, -1, -1):
            filled += used[s, row]
            for place in range(places):
                if place < used[s, row]:
                    n += 1 << row
                    total += sums[s, row, place]
                column += 1
                before[k, column], sums_before[k, column] = n, total
        tried[k] = max(1, filled - 1)
    return before, sums_before, tried


@njit(cache=True)
def screen(
    before: Floats, spans: Floats, squares: Floats, memory: Floats, prior: float, errors: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return how wide the gaps before each cut spread, and which cuts are worth an exact test.

    Parameters
    ----------
    before, spans, squares
        Gaps, their sum and their squares' up to and with each column; the last has everything; (k, cuts).
    memory
        The same three of gaps that were forgotten, shape (k, 3).
    prior
        Steady gaps that the spread is mixed with.
    errors
        Least size of the logarithm of the ratio of both rates, in standard errors.

    Returns
    -------
    tuple
        Squared coefficients of variation, at least 1, and True where the rates differ by that much.
    """
    spread, plausible = np.ones(before.shape), np.zeros(before.shape, dtype=np.bool_)
    for k in range(before.shape[0]):
        everything, span = before[k, -1], spans[k, -1]
        for c in range(before.shape[1]):
            n = before[k, c] + memory[k, 0]
            width = spans[k, c] + memory[k, 1]
            if n == 0.0:
                continue
            own = (squares[k, c] + memory[k, 2]) * n / (width * width) - 1.0
            spread[k, c] = max(1.0, (n * own + prior) / (n + prior))
            a, b = before[k, c], everything - before[k, c]
            if a > 0.0 and b > 0.0:
                ratio = abs(np.log((span - spans[k, c]) * a / (spans[k, c] * b)))
                plausible[k, c] = ratio > errors * np.sqrt(spread[k, c] * (1.0 / a + 1.0 / b))
    return spread, plausible

"""The inner loops of the banks, compiled: exponential histograms of several series, one after the other.

All are in one file: numba invalidates its cache by the content of the called function's own file.
"""

from __future__ import annotations

import math

import numpy as np

from drift.core import Counts, Floats, Ids, Mask, compiled


@compiled
def _insert(held: Floats, used: Counts, entry: Floats) -> bool:
    """Add an entry to one series, rows x places x figures; `entry` is overwritten.

    Return whether the window was full and its two oldest buckets were dropped.
    """
    last = held.shape[1] - 1
    for row in range(len(used)):
        place = used[row]
        held[row, place] = entry
        if place < last:
            used[row] = place + 1
            return False
        entry[:] = held[row, 0] + held[row, 1]
        for left in range(last - 1):
            held[row, left] = held[row, left + 2]
        held[row, last - 1 :] = 0.0
        used[row] = last - 1
    return True


@compiled
def cut_sums(held: Floats, used: Counts, lead: Floats) -> tuple[Floats, Floats, int]:
    """Return the sums before every cut of one series.

    Parameters
    ----------
    held, used
        Rows x places x figures, and rows: row r holds sums over 2**r entries, oldest first, and the number of
        its places in use.
    lead
        Entries and sums before the oldest bucket, shape (1 + figures,); zeros if there are none.

    Returns
    -------
    tuple
        Entries, (cuts,), and sums, (cuts, figures), up to and including each column: first the lead, then all
        places from the largest buckets to the smallest; the last column has all entries. And the number of
        places in use minus one, at least 1.
    """
    rows, places, figures = 1, held.shape[1], held.shape[2]
    for row in range(1, len(used)):
        if used[row]:
            rows = row + 1
    before = np.empty(1 + rows * places)
    sums_before = np.empty((1 + rows * places, figures))
    n, column, filled = lead[0], 0, int(lead[0] > 0)
    before[0], sums_before[0] = n, lead[1:]
    for row in range(rows - 1, -1, -1):
        filled += used[row]
        for place in range(places):
            if place < used[row]:
                n += 1 << row
                for figure in range(figures):
                    sums_before[column + 1, figure] = sums_before[column, figure] + held[row, place, figure]
            else:
                sums_before[column + 1] = sums_before[column]
            column += 1
            before[column] = n
    return before, sums_before, max(1, filled - 1)


@compiled
def dispersion(before: Floats, sums_before: Floats, memory: Floats, prior: float) -> Floats:
    """Return the squared coefficient of variation of the gaps before each cut, at least 1; shape (cuts,).

    Parameters
    ----------
    before, sums_before
        Number of gaps, (cuts,), and the sums of the gaps and of their squares, (cuts, 2).
    memory
        The same three figures of gaps that were dropped from the window, shape (3,).
    prior
        Weight, in gaps, of the prior dispersion of 1.
    """
    spread = np.ones(len(before))
    for c in range(len(before)):
        n, width = before[c] + memory[0], sums_before[c, 0] + memory[1]
        if n > 0.0:
            own = (sums_before[c, 1] + memory[2]) * n / (width * width) - 1.0
            spread[c] = max(1.0, (n * own + prior) / (n + prior))
    return spread


@compiled
def plausible_cuts(before: Floats, sums_before: Floats, spread: Floats, errors: float, chance: float) -> Mask:
    """Return which cuts need an exact test, shape (cuts,).

    Parameters
    ----------
    before, sums_before, spread
        As in `dispersion`, and what it returns.
    errors
        Minimum magnitude of the logarithm of the ratio of both rates, in standard errors.
    chance
        Maximum p-value: cuts whose lower bound on p exceeds it are left out. (The first term of the series of
        the incomplete beta function is such a bound, because all terms are positive.)
    """
    plausible = np.zeros(len(before), dtype=np.bool_)
    everything, span, least = before[-1], sums_before[-1, 0], math.log(chance / 2.0) + 1e-6
    for c in range(len(before)):
        a, b = everything - before[c], before[c]
        if not (a > 0.0 and b > 0.0):
            continue
        share = (span - sums_before[c, 0]) / span
        ratio = math.log(share * b / ((1.0 - share) * a))
        if abs(ratio) <= errors * math.sqrt(spread[c] * (1.0 / a + 1.0 / b)):
            continue
        a, b = a / spread[c], b / spread[c]
        both = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        term = a * math.log(share) + b * math.log1p(-share) + both
        plausible[c] = term - math.log(a if ratio < 0.0 else b) < least
    return plausible


@compiled
def take_gaps(
    sums: Floats,
    used: Counts,
    series: Ids,
    clock: int,
    last: Counts,
    birth: Counts,
    memory: Floats,
    due: Counts,
    prior: float,
    errors: float,
    chance: float,
    never: int,
) -> Mask:
    """Take in an event of each of some series, and update the message at which they become overdue.

    Parameters
    ----------
    sums, used
        Series x rows x places x figures, and series x rows; see `cut_sums`.
    series, clock
        Numbers of the series, shape (k,), and the number of the message.
    last, birth, memory, due
        Of each series: last event, first event if that is the lead, dropped gaps, message when overdue.
    prior, errors, chance, never
        See `dispersion`, `plausible_cuts` and `overdue`; `never` stands for a series without such a message.

    Returns
    -------
    NDArray
        Whether each series may have changed its rate, shape (k,).
    """
    changed = np.zeros(len(series), dtype=np.bool_)
    entry, lead = np.empty(2), np.zeros(3)
    for k in range(len(series)):
        s = series[k]
        gap = float(clock - last[s])
        last[s], entry[0], entry[1] = clock, gap, gap * gap
        if _insert(sums[s], used[s], entry):
            birth[s] = 0
        born = float(birth[s])
        lead[0], lead[1], lead[2] = min(born, 1.0), born, born * born
        before, sums_before, tried = cut_sums(sums[s], used[s], lead)
        spread = dispersion(before, sums_before, memory[s], prior)
        changed[k] = plausible_cuts(before, sums_before, spread, errors, chance / tried).any()
        due[s] = overdue(clock, before[-1], sums_before[-1, 0], spread[-1], chance, never)
    return changed


@compiled
def overdue(clock: int, gaps: float, span: float, spread: float, chance: float, never: int) -> int:
    """Return the message at which a series is overdue: after the (1 - chance) quantile of its gaps."""
    surprise = -math.log(chance) * spread / gaps
    if surprise >= 40.0:
        return never
    return int(min(clock + np.ceil(span * math.expm1(surprise)), float(never)))


@compiled
def take_values(
    sums: Floats,
    used: Counts,
    series: Ids,
    values: Floats,
    clock: int,
    last: Counts,
    seen: Counts,
    every: int,
    least: float,
) -> tuple[Floats, Ids]:
    """Take in a value of each of some series, and test the series that are due for a test.

    Parameters
    ----------
    sums, used, series, clock, last
        As in `take_gaps`; an entry is a value, its square and the messages since the last one.
    values
        Shape (k,).
    seen, every
        Number of values of each series so far; a series is tested after every `every` values.
    least
        Minimum number of values on either side of a cut.

    Returns
    -------
    tuple
        For each series the p-value of its strongest difference, corrected for the number of cuts tried, and
        the column of the cut; infinity where it was not tested. Both have shape (k,).
    """
    chances, cuts = np.full(len(series), np.inf), np.zeros(len(series), dtype=np.intp)
    entry, lead = np.empty(3), np.zeros(4)
    for k in range(len(series)):
        s, value = series[k], values[k]
        entry[0], entry[1], entry[2] = value, value * value, float(clock - last[s])
        _insert(sums[s], used[s], entry)
        last[s] = clock
        seen[s] += 1
        if seen[s] % every == 0:
            before, sums_before, tried = cut_sums(sums[s], used[s], lead)
            evidence, cuts[k] = _strongest(before, sums_before, least)
            chances[k] = min(1.0, 2.0 * math.exp(-evidence) * tried) if evidence >= 0.0 else 1.0
    return chances, cuts


@compiled
def _strongest(before: Floats, sums_before: Floats, least: float) -> tuple[float, int]:
    """Return the strongest evidence of any cut for a change of the mean, in nats, or -1, and the cut."""
    entries, total = before[-1], sums_before[-1, 0]
    variance = max(0.0, sums_before[-1, 1] / entries - (total / entries) ** 2)
    strongest, cut = -1.0, 0
    for c in range(len(before)):
        a, b = before[c], entries - before[c]
        if a < least or b < least:
            continue
        difference = abs((total - sums_before[c, 0]) / b - sums_before[c, 0] / a)
        harmonic = 1.0 / a + 1.0 / b
        # Bernstein's bound is difference = sqrt(2 h v e) + 2/3 h e; e is the evidence.
        linear, root = 2.0 / 3.0 * harmonic, math.sqrt(2.0 * harmonic * variance)
        evidence = ((math.sqrt(root * root + 4.0 * linear * difference) - root) / (2.0 * linear)) ** 2
        if evidence > strongest:
            strongest, cut = evidence, c
    return strongest, cut

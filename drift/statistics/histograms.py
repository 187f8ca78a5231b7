"""The inner loops of the banks, compiled: exponential histograms of several series, one after the other.

All are in one file: compiled code is kept on disk for as long as the called function's file is unchanged.
"""

from __future__ import annotations

import math

import numpy as np

from drift.core import Counts, Floats, Ids, Mask, compiled


@compiled
def _insert(held: Floats, used: Counts, entry: Floats) -> bool:
    """Add an entry to one series, rows x places x figures; it is overwritten.

    Return whether the window was full and its two oldest buckets were forgotten.
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
    """Return what lies before every cut of one series.

    Parameters
    ----------
    held, used
        Rows x places x figures, and rows: row r holds sums over 2**r entries, oldest first, and how many of
        its places are used.
    lead
        Entries and sums before the oldest bucket, shape (1 + figures,); zeros are none.

    Returns
    -------
    tuple
        Entries, (cuts,), and sums, (cuts, figures), up to and with each column: first the lead, then all
        places from the largest buckets to the smallest; the last has everything. And how many places are
        used, less one, at least 1.
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
        Gaps, (cuts,), their sum and their squares', (cuts, 2).
    memory
        The same three of gaps that were forgotten, shape (3,).
    prior
        Steady gaps that the spread is mixed with.
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
    """Return which cuts are worth an exact test, shape (cuts,).

    Parameters
    ----------
    before, sums_before, spread
        As in `dispersion`, and what it returns.
    errors
        Least size of the logarithm of the ratio of both rates, in standard errors.
    chance
        Cuts that are certainly likelier than this without a change are not. (The first term of the series
        of the incomplete beta function, all of whose terms are positive, is a lower bound.)
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
    """Take in an event of each of some series, and note from when on they are overdue.

    Parameters
    ----------
    sums, used
        Series x rows x places x figures, and series x rows; see `cut_sums`.
    series, clock
        Which, shape (k,), and the number of the message.
    last, birth, memory, due
        Of each series: its last event, its first if that still leads, the gaps it forgot, and the date.
    prior, errors, chance, never
        See `dispersion` and `plausible_cuts`; `chance` is also that of waiting so long. No date.

    Returns
    -------
    NDArray
        Which may have changed their rate, shape (k,).
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
    """Return from when on a series is overdue: later than (1 - chance) of all gaps that fit its rate."""
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
    """Take in a value of each of some series, and test those whose turn it is.

    Parameters
    ----------
    sums, used, series, clock, last
        As in `take_gaps`; an entry is a value, its square and the messages since the last one.
    values
        Shape (k,).
    seen, every
        How many values each series had; it is tested after so many.
    least
        Values needed on either side of a cut.

    Returns
    -------
    tuple
        For each series the chance of its strongest difference without a change, corrected for the cuts
        tried, and the cut; infinity where it was not its turn. Both have shape (k,).
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
    """Return the most evidence that any cut has for a change of the mean, in nats, or -1, and the cut."""
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

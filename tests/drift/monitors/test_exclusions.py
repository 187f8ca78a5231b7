"""Exclusions against a plain reading of their definition, which keeps every block."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.special import kl_div

from drift.alarms.alarm import Observation
from drift.monitors.exclusions import ExclusionMonitor

ABOVE = {4: (0,), 5: (1,)}
"""Label 4 lies in 0, and 5 in 1; 0 and 1 never meet, so neither do the others."""
Told = tuple[int, str, str, float, float | None]


class PlainExclusions:
    """Sums up all blocks anew whenever one ends."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.blocks: list[list[set[int]]] = [[]]
        self.reported: set[tuple[int, int]] = set()
        self.tests = 0

    def counted(self, pair: tuple[int, int]) -> tuple[float, float, bool]:
        """Return expected and observed meetings, and whether the last block is among those that count."""
        expected = met = 0.0
        for block in self.blocks:
            first, second = (sum(label in message for message in block) for label in pair)
            counts = min(first, second) >= 20
            if counts:
                expected += first * second / 500
                met += sum(message.issuperset(pair) for message in block)
                if expected > 1000:
                    expected, met = expected / 2, met / 2
        return expected, met, counts

    def update(self, labels: set[int]) -> list[Told]:
        """Take in a message with complete labels; return what is said."""
        self.blocks[-1].append(labels)
        if len(self.blocks[-1]) < 500:
            return []
        messages = 500 * len(self.blocks)
        known = sorted(set().union(*self.blocks[-1]))
        said = [told for pair in itertools.combinations(known, 2) for told in self.test(pair, messages)]
        self.blocks.append([])
        return said

    def test(self, pair: tuple[int, int], messages: int) -> list[Told]:
        """Test one pair, if the last block counts for it."""
        expected, met, counts = self.counted(pair)
        fewest, before = 0.2 * expected, pair in self.reported
        if not counts or (met < fewest) == before:
            return []
        self.tests += 1
        p = math.exp(-float(kl_div(met, fewest)))
        allowed = self.budget / 100_000 / max(1.0, self.tests / messages)
        if p > allowed or (not before and self.implied(*pair)):
            return []
        self.reported ^= {pair}
        return [
            (messages, f"{pair[0]} | {pair[1]}", "withdrawn" if before else "reported", 1 - met / expected, p)
        ]

    def implied(self, first: int, second: int) -> bool:
        """Return whether one lies in the other, or two labels above them exclude each other."""
        up, over = {first, *ABOVE.get(first, ())}, {second, *ABOVE.get(second, ())}
        if first in over or second in up:
            return True
        return any({a, b} == set(pair) != {first, second} for a in up for b in over for pair in self.reported)


def messages(seed: int) -> list[set[int]]:
    """Return labels of messages: some never meet, some only later, and one pair is never on at one time."""
    draw, drawn = np.random.default_rng(seed), []
    for n in range(9_000):
        side, other, late = draw.random(), draw.random(), n >= 5_000
        labels = {0} if side < 0.4 else {1} if side < 0.8 else set()
        labels |= {4} if side < 0.2 else {5} if 0.4 <= side < 0.6 else set()
        labels |= {2} if other < 0.4 else {3} if other < 0.8 else set()
        if late and draw.random() < 0.5:
            labels |= {2, 3}
        labels |= {6 + int(late)} if draw.random() < 0.5 else set()
        labels |= {8} if draw.random() < 0.042 else set()
        labels |= {9} if draw.random() < 0.7 else set()
        drawn.append(labels)
    return drawn


def together_and_apart() -> list[set[int]]:
    """Return labels of messages: two on all complete ones of two blocks, then never together."""
    return [{0, 1}] * 1_112 + [{n % 2} for n in range(16_000)] + [{0, 1}] * 3_000


def compare(
    monitor: ExclusionMonitor, plain: PlainExclusions, messages: list[set[int]]
) -> set[tuple[str, str]]:
    """Return what both say of the messages, of which each tenth has incomplete labels and does not count."""
    told: list[Told] = []
    expected: list[Told] = []
    complete = 0
    for n, labels in enumerate(messages):
        ids = np.array(sorted(labels), dtype=np.intp)
        seen = Observation(ids, ids, complete=n % 10 > 0, name=str, above=lambda label: ABOVE.get(label, ()))
        alarms = monitor.update(seen)
        if n % 10 == 0:
            assert alarms == []
            continue
        complete += 1
        assert all((alarm.threshold, alarm.window) == (0.8, complete) for alarm in alarms)
        told += [(complete, alarm.subject, alarm.action, alarm.statistic, alarm.p) for alarm in alarms]
        expected += plain.update(labels)
    assert [each[:3] for each in told] == [each[:3] for each in expected]
    for figure in (3, 4):
        np.testing.assert_allclose(
            np.array([each[figure] for each in told], dtype=float),
            np.array([each[figure] for each in expected], dtype=float),
            rtol=1e-9,
        )
    return {(subject, action) for _, subject, action, *_ in told}


@pytest.mark.parametrize("budget", [1.0, 1e-9])
def test_equals_the_definition(budget: float) -> None:
    """What is said, when, and how sure it is."""
    said = compare(ExclusionMonitor(budget), PlainExclusions(budget), messages(1))
    assert ("0 | 1", "reported") in said
    assert {("2 | 3", "reported"), ("2 | 3", "withdrawn")} <= said
    assert not {"0 | 4", "0 | 5", "4 | 5", "6 | 7"} & {subject for subject, _ in said}


def test_evidence_is_halved_beyond_a_bound_not_at_it() -> None:
    """As in the definition, to the last figure."""
    said = compare(ExclusionMonitor(), PlainExclusions(1.0), together_and_apart())
    assert said == {("0 | 1", "reported"), ("0 | 1", "withdrawn")}

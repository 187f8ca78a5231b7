"""The banks: equal to plain ones, exact when restored, and few false alarms however many series there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drift.statistics import bank
from drift.statistics.bank import Bank
from drift.statistics.histograms import overdue
from drift.statistics.means import MeanBank
from drift.statistics.rates import NEVER, SPARE_DATES, RateBank
from tests.drift.detectors.series import stored
from tests.drift.statistics.plain import PlainMeans, PlainRates, messages, told

SERIES = 4
chances = st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.95]), min_size=SERIES, max_size=SERIES)
streams = st.lists(st.tuples(st.integers(1, 150), chances), min_size=1, max_size=4)


def ids(events: list[int]) -> Any:
    """Return events as the banks take them."""
    return np.array(events, dtype=np.intp)


@settings(max_examples=12, deadline=None)
@given(streams, st.integers(0, 99), st.sampled_from([1.0, 3000.0]), st.integers(2, 4))
def test_rates_equal_the_plain_ones(
    pieces: list[tuple[int, list[float]]], seed: int, budget: float, buckets: int
) -> None:
    """Same changes at the same messages, overdue ones too, though only what a message touches is touched."""
    bank, plain = RateBank(budget, buckets), PlainRates(SERIES, budget, buckets)
    for n, events in enumerate(messages(seed, pieces)):
        found, expected = told(bank.update(ids(events))), plain.update(events)
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected], f"at {n}"
        assert [shift[4] for shift in found] == pytest.approx([shift[4] for shift in expected], rel=1e-6)


@pytest.mark.parametrize(("before", "after"), [(1, 5), (40, 1)])
def test_a_series_that_ends_as_its_change_is_seen_is_missed_when_the_plain_one_is(
    before: int, after: int
) -> None:
    """Only what is left after the cut tells how long its silence may last: no later event tells it anew."""
    bank, plain = RateBank(), PlainRates(1, 1.0, 3)
    kinds: list[str] = []
    for n in range(8_000):
        every = before if n < 4_000 else after
        events = [0] if n % every == 0 and not kinds else []
        found, expected = told(bank.update(ids(events))), plain.update(events)
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected], f"at {n}"
        kinds += [shift[1] for shift in found]
    assert kinds == ["fall" if after > before else "rise", "vanished"]


@settings(max_examples=12, deadline=None)
@given(streams, st.integers(0, 99), st.sampled_from([1.0, 3000.0]), st.sampled_from([1, 8]))
@example([(300, [0.95, 0.0, 0.5, 0.1]), (300, [0.0, 0.95, 0.5, 0.9])], 0, 1.0, 1)
def test_means_equal_the_plain_ones(
    pieces: list[tuple[int, list[float]]], seed: int, budget: float, clock: int
) -> None:
    """Same cuts, same figures."""
    bank, plain = MeanBank(budget, clock=clock), PlainMeans(budget, 3, clock)
    generator = np.random.default_rng(seed)
    for n, events in enumerate(messages(seed, pieces)):
        touched = np.flatnonzero(generator.random(SERIES) < 0.6)
        values = np.isin(touched, events).astype(float) * 0.75
        found = told(bank.update(touched, values))
        expected = plain.update(dict(zip(touched.tolist(), values.tolist(), strict=True)))
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected], f"at {n}"
        assert [shift[4] for shift in found] == pytest.approx([shift[4] for shift in expected], rel=1e-6)


@pytest.mark.parametrize("rows", [2, 4])
def test_full_windows_equal_the_plain_ones(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is older than a window is forgotten, also the wait for a series' first event."""
    monkeypatch.setattr(bank, "BUCKET_SIZES", rows)
    rates, plain_rates = RateBank(3000.0), PlainRates(SERIES, 3000.0, 3)
    means, plain_means = MeanBank(3000.0), PlainMeans(3000.0, 3, 8)
    touched, reported = np.arange(SERIES), 0
    busy, quiet = (400, [0.9, 0.6, 0.1, 0.3]), (400, [0.1, 0.6, 0.9, 0.3])
    for events in messages(5, [(300, [0.0] * SERIES), busy, quiet, busy]):
        found, expected = told(rates.update(ids(events))), plain_rates.update(events)
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected]
        reported += len(found)
        values = np.isin(touched, events).astype(float)
        found = told(means.update(touched, values))
        expected = plain_means.update(dict(zip(touched.tolist(), values.tolist(), strict=True)))
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected]
        reported += len(found)
    assert reported > 5


@pytest.mark.parametrize("kind", [RateBank, MeanBank])
def test_memory_does_not_grow_with_the_stream(kind: type[RateBank | MeanBank]) -> None:
    """Also where series are in every message for longer than a window can be."""
    bank, shapes = kind(), set()
    for n in range(30_000):
        if isinstance(bank, RateBank):
            assert not bank.update(np.arange(2)) or n < 100
        else:
            bank.update(np.arange(2), np.array([0.5, n % 2]))
        shapes.add(bank.state()["sums"].shape)
    assert len(shapes) == 1
    # The wait for the first event lay before what is forgotten.
    assert not bank.state().get("birth", np.zeros(2)).any()


@settings(max_examples=8, deadline=None)
@given(streams, st.integers(0, 99), st.floats(0, 1))
def test_state_round_trip(pieces: list[tuple[int, list[float]]], seed: int, share: float) -> None:
    """Stored at any point and restored, all that follows is equal bit by bit."""
    stream = messages(seed, pieces)
    half = int(share * len(stream))
    kept, restored = RateBank(3000.0), RateBank(3000.0)
    for events in stream[:half]:
        kept.update(ids(events))
    restored.load_state(stored(kept.state()))
    for events in stream[half:]:
        assert restored.update(ids(events)) == kept.update(ids(events))


def zipf(labels: int) -> Any:
    """Return chances of labels, three a message, as labels are distributed."""
    weights = 1.0 / np.arange(1, labels + 1)
    return np.minimum(3.0 * weights / weights.sum(), 0.6)


@pytest.mark.parametrize("labels", [30, 10_000])
def test_ten_thousand_labels_raise_no_more_false_alarms_than_thirty(labels: int) -> None:
    """With a budget of one in 100,000 messages, 30,000 messages raise one or two."""
    found = []
    for seed in range(2):
        generator, bank, often = np.random.default_rng(seed), RateBank(), zipf(labels)
        for drawn in generator.choice(labels, (15_000, 3), p=often / often.sum()):
            found += bank.update(np.unique(drawn))
    # One that seemed to vanish returns, so it counts once.
    assert len([shift for shift in found if shift.kind != "returned"]) <= 2, found


def test_bursts_are_no_changes() -> None:
    """Events that come in groups of ten are steady too, only coarser: the first few teach that."""
    for seed in range(2):
        generator, bank = np.random.default_rng(seed), RateBank()
        found, left = [], 0
        for n in range(15_000):
            left = max(0, left - 1) or (10 if generator.random() < 0.005 else 0)
            found += [(n, shift.kind) for shift in bank.update(ids([0] if left else []))]
        assert len(found) <= 4, found
        assert all(n < 1000 for n, _ in found), found


def test_tells_new_from_rising_and_vanished_from_falling() -> None:
    """A label's whole life, at the dates it was given."""
    bank, life = RateBank(), []
    generator = np.random.default_rng(1)
    for n in range(12_000):
        chance = 0.0 if n < 3000 or 8000 <= n < 11_000 else 0.05 if n < 6000 else 0.2
        found = bank.update(ids([0] if generator.random() < chance else []))
        life += [(shift.kind, n - shift.since) for shift in found]
    assert [kind for kind, _ in life] == ["new", "rise", "vanished", "returned"]
    assert [began for _, began in life] == pytest.approx([3000, 6000, 8000, 11_000], abs=150)


@pytest.mark.parametrize("pause", [5_000, 100_000])
@pytest.mark.parametrize(("chance", "kinds"), [(0.3, {"rise"}), (0.03, {"fall", "vanished"})])
def test_a_pause_hides_no_later_change(pause: int, chance: float, kinds: set[str]) -> None:
    """However long it was: 300 events after it the rate changes, and that is found as without a pause."""
    bank, draw, stretches = RateBank(), np.random.default_rng(0), []
    for rate, length in ((0.1, 10_000), (0.0, pause), (0.1, 3000), (chance, 1000)):
        drawn = draw.random(length) < rate
        stretches.append([shift.kind for here in drawn for shift in bank.update(ids([0] if here else []))])
    assert stretches[:3] == [[], ["vanished"], ["returned"]]
    assert kinds & {*stretches[3]}


def test_a_vanished_label_is_noticed_though_no_message_touches_it() -> None:
    """The date is known in advance: rare labels are waited for longer."""
    bank, found = RateBank(), {}
    for n in range(30_000):
        events = [k for k, every in enumerate((3, 30, 300)) if n % every == 0 and n < 15_000]
        for shift in bank.update(ids(events)):
            found[shift.series] = (shift.kind, n - 15_000)
    assert [found[k][0] for k in range(3)] == ["vanished"] * 3
    waits = [found[k][1] for k in range(3)]
    assert waits == sorted(waits)
    assert waits[0] < 60
    assert waits[2] < 6000


@pytest.mark.parametrize("late", [0, 3, 40])
def test_what_falls_silent_after_a_change_is_waited_for_as_after_no_change(late: int) -> None:
    """Less is known of it, and more spread: both count in the date, at the change itself too."""
    bank, plain, quiet = RateBank(30.0), PlainRates(1, 30.0, 3), None
    draw, kinds = np.random.default_rng(1), []
    for n in range(12_000):
        if quiet is not None and n > quiet + late:
            events = []
        else:
            burst = draw.random() < 0.9 if n % 40 < 10 else False
            events = [0] if (burst if n >= 2000 else draw.random() < 0.03) else []
        found, expected = told(bank.update(ids(events))), plain.update(events)
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected], f"at {n}"
        kinds += [shift[1] for shift in found]
        if quiet is None and "rise" in kinds and n > 2000:
            quiet = n
    assert quiet is not None
    assert kinds[-1] == "vanished"


def test_labels_that_come_and_go_leave_no_dates_behind() -> None:
    """Each return would queue a nearer date with every event, and the far ones would wait for years."""
    bank, plain, reported = RateBank(), PlainRates(20, 1.0, 3), 0
    for n in range(8_000):
        # Each label is used for a hundred messages, then not for 1,900.
        events = [n // 100 % 20] if n % 3 else []
        found, expected = told(bank.update(ids(events))), plain.update(events)
        assert [shift[:4] for shift in found] == [shift[:4] for shift in expected]
        assert len(bank.state()["heap"]) <= 2 * bank.series + SPARE_DATES
        reported += len(found)
    assert reported > 20


def test_a_date_beyond_all_numbers_is_none() -> None:
    """After few gaps that spread very wide, no wait is too long; dates never turn round."""
    dates = [overdue(6000, 10.0, 2886.0, spread, 2e-4, NEVER) for spread in np.linspace(1.0, 100.0, 500)]
    assert dates == sorted(dates)
    assert dates[0] > 6000
    assert dates[-1] == NEVER


@pytest.mark.parametrize("kind", [RateBank, MeanBank])
@pytest.mark.parametrize("bad", [{"budget": 0.0}, {"buckets": 1}])
def test_refuses_bad_parameters(kind: type[Bank], bad: dict[str, Any]) -> None:
    """The error names the bank and what was got."""
    with pytest.raises(ValueError, match=f"A {kind.__name__} needs budget .* Got"):
        kind(**bad)

"""The smaller monitors, each on what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from drift.alarms.alarm import Alarm, Monitor, Observation
from drift.monitors.births import BirthMonitor
from drift.monitors.calibration import CalibrationMonitor
from drift.monitors.errors import ClusterErrorMonitor, ErrorMonitor
from drift.monitors.feedback import FeedbackMonitor
from drift.monitors.inputs import InputMonitor
from drift.monitors.labels import LabelRateMonitor
from drift.monitors.pairs import PairMonitor
from drift.monitors.structure import StructureMonitor
from drift.statistics.slots import Slots
from tests.drift.detectors.series import stored

GENERATOR = np.random.default_rng


def ids(*labels: int) -> Any:
    """Return label ids as an array."""
    return np.array(labels, dtype=np.intp)


def watch(monitor: Monitor, observations: list[Observation]) -> list[tuple[int, Alarm]]:
    """Return the alarms, each with its position."""
    return [(n, alarm) for n, seen in enumerate(observations) for alarm in monitor.update(seen)]


def labelled(*chances: float, seed: int = 0, length: int = 1000) -> list[Observation]:
    """Return messages that carry each label with its chance, rightly predicted."""
    rows = GENERATOR(seed).random((length, len(chances))) < chances
    return [Observation(ids(*np.flatnonzero(row)), ids(*np.flatnonzero(row))) for row in rows]


def paired(seed: int, together: float, length: int = 1500) -> list[Observation]:
    """Return messages with label 0, 1 or both, both with a chance; label 2 comes along at random."""
    generator = GENERATOR(seed)
    messages = []
    for _ in range(length):
        pair = [0, 1] if generator.random() < together else [int(generator.integers(2))]
        labels = ids(*pair, *([2] if generator.random() < 0.3 else []))
        messages.append(Observation(labels, labels))
    return messages


def scored(seed: int, right: float, length: int = 2000) -> list[Observation]:
    """Return messages whose best label has probability 0.9 and is right with a chance."""
    hits = GENERATOR(seed).random(length) < right
    return [Observation(ids(0), ids(0 if hit else 1), best=(0, 0.9)) for hit in hits]


def clustered(seed: int, wrong: float, length: int = 2000) -> list[Observation]:
    """Return messages that touch one of two clusters; cluster 7 errs with a chance, 8 with one of a third."""
    generator = GENERATOR(seed)
    messages = []
    for _ in range(length):
        cluster = int(generator.integers(7, 9))
        errs = generator.random() < (wrong if cluster == 7 else 1 / 3)
        messages.append(Observation(ids(), ids(), clusters=[cluster], wrong=[cluster] if errs else []))
    return messages


def test_label_rates_name_the_label_and_what_became_of_it() -> None:
    """From a tenth to a half, and nothing else."""
    names = ["grain", "wheat", "corn"]
    stream = labelled(0.3, 0.1, 0.2, length=2000) + labelled(0.3, 0.5, 0.2, seed=1)
    alarms = watch(LabelRateMonitor(), [message._replace(name=names.__getitem__) for message in stream])
    n, alarm = alarms[0]
    assert (alarm.detector, alarm.scope, alarm.subject) == ("label-rise/rates", "prior", "wheat")
    assert 2000 < n < 2100
    assert alarm.before == pytest.approx(0.1, abs=0.03)
    assert alarm.after == pytest.approx(0.5, abs=0.2)
    assert alarm.since is not None
    assert n - alarm.since == pytest.approx(2000, abs=40)
    assert alarm.statistic > alarm.threshold
    assert {each.subject for _, each in alarms} == {"wheat"}


def test_incomplete_labels_say_nothing_of_rates_and_pairs() -> None:
    """What is not named may be there."""
    some = [message._replace(complete=False) for message in labelled(0.05, seed=2)]
    assert watch(LabelRateMonitor(), labelled(0.5) + some) == []
    assert watch(PairMonitor(), [m._replace(complete=False) for m in paired(1, 0.9)]) == []


def test_pairs_that_part_are_named() -> None:
    """Labels that were together seven times of ten are together twice of ten."""
    alarms = watch(PairMonitor(), paired(3, 0.7) + paired(4, 0.2))
    n, alarm = alarms[0]
    assert 1500 < n < 1600
    assert (alarm.detector, alarm.scope) == ("pair-jaccard/means", "correlation")
    assert alarm.subject == "0 + 1"
    assert alarm.statistic < -alarm.threshold
    assert alarm.before == pytest.approx(0.7, abs=0.1)
    assert {each.subject for _, each in alarms} == {"0 + 1"}
    assert watch(PairMonitor(), paired(5, 0.5, 6000)) == []


def test_a_label_has_at_most_so_many_pairs_and_the_heavy_ones_stay() -> None:
    """A hub with 50 partners; one of them comes along every other time."""
    monitor, generator = PairMonitor(partners=4), GENERATOR(0)
    for _ in range(4000):
        labels = ids(0, 1 if generator.random() < 0.5 else int(generator.integers(2, 52)))
        monitor.update(Observation(labels, labels))
    places = monitor.state()["places"]
    assert (places >= 0).sum(axis=1).max() <= 4
    assert [0, 1] in monitor.state()["ends"][places[0]].tolist()


def test_calibration_tells_which_probabilities_lie() -> None:
    """What had 0.9 was true nine times of ten, and is five times of ten."""
    alarms = watch(CalibrationMonitor(), scored(6, 0.9) + scored(7, 0.5))
    n, alarm = alarms[0]
    assert 2000 < n < 2150
    assert (alarm.scope, alarm.subject) == ("calibration", "0.8 to 1.0")
    assert alarm.before == pytest.approx(0.9, abs=0.05)
    assert watch(CalibrationMonitor(), scored(8, 0.9, 8000)) == []


def test_the_cluster_that_errs_is_named() -> None:
    """And the one that gets better is not."""
    alarms = watch(ClusterErrorMonitor(), clustered(9, 0.2) + clustered(10, 0.8) + clustered(11, 0.1))
    assert {(alarm.detector, alarm.subject) for _, alarm in alarms} == {("cluster-error/means", "7")}
    assert 2000 < alarms[0][0] < 2300
    assert all(n < 4000 for n, _ in alarms)


def test_more_clusters_than_places_are_taken() -> None:
    """The one touched longest ago loses its place and its past."""
    monitor = ClusterErrorMonitor(clusters=2)
    for cluster in [1, 2, 3, 1, 2, 3] * 50:
        assert monitor.update(Observation(ids(), ids(), clusters=[cluster], wrong=[])) == []
    assert len(monitor.state()["slots"]["keys"]) == 2
    assert monitor.update(Observation(ids(), ids(), clusters=[1, 2, 3], wrong=[3])) == []
    slots = Slots(2)
    slots.take([5, 6])
    restored = Slots(2)
    restored.load_state(stored(slots.state()))
    assert restored.take([6, 9]) == slots.take([6, 9])


def test_errors_count_wrong_answers() -> None:
    """A message with one wrong label of ten becomes one with ten wrong of ten."""
    ten, none = ids(*range(10)), ids()
    alarms = watch(ErrorMonitor(), [Observation(ten[1:], ten)] * 500 + [Observation(none, ten)] * 200)
    assert {alarm.detector for _, alarm in alarms} == {"jaccard-error/adwin", "hamming-error/adwin"}


@pytest.mark.parametrize(
    ("before", "after", "detector"),
    [
        ({"text": "Wheat rose by two cents."}, {"text": "Пшеница подорожала."}, "bytes/adwin"),
        ({"text": "Wheat rose. " * 3}, {"text": "Wheat rose. " * 90}, "length/adwin"),
        ({"x": np.ones(4, np.float32)}, {"x": np.array([1, np.nan, 1, 1], np.float32)}, "missing/adwin"),
    ],
)
def test_input_quality(before: dict[str, Any], after: dict[str, Any], detector: str) -> None:
    """Another script, another length, holes."""
    stream = [Observation(ids(), ids(), **before)] * 600 + [Observation(ids(), ids(), **after)] * 200
    alarms = watch(InputMonitor(), stream)
    n, alarm = next((n, alarm) for n, alarm in alarms if alarm.detector == detector)
    assert 600 < n < 680
    assert alarm.scope == "input"


def test_feedback_that_thins_out_or_comes_late() -> None:
    """Every message has labels, then one in five; at once, then a thousand messages later."""
    prompt = [Observation(ids(), ids())] * 600
    thin = [Observation(ids(), ids(), unlabelled=4)] * 200
    late = [Observation(ids(), ids(), delay=1000)] * 200
    ((_, thinner),) = watch(FeedbackMonitor(), prompt + thin)
    assert thinner.detector == "labelled/adwin"
    assert [thinner.before, thinner.after] == pytest.approx([0.0, 4.0])
    ((_, later),) = watch(FeedbackMonitor(), prompt + late)
    assert later.detector == "delay/adwin"
    assert [later.before, later.after] == pytest.approx([0.0, 1000.0])
    assert watch(FeedbackMonitor(), prompt + prompt) == []


class Split(NamedTuple):
    """A change of structure."""

    kind: str = "split"
    subject: str = "12"
    statistic: float = 0.1
    threshold: float = 0.2
    labels: Sequence[str] = ("wheat", "corn")


def test_structure_passes_on_what_the_learner_did() -> None:
    """The learner's own figures, and the labels that moved; what it did is the action."""
    ((_, alarm),) = watch(StructureMonitor(), [Observation(ids(), ids(), changes=[Split()])])
    assert alarm == Alarm("clusters", "structure", "12", 0.1, 0.2, 0, "split", labels=("wheat", "corn"))


def test_births_say_what_was_usual() -> None:
    """Ten new labels in a window where none were."""
    quiet, burst = [Observation(ids(), ids())] * 4000, [Observation(ids(), ids(), appeared=["new"])] * 10
    ((_, alarm),) = watch(BirthMonitor(), quiet + burst)
    assert (alarm.before, alarm.action) == (0.0, "labels added")
    assert alarm.after is not None
    assert alarm.after > alarm.threshold


STREAMS: dict[str, tuple[type, list[Observation]]] = {
    "labels": (LabelRateMonitor, labelled(0.5, 0.1) + labelled(0.1, 0.5, 0.3, seed=3)),
    "pairs": (PairMonitor, paired(12, 0.8) + paired(13, 0.2)),
    "calibration": (CalibrationMonitor, scored(14, 0.9) + scored(15, 0.3)),
    "clusters": (ClusterErrorMonitor, clustered(16, 0.1) + clustered(17, 0.9)),
    "inputs": (
        InputMonitor,
        [Observation(ids(), ids(), text="a b c " * (n % 7 + n // 700 * 40)) for n in range(1400)],
    ),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("share", [0.0, 0.37, 0.55, 0.8])
def test_state_round_trip(name: str, share: float) -> None:
    """Stored at any point and restored, later alarms are equal."""
    kind, stream = STREAMS[name]
    kept, restored = kind(), kind()
    half = int(share * len(stream))
    before = watch(kept, stream[:half])
    restored.load_state(stored(kept.state()))
    after = watch(kept, stream[half:])
    assert watch(restored, stream[half:]) == after
    assert before or after

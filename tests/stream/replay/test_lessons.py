"""Replays of a shared model's lessons, without a broker and with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from learners.linear_model.logistic import AdaptiveLogisticRegression
from learners.uncertainty.conformal import Conformal
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.shared import Replica
from stream.records.schema import Output
from stream.replay.lessons import LessonsReplay
from stream.testing.fleet import Fleet
from tests.stream.live import LiveStream
from tests.stream.pipeline.test_shared import fresh, make
from tests.stream.replay.test_replay import ithaca_replay, lines
from tests.stream.standins import EverySeventh, event, feedback, records


def of_lessons(fleet: Fleet, count: int | None = None) -> tuple[LessonsReplay, list[Output]]:
    """Return a replay that has processed lessons, and its predictions."""
    model = Model(AdaptiveLogisticRegression(), Conformal(0.7, 0.4), "letters")
    replica = Replica(model, Observer(EverySeventh()), source="/test")
    replayed = LessonsReplay(replica, encoder="letters", run="again")
    outputs = replayed.process(fleet.lessons[:count]).outputs
    return replayed, [output for output in outputs if output.kind == "predictions"]


def values(outputs: list[Output], *names: str) -> list[tuple[Any, ...]]:
    """Return some fields of predictions."""
    return [tuple(json.loads(output.value or b"").get(name) for name in names) for output in outputs]


def test_in_lockstep_the_same_learner_predicts_the_same() -> None:
    """Each event's labels, scores and confidence, named after the event."""
    fleet = Fleet({0: records([event(number) for number in range(80)])}, fresh, make)
    fleet.share(["w"])
    fleet.run(1)
    replayed, predicted = of_lessons(fleet)
    alike = ("labels", "scores", "confidence", "truth", "model")
    assert values(predicted, *alike) == values(fleet.outputs, *alike)
    assert [dict(each.headers)["ce_id"] for each in predicted] == [
        f"s.events/0/{number}/prediction".encode() for number in range(80)
    ]
    assert replayed.observer.scores.summary() == fleet.replicas["w"].observer.scores.summary()


def test_a_prediction_depends_on_the_lessons_before_it_alone() -> None:
    """Whatever the lag of the live model was, the replay is prequential."""
    fleet = Fleet({0: records([event(number) for number in range(60)])}, fresh, make)
    fleet.share(["w"])
    fleet.run(16)
    whole, part = of_lessons(fleet)[1], of_lessons(fleet, 40)[1]
    assert [each.value for each in whole[:40]] == [each.value for each in part]
    through = [last for (last,) in values(whole, "trained_through")]
    assert through[0] == []
    assert [each[0]["offset"] for each in through[1:]] == list(range(59))


def test_a_correction_is_learned_and_not_predicted() -> None:
    """Its event was predicted when its first labels came; feedback for an event without labels is."""
    told = [event(0), event(1, labels=None), feedback(1), feedback(0, labels=["other"])]
    fleet = Fleet({0: records(told)}, fresh, make)
    fleet.share(["w"])
    fleet.run(1)
    replayed, predicted = of_lessons(fleet)
    assert replayed.updates == len(fleet.lessons) == 3
    assert [dict(each.headers)["ce_id"] for each in predicted] == [
        b"s.events/0/0/prediction",
        b"s.events/0/2/prediction",
    ]


@pytest.mark.kafka
def test_the_command_reads_lessons_and_encodes_nothing(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """Every lesson is answered by a learner of another kind; an encoder is refused with the next step."""
    live = LiveStream(kafka, stream_name, partitions=2, environment={"ITHACA_MODEL__SCOPE": "stream"})
    for partition in (0, 1):
        live.fill([event(number) for number in range(100)], partition)
    with live.worker():
        live.wait_for(200)
    lessons, out = f"{stream_name}.lessons", tmp_path / "out.jsonl"
    # The encoder's model does not exist: it is not asked for.
    live.environment["ITHACA_ENCODER__NAME"] = "transformer"
    live.environment["ITHACA_ENCODER__PARAMETERS"] = '{"model": "/nowhere"}'
    result = ithaca_replay(live, "--topic", lessons, "--learner", "br-nb", "--out", str(out))
    assert result.exit_code == 0, result.output
    named = {line["source"] for line in lines(out) if line["source"].endswith("/prediction")}
    assert named == {
        f"{stream_name}.events/{partition}/{offset}/prediction"
        for partition in (0, 1)
        for offset in range(100)
    }
    refused = ithaca_replay(live, "--topic", lessons, "--encoder", "hashing")
    assert refused.exit_code == 2
    assert "holds vectors" in refused.output

"""Real text through the real Kafka, live; what comes back is scored and held against `ithaca evaluate`.

Run with `python -m pytest -m slow tests/stream/evaluation/test_real_streams.py`; ITHACA_LEARNER__NAME
chooses another learner than the default.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from learners.core.label_space import LabelSpace
from learners.core.prediction import Prediction
from learners.metrics.prequential import Prequential
from stream.cli.main import app
from stream.records.decoding import decode_event
from stream.records.schema import Record
from stream.sources import read_lines
from tests.data import real_data
from tests.stream.live import LiveStream, source, stop
from tests.stream.standins import POISON

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1800)]

LEARNER = os.environ.get("ITHACA_LEARNER__NAME", "ihomer")
TEN_KINDS = (
    "tombstone",
    "broken json",
    "not utf-8",
    "not an object",
    "wrong type",
    "missing field",
    "not a number",
    "bad time",
    "empty label",
    "too large",
)


@pytest.fixture(
    params=[("reuters21578", None, 0), ("arxiv_daily", 20_000, 0), ("reuters21578", None, 20)],
    ids=["reuters", "arxiv", "reuters-poisoned"],
)
def given(request: pytest.FixtureRequest) -> tuple[Path, int | None, int]:
    """Return a file, how many of its events, and how many bad records of each kind to mix in."""
    name, limit, poisoned = request.param
    return real_data(f"{name}/events.jsonl.gz"), limit, poisoned


def mixed(events: list[bytes], each: int) -> Iterator[bytes | None]:
    """Return events with bad records of ten kinds between them, evenly spread."""
    bad = [POISON[kind] for _ in range(each) for kind in TEN_KINDS]
    every = len(events) // (len(bad) + 1)
    for position, event in enumerate(events):
        if position and position % every == 0 and bad:
            yield bad.pop()
        yield event
    assert not bad


def scored(events: list[Record], predictions: list[dict[str, Any]]) -> dict[str, float]:
    """Return the scores of what was written, from nothing but the two topics."""
    scores, space = Prequential(), LabelSpace()
    for record, prediction in zip(events, predictions, strict=True):
        event = decode_event(record.value)
        assert event.id == prediction["id"]
        listed = np.full(len(space), -1.0, dtype=np.float32)
        for label, score in map(dict.values, prediction["scores"]):
            listed[space.id(label)] = score
        labels = space.ids(prediction["labels"])
        targets = space.targets(event.labels or (), event.negative)
        scores.update(Prediction(labels, listed), targets, len(space))
    return dataclasses.asdict(scores.summary())


def test_a_real_stream_is_answered_in_full_with_the_scores_of_an_evaluation(
    kafka: str, stream_name: str, given: tuple[Path, int | None, int]
) -> None:
    """Ids in are ids out, no model had seen what it predicts, and bad records change nothing."""
    path, limit, each = given
    live = LiveStream(
        kafka, stream_name, environment={"ITHACA_LEARNER__NAME": LEARNER, "ITHACA_ENCODER__PARAMETERS": "{}"}
    )
    clean = [line for _, line in read_lines(path, limit)]
    if each:
        live.fill(list(mixed(clean, each)))
    else:
        arguments = ["produce", str(path), *([] if limit is None else ["--limit", str(limit)])]
        assert CliRunner().invoke(app, arguments, env=live.environment).exit_code == 0
    with live.worker() as process:
        live.wait_for(len(clean) + each * len(TEN_KINDS), patience=1200)
        status, seconds, said = stop(process, signal.SIGTERM)
    assert status == 0, said
    assert seconds < 10

    events, letters, predictions = live.read("events"), live.read("dlq"), live.predictions()
    assert len(predictions) == len(clean)
    assert [record.value for record in events if record.value in set(clean)] == clean
    by_offset = {record.offset: record for record in events}
    answered = [source(record)[1] for record in [*letters, *(record for record, _ in predictions)]]
    assert sorted(answered) == sorted(by_offset)
    for record, prediction in predictions:
        assert all(each["offset"] < source(record)[1] for each in prediction["trained_through"])
    for letter in letters:
        event = by_offset[source(letter)[1]]
        assert (letter.key, letter.value) == (event.key, event.value)
    expected_letters = sorted(repr(POISON[kind]) for kind in TEN_KINDS for _ in range(each))
    assert sorted(repr(letter.value) for letter in letters) == expected_letters

    arguments = ["evaluate", str(path), "--learner", LEARNER, "--json"]
    arguments += [] if limit is None else ["--limit", str(limit)]
    evaluated = CliRunner().invoke(app, arguments)
    assert evaluated.exit_code == 0, evaluated.output
    expected = json.loads(evaluated.stdout)["results"][0]
    written = scored(
        [by_offset[source(record)[1]] for record, _ in predictions], [each for _, each in predictions]
    )
    compared = set(written) & set(expected)
    assert len(compared) == 8
    assert {name: written[name] for name in compared} == {name: expected[name] for name in compared}
    exact = sum(
        set(decode_event(by_offset[source(record)[1]].value).labels or ()) == set(prediction["labels"])
        for record, prediction in predictions
    )
    assert exact / len(predictions) == expected["subset_accuracy"]
    print(json.dumps({"data": path.parent.name, "bad": len(letters), **expected}))

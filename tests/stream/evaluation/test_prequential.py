"""Evaluation: figures worked out by hand, the service's own predictions, and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from drift.core import Vector
from drift.monitors.monitors import Monitors
from learners.catalogue import make
from learners.core.prediction import Prediction
from learners.dummy.persistence import Persistence
from learners.dummy.priors import LabelPriors
from learners.metrics.prequential import Prequential
from stream.cli.main import app
from stream.encoders import Hashing
from stream.evaluation.prequential import Report, Result, evaluate
from stream.pipeline.task import Task
from stream.records.predictions import PredictionRecord
from stream.records.schema import BadEventError, Event, Record
from stream.sources import EventList, SourceError, open_source
from tests.data import real_data
from tests.stream import standins

TINY = """@relation '-C 2'
@attribute a {0,1}
@attribute b {0,1}
@attribute x numeric
@data
1,0,0.5
1,1,0.25
1,1,?
0,0,1
"""


class Letters:
    """Counts five letters; cannot take a text that shouts."""

    name = "letters"

    def check(self, event: Event) -> None:
        """Raise BadEventError when there is no text."""
        if event.text is None:
            raise BadEventError("encoder", "text is missing")

    def encode(self, events: Sequence[Event]) -> list[Vector]:
        """Return five counts an event."""
        return [self._vector(event.text or "") for event in events]

    def _vector(self, text: str) -> Vector:
        if text.isupper():
            raise RuntimeError("too loud")
        return np.array([text.count(letter) for letter in "abcde"], dtype=np.float32)

    def state(self) -> dict[str, Any]:
        """Return nothing: it learns nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over nothing."""


class Recorder(Persistence):
    """Remembers the first number of every vector it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def predict(self, x: Vector) -> Prediction:
        """Remember, then predict."""
        self.asked.append(float(x[0]))
        return super().predict(x)


def texts(messages: int) -> list[bytes]:
    """Return events whose labels are the vowels and consonants among five letters of their text."""
    generator = np.random.default_rng(0)
    lines = []
    for number in range(messages):
        text = "".join(generator.choice(list("abcde"), 4))
        labels = ["vowel"] * bool(set("ae") & set(text)) + ["rare"] * (text.count("d") > 1)
        lines.append(json.dumps({"id": str(number), "ts": number, "text": text, "labels": labels}).encode())
    return lines


def test_by_hand(tmp_path: Path) -> None:
    """Four messages, two baselines, every figure worked out on paper."""
    (tmp_path / "tiny.arff").write_text(TINY)
    learners = {name: make(name) for name in ("persistence", "majority")}
    report, seconds, problems, curves = evaluate(open_source(tmp_path / "tiny.arff"), learners)
    assert (report.data, report.messages, report.features, report.labels) == ("tiny", 4, 1, 2)
    assert (report.order, seconds, problems) == ("stored", 0.0, [])
    previous, majority = report.results
    # Predicted {}, {a}, {a, b}, {a, b}; true {a}, {a, b}, {a, b}, {}.
    assert previous.learner == "persistence"
    assert previous.subset_accuracy == pytest.approx(1 / 4)
    assert previous.example_f1 == pytest.approx((0 + 2 / 3 + 1 + 0) / 4)
    assert previous.micro_f1 == pytest.approx(6 / 10)
    assert previous.macro_f1 == pytest.approx((4 / 6 + 2 / 4) / 2)
    assert previous.hamming_loss == pytest.approx((1 + 1 + 0 + 2) / (1 + 2 + 2 + 2))
    assert previous.p_at_1 == pytest.approx((0 + 1 + 1 + 0) / 4)
    assert previous.p_at_3 == pytest.approx((0 + 1 / 3 + 2 / 3 + 0) / 4)
    assert previous.p_at_5 == pytest.approx((0 + 1 / 5 + 2 / 5 + 0) / 4)
    # Predicted {}, {a}, {a}, {a, b}: of two sets seen once, the earlier.
    assert majority.subset_accuracy == 0.0
    assert majority.example_f1 == pytest.approx((0 + 2 / 3 + 2 / 3 + 0) / 4)
    assert majority.micro_f1 == pytest.approx(4 / 9)
    assert majority.hamming_loss == pytest.approx(5 / 7)
    assert majority.messages_per_second > 0
    assert [point.exact for point in curves["persistence"]] == [0, 0, 1, 1]
    assert curves["majority"][-1] == (4, 0, 2, 4, 5, 7)  # messages, exact, hits, predicted, actual, cells
    assert report.kappa_temporal(majority) == pytest.approx((0 - 1 / 4) / (1 - 1 / 4))
    assert report.kappa_temporal(previous) == 0.0
    assert msgspec.structs.replace(report, results=[majority]).kappa_temporal(majority) is None


def test_equals_what_the_service_predicts(tmp_path: Path) -> None:
    """Scores of the predictions that a task writes are the evaluation's, to the last digit."""
    lines = texts(400)
    lines[100:100] = [
        b'{"id": 7}',
        b'{"id": "n", "ts": 0, "features": {}, "labels": ["vowel"]}',
        b'{"id": "l", "ts": 0, "text": "AA"}',
    ]
    (tmp_path / "s.jsonl").write_bytes(b"\n".join(lines))
    report, _, problems, _ = evaluate(
        open_source(tmp_path / "s.jsonl"), {"ihomer": make("ihomer")}, encoder=Letters()
    )
    task = Task(Letters(), make("ihomer"), Monitors(), run="test", source="/test")
    scores = Prequential()
    for offset, line in enumerate(lines):
        known = len(task.model.learner.label_space)
        for output in task.process([Record("s.events", 0, offset, 0, None, line)]).outputs:
            if output.kind == "predictions":
                _score(scores, task, known, output.value or b"", json.loads(line)["labels"])
    summary, (result,) = scores.summary(), report.results
    assert report.messages == summary.messages == 400
    for field in result.__struct_fields__[1:-1]:
        assert getattr(result, field) == getattr(summary, field)
    assert [problem.split(":")[0] for problem in problems] == ["line 101", "event 'n'", "event 'l'"]


def _score(scores: Prequential, task: Task, known: int, written: bytes, labels: list[str]) -> None:
    space = task.model.learner.label_space
    prediction = msgspec.json.decode(written, type=PredictionRecord)
    vector = np.zeros(known, dtype=np.float32)
    for each in prediction.scores:
        vector[space.id(each.label)] = each.score
    scores.update(Prediction(space.ids(prediction.labels), vector), space.targets(labels), len(space))


def test_a_stream_of_which_nothing_can_be_scored_is_an_error(tmp_path: Path) -> None:
    """Zeros would be taken for a result."""
    lines = [f'{{"id": "{n}", "ts": {n}, "text": null, "labels": ["x"]}}' for n in range(5)]
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    with pytest.raises(SourceError, match=r"Of the 5 messages of s.jsonl none was scored.*'0': .*missing"):
        evaluate(open_source(tmp_path / "s.jsonl"), {"priors": make("priors")}, encoder=Hashing(64))
    lines = [f'{{"id": "{n}", "ts": {n}, "labels": ["x"]}}' for n in range(5)]
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    with pytest.raises(SourceError, match="none was scored"):
        evaluate(open_source(tmp_path / "s.jsonl"), {"priors": make("priors")}, encoder=Hashing(64))


def test_the_order_is_the_seeds(tmp_path: Path) -> None:
    """A seed names one order; the limit is taken before shuffling, also across batches."""
    lines = [f'{{"id": "{n}", "ts": 0, "text": "{"a" * n}", "labels": ["x"]}}' for n in range(600)]
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    for shuffle, expected in [
        (None, list(range(500))),
        (7, np.random.Generator(np.random.PCG64(7)).permutation(500).tolist()),
    ]:
        recorder = Recorder()
        source = open_source(tmp_path / "s.jsonl", limit=500)
        evaluation = evaluate(source, {"r": recorder}, encoder=Letters(), shuffle=shuffle)
        assert recorder.asked == expected
        assert evaluation.report.order == ("stored" if shuffle is None else "shuffled:7")
        assert evaluation.encoding_seconds > 0


def test_learners_do_not_disturb_each_other(tmp_path: Path) -> None:
    """A learner scores the same alone and beside others."""
    (tmp_path / "s.jsonl").write_bytes(b"\n".join(texts(300)))
    names = ["ihomer", "majority", "br-nb"]
    source = open_source(tmp_path / "s.jsonl")
    together = evaluate(source, {name: make(name) for name in names}, encoder=Letters()).report.results
    for name, result in zip(names, together, strict=True):
        (alone,) = evaluate(source, {name: make(name)}, encoder=Letters()).report.results
        assert msgspec.structs.replace(alone, messages_per_second=0.0) == msgspec.structs.replace(
            result, messages_per_second=0.0
        )


def test_labels_that_come_later_are_scored_as_in_the_service(tmp_path: Path) -> None:
    """The file's lines are the topic's records."""
    values = standins.disorder(150, seed=2)
    (tmp_path / "s.jsonl").write_bytes(b"\n".join(values))
    source = open_source(tmp_path / "s.jsonl")
    report = evaluate(source, {"priors": LabelPriors(50.0)}, encoder=standins.Letters()).report
    task = standins.make_task()
    task.process(standins.records(values))
    expected = task.observer.scores.summary()
    assert report.messages == 150
    assert expected.messages > 100
    for score in ("subset_accuracy", "micro_f1", "macro_f1", "hamming_loss", "p_at_5"):
        assert getattr(report.results[0], score) == getattr(expected, score)


def test_nothing_to_score() -> None:
    """A stream without a label is refused, not scored as perfect."""
    source = EventList("silent", [Event(id="1", ts=0, text="a")])
    with pytest.raises(SourceError, match=r"silent has 1 messages and no label.*carry `labels`"):
        evaluate(source, {"majority": make("majority")}, encoder=Letters())


def run(*arguments: str) -> Any:
    """Run `ithaca evaluate`."""
    return CliRunner().invoke(app, ["evaluate", *arguments])


def test_command_prints_one_object(tmp_path: Path) -> None:
    """With --json, standard output is one object of exactly the promised shape, baselines included."""
    (tmp_path / "tiny.arff").write_text(TINY)
    result = run(str(tmp_path / "tiny.arff"), "--json", "--shuffle", "3", "--limit", "3", "--learner", "knn")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert list(report) == ["data", "messages", "features", "labels", "order", "results"]
    assert report["messages"] == 3
    assert report["order"] == "shuffled:3"
    assert [each["learner"] for each in report["results"]] == ["knn", "persistence", "majority"]
    scores = ["subset_accuracy", "example_f1", "micro_f1", "macro_f1"]
    scores += ["macro_f1_predicted", "hamming_loss", "errors_per_message"]
    at_k = ["p_at_1", "p_at_3", "p_at_5"]
    rest = ["calibration_error", "messages_per_second"]
    assert list(report["results"][0]) == ["learner", *scores, *at_k, *rest]
    assert msgspec.json.decode(result.stdout, type=Report).data == "tiny"


def test_command_prints_a_table(tmp_path: Path) -> None:
    """Without --json: a table with every learner once, ihomer by default."""
    (tmp_path / "tiny.arff").write_text(TINY)
    result = run(str(tmp_path / "tiny.arff"), "--learner", "majority", "--learner", "ihomer")
    assert result.exit_code == 0, result.output
    assert "tiny: 4 messages, 1 features, 2 labels, order stored" in result.stdout
    rows = [line.split("│")[1].strip() for line in result.stdout.splitlines() if line.startswith("│")]
    assert rows == ["majority", "ihomer", "persistence"]
    assert "0.6000" in result.stdout  # the previous labels' micro-F1


def test_command_says_what_was_left_out(tmp_path: Path) -> None:
    """Records that the service would refuse are counted on standard error."""
    lines = ['{"id": "1", "ts": 0, "features": {"f": 1}, "labels": ["a"]}', "{", '{"id": "2", "ts": 0}']
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    result = run(str(tmp_path / "s.jsonl"), "--learner", "majority", "--json")
    assert result.exit_code == 0, result.output
    assert "2 records left out, as in the service; first: line 2: the value is not JSON" in result.stderr
    assert json.loads(result.stdout)["messages"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["nowhere.jsonl"], 2, "'nowhere.jsonl' does not exist. See `ithaca evaluate --help`."),
        (["{tiny}", "--learner", "majorty"], 2, "Did you mean 'majority'?"),
        (["{tiny}", "--encoder", "magic"], 2, "There is no encoder named 'magic'. Choose among 'aligned'"),
        (["{silent}"], 1, "no label"),
    ],
)
def test_command_errors_are_one_sentence(
    tmp_path: Path, arguments: list[str], status: int, complaint: str
) -> None:
    """A mistake on the command line ends with status 2, bad data with 1, and one sentence, no traceback."""
    (tmp_path / "tiny.arff").write_text(TINY)
    (tmp_path / "silent.jsonl").write_text('{"id": "1", "ts": 0, "text": "a"}')
    paths = {"tiny": str(tmp_path / "tiny.arff"), "silent": str(tmp_path / "silent.jsonl")}
    result = run(*(argument.format(**paths) for argument in arguments))
    assert result.exit_code == status
    assert result.stderr.startswith("ithaca: ")
    assert complaint in result.stderr
    assert result.stdout == ""


def test_flags_by_command() -> None:
    """On a real set the previous row's labels score what is published beside the data."""
    folder = real_data("flags")
    published = json.loads((folder / "meta.json").read_text())["previous_row_baseline"]
    result = run(str(folder), "--learner", "majority", "--json")
    assert result.exit_code == 0, result.output
    previous = json.loads(result.stdout)["results"][1]
    assert previous["learner"] == "persistence"
    # The published figures leave the first row out.
    assert previous["micro_f1"] == pytest.approx(published["micro_f1"], abs=0.005)
    assert previous["subset_accuracy"] == pytest.approx(published["subset_acc"], abs=0.005)


def test_a_curve_has_a_hundred_points_and_the_end(tmp_path: Path) -> None:
    """Evenly placed; and the number of features is that of the longest vector, wherever it comes."""

    class Shrinking(Letters):
        """Gives one early event a longer vector than all that follow."""

        def encode(self, events: Sequence[Event]) -> list[Vector]:
            """Return five counts, or two."""
            return [self._vector(event.text or "")[: 5 if event.id == "3" else 2] for event in events]

    (tmp_path / "s.jsonl").write_bytes(b"\n".join(texts(350)))
    found = evaluate(open_source(tmp_path / "s.jsonl"), {"priors": make("priors")}, encoder=Shrinking())
    assert [point.messages for point in found.curves["priors"]] == [*range(3, 350, 3), 350]
    assert found.report.features == 5


def test_where_repeating_is_always_right_there_is_no_skill() -> None:
    """It cannot be surpassed, and nothing is divided by 0."""
    figures = dict.fromkeys(Result.__struct_fields__[1:], 0.5) | {"subset_accuracy": 1.0}
    always = Result("persistence", **figures)
    other = msgspec.structs.replace(always, learner="priors", subset_accuracy=0.5)
    report = Report("s", 9, 1, 1, "stored", [always, other])
    assert report.kappa_temporal(other) is report.kappa_temporal(always) is None
    half = msgspec.structs.replace(always, subset_accuracy=0.5)
    better = msgspec.structs.replace(other, subset_accuracy=0.75)
    assert msgspec.structs.replace(report, results=[half, better]).kappa_temporal(better) == 0.5

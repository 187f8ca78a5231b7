"""Benchmark: what is run and what is not run again, ranks against worked examples, and the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from drift.core import Registry
from learners.catalogue import LEARNERS
from learners.dummy.majority import MajorityLabelset
from stream.cli.console import COLUMNS
from stream.cli.main import app
from stream.evaluation.benchmark import (
    LESS_IS_BETTER,
    METRICS,
    Comparison,
    Key,
    RunsFile,
    benchmark,
    seed_of,
)
from stream.evaluation.charts import critical_difference, curves
from stream.evaluation.prequential import evaluate
from stream.evaluation.ranking import rank
from stream.evaluation.report import html
from stream.sources import open_source

NAMES = ["persistence", "majority", "priors"]


class RecordedProgress:
    """Remembers what a benchmark reports."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, str]] = []
        self.failures: list[str] = []
        self.ended = 0
        self.messages = 0

    def start(self, key: Key, messages: int) -> None:
        """Remember a run."""
        assert messages > 0
        self.started.append((key.data, key.order, key.learner))

    def advance(self, messages: int) -> None:
        """Count messages."""
        self.messages += messages

    def end(self, failure: str | None) -> None:
        """Count a run."""
        self.skip(1, failure)

    def skip(self, runs: int, why: str | None) -> None:
        """Count runs."""
        self.ended += runs
        self.failures += [] if why is None else [why]


class Failing(MajorityLabelset):
    """Cannot learn a thirtieth message."""

    def learn(self, x: Any, targets: Any) -> None:
        """Fail in the end."""
        if self._messages == 29:
            raise RuntimeError("enough <learned> & lost")
        super().learn(x, targets)


@pytest.fixture
def sets(tmp_path: Path) -> list[Path]:
    """Write three small streams, each more regular than the one before."""
    generator = np.random.default_rng(0)
    paths = []
    for number in range(3):
        lines = []
        for position in range(60 + 40 * number):
            labels = ["a"] * (position % 2) + ["b"] * bool(generator.random() < 0.8 - 0.3 * number)
            record = {"id": str(position), "ts": position, "features": {"x": position % 2}, "labels": labels}
            lines.append(json.dumps(record))
        paths.append(tmp_path / f"set-{number}.jsonl")
        paths[-1].write_text("\n".join(lines))
    return paths


def run(
    sets: list[Path], out: Path, *orders: str, learners: list[str] = NAMES
) -> tuple[list[Comparison], RecordedProgress]:
    """Run a benchmark into a file."""
    progress = RecordedProgress()
    return benchmark(sets, learners, orders or ("stored",), RunsFile(out), progress), progress


def test_labels_may_be_named_in_a_file(tmp_path: Path) -> None:
    """As `evaluate` takes it; without, an ARFF file that names none itself is left out."""
    sets, names = tmp_path / "s.arff", tmp_path / "labels.txt"
    rows = "\n".join(f"{number},{number % 2},{number % 3 % 2}" for number in range(30))
    head = "@relation s\n@attribute x numeric\n@attribute a {0,1}\n@attribute b {0,1}\n@data\n"
    sets.write_text(head + rows)
    names.write_text("a\nb\n")
    arguments = ["benchmark", str(sets), "--learner", "priors", "--order", "stored", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    done = CliRunner().invoke(app, [*arguments, "--labels", str(names)])
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 3


def test_every_run_is_the_evaluations(sets: list[Path], tmp_path: Path) -> None:
    """Each set, order and learner has the scores that evaluating it alone gives."""
    comparisons, progress = run(sets, tmp_path / "runs.jsonl", "stored", "shuffled:3")
    assert [each.order for each in comparisons] == ["stored", "shuffled:3"]
    assert progress.ended == len(progress.started) == 3 * 2 * 3
    assert progress.messages == 2 * 3 * (60 + 100 + 140)
    for comparison in comparisons:
        for path, report in zip(sets, comparison.reports, strict=True):
            assert report.data == path.name
            assert [each.learner for each in report.results] == NAMES
            for result in report.results:
                learner = LEARNERS[result.learner]()
                alone = evaluate(
                    open_source(path), {result.learner: learner}, shuffle=seed_of(comparison.order)
                )
                for field in COLUMNS:
                    assert getattr(result, field) == getattr(alone.report.results[0], field)
                assert comparison.curves[report.data, result.learner] == alone.curves[result.learner]


def test_several_shuffles_are_also_shown_on_average(sets: list[Path], tmp_path: Path) -> None:
    """On small sets chance decides who is ahead in one; every figure is the mean, and ranks are of means."""
    orders = ["stored", "shuffled:1", "shuffled:2", "shuffled:3"]
    comparisons, _ = run(sets, tmp_path / "runs.jsonl", *orders)
    assert [each.order for each in comparisons] == [*orders, "mean of 3 shuffles"]
    *shuffles, mean = comparisons[1:]
    for number, report in enumerate(mean.reports):
        for learner in NAMES:
            for metric in METRICS:
                values = [each.value(each.reports[number], learner, metric) or 0.0 for each in shuffles]
                if metric != "kappa_temporal":
                    assert mean.value(report, learner, metric) == pytest.approx(np.mean(values))
    ranking = mean.ranking("subset_accuracy")
    assert ranking is not None
    assert ranking.sets == len(sets)
    Page(html(comparisons))


def test_a_run_is_done_once(sets: list[Path], tmp_path: Path) -> None:
    """What is in the file is not run again, what is new is, and all of it is in the answer."""
    out = tmp_path / "runs.jsonl"
    _, first = run(sets[:2], out, learners=NAMES[:2])
    assert len(first.started) == 4
    again, second = run(sets[:2], out, learners=NAMES[:2])
    assert second.started == []
    assert second.ended == 4
    more, third = run(sets, out, learners=NAMES)
    assert third.started == [
        ("set-0.jsonl", "stored", "priors"),
        ("set-1.jsonl", "stored", "priors"),
        *(("set-2.jsonl", "stored", name) for name in NAMES),
    ]
    assert [each.results[:2] for each in more[0].reports[:2]] == [each.results for each in again[0].reports]
    # Another limit and another encoder are other runs.
    progress = RecordedProgress()
    benchmark(sets[:1], NAMES[:1], ["stored"], RunsFile(out), progress, limit=50)
    benchmark(sets[:1], NAMES[:1], ["stored"], RunsFile(out), progress, encoder="dense")
    assert len(progress.started) == 2


def test_sets_of_one_name_are_told_apart(sets: list[Path], tmp_path: Path) -> None:
    """In one table the second would have the first one's figures, so it is left out; alone, it is run."""
    for number in (0, 1):
        (tmp_path / str(number)).mkdir()
        sets[number].rename(tmp_path / str(number) / "events.jsonl")
    paths, out = [tmp_path / str(number) / "events.jsonl" for number in (0, 1)], tmp_path / "runs.jsonl"
    ((comparison,), progress) = run(paths, out)
    assert [report.messages for report in comparison.reports] == [60]
    (failure,) = progress.failures
    assert f"{paths[1]} is called 'events.jsonl', as {paths[0]} is" in failure
    assert progress.ended == 2 * len(NAMES)
    ((alone,), _) = run(paths[1:], out)
    assert [report.messages for report in alone.reports] == [100]
    ((folders,), _) = run([path.parent for path in paths], out)
    assert [(report.data, report.messages) for report in folders.reports] == [("0", 60), ("1", 100)]


def test_changed_data_are_run_anew(sets: list[Path], tmp_path: Path) -> None:
    """Other labels, and other vectors; a run of before the data were told apart is done again."""
    out = tmp_path / "runs.jsonl"
    for old, new in (('"labels": ["a"]', '"labels": ["c"]'), ('{"x": 0}', '{"x": 2}')):
        run(sets[:1], out, learners=NAMES[:1])
        assert run(sets[:1], out, learners=NAMES[:1])[1].started == []
        sets[0].write_text(sets[0].read_text().replace(old, new))
        assert len(run(sets[:1], out, learners=NAMES[:1])[1].started) == 1
    out.write_text(re.sub(r',"content":"\w+"', "", out.read_text()))
    assert len(run(sets[:1], out, learners=NAMES[:1])[1].started) == 1


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, 400))
def test_a_line_that_was_cut_short_is_run_again(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """A stop in the middle of writing costs that run and no other; the file is whole afterwards."""
    folder = tmp_path_factory.mktemp("cut")
    lines = (json.dumps({"id": str(n), "ts": n, "features": {}, "labels": ["a"]}) for n in range(5))
    (folder / "s.jsonl").write_text("\n".join(lines))
    out = folder / "runs.jsonl"
    whole, _ = run([folder / "s.jsonl"], out, learners=NAMES[:2])
    out.write_bytes(out.read_bytes()[:-cut])
    after, progress = run([folder / "s.jsonl"], out, learners=NAMES[:2])
    assert progress.started == [("s.jsonl", "stored", "majority")]
    assert len(out.read_bytes().splitlines()) == 2
    for one, other in zip(whole[0].reports[0].results, after[0].reports[0].results, strict=True):
        assert one.subset_accuracy == other.subset_accuracy
    assert run([folder / "s.jsonl"], out, learners=NAMES[:2])[1].started == []


def test_one_failure_stops_nothing_else(
    sets: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learner that throws and a set that is not there are reported and left out, not kept."""
    monkeypatch.setattr("learners.catalogue.LEARNERS", Registry("learner", {**LEARNERS, "priors": Failing}))
    comparisons, progress = run([tmp_path / "nowhere", *sets[:2]], tmp_path / "runs.jsonl")
    assert [why.split(":")[0] for why in progress.failures] == [
        f"There is nothing at {tmp_path / 'nowhere'}. Give the path of a stream",
        "RuntimeError",
        "RuntimeError",
    ]
    assert progress.ended == 3 * 3
    assert comparisons[0].learners() == NAMES[:2]
    monkeypatch.undo()
    _, mended = run(sets[:2], tmp_path / "runs.jsonl")
    assert [learner for _, _, learner in mended.started] == ["priors", "priors"]


def test_a_learner_that_failed_somewhere_is_shown_but_not_ranked(
    sets: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other scores stay in the table; ranks compare only who was run on every set."""
    run(sets[:1], tmp_path / "runs.jsonl")
    monkeypatch.setattr("learners.catalogue.LEARNERS", Registry("learner", {**LEARNERS, "priors": Failing}))
    comparisons, _ = run(sets[:2], tmp_path / "runs.jsonl")
    assert comparisons[0].all_learners() == NAMES
    assert comparisons[0].value(comparisons[0].reports[1], "priors", "micro_f1") is None
    ranking = comparisons[0].ranking("micro_f1")
    assert ranking is not None
    assert sorted(ranking.mean_ranks) == sorted(NAMES[:2])
    assert "Not ranked, for lack of some set: Label priors." in html(comparisons)


def test_ranks_by_hand() -> None:
    """Four learners on six sets: the ranks counted, the statistic by its formula, q as published."""
    ranks = np.array([[1, 2, 3, 4], [1, 2, 4, 3], [2, 1, 3, 4], [1, 3, 2, 4], [1, 2, 3, 4], [2, 1, 3, 4]])
    ranking = rank(-ranks.astype(np.float64), ["a", "b", "c", "d"])
    means = {"a": 8 / 6, "b": 11 / 6, "c": 18 / 6, "d": 23 / 6}
    assert ranking.mean_ranks == pytest.approx(means)
    assert list(ranking.mean_ranks) == ["a", "b", "c", "d"]
    statistic = 12 * 6 / (4 * 5) * (sum(mean**2 for mean in means.values()) - 4 * 5**2 / 4)
    assert ranking.friedman_p == pytest.approx(float(scipy.stats.chi2.sf(statistic, 3)))
    # Demšar (2006), table 5: q is 2.569 for four learners at level 0.05.
    assert ranking.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 6)), abs=1e-3)
    assert ranking.cliques() == [("a", "c"), ("c", "d")]


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 1000))
def test_ranks_always(sets: int, learners: int, seed: int) -> None:
    """Mean ranks average (k + 1) / 2; inside a bar nobody differs, and who does not differ shares one."""
    scores = np.random.default_rng(seed).integers(0, 4, (sets, learners)).astype(float)
    ranking = rank(scores, [str(n) for n in range(learners)])
    assert np.mean(list(ranking.mean_ranks.values())) == pytest.approx((learners + 1) / 2)
    if ranking.critical_difference is None:
        assert sets < 2 or learners < 3
        return
    names, bars = list(ranking.mean_ranks), ranking.cliques()
    for one in range(learners):
        for other in range(one + 1, learners):
            apart = ranking.mean_ranks[names[other]] - ranking.mean_ranks[names[one]]
            together = any(names.index(a) <= one and other <= names.index(b) for a, b in bars)
            assert together == (apart <= ranking.critical_difference)


class Page(HTMLParser):
    """Checks that every element is closed in its turn, and keeps what a test asks about."""

    EMPTY = ("meta", "line")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element that has no inside."""
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element opened last."""
        assert self.open.pop() == tag


def test_the_page_is_whole_and_alone(sets: list[Path], tmp_path: Path) -> None:
    """Well formed, every link leads somewhere inside, nothing is fetched, every score is there."""
    comparisons, _ = run(sets, tmp_path / "runs.jsonl", "stored", "shuffled:1")
    text = html(comparisons)
    page = Page(text)
    anchors = {attributes["id"] for _, attributes in page.seen if "id" in attributes}
    links = [attributes["href"] for tag, attributes in page.seen if tag == "a"]
    assert {*METRICS, "over_time", "overview"} == anchors == {(link or "")[1:] for link in links}
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.seen}
    assert "url(" not in text
    assert "http" not in text
    assert "prefers-color-scheme: dark" in text
    for comparison in comparisons:
        for report in comparison.reports:
            assert all(f"{result.macro_f1:.3f}</td>" in text for result in report.results)
    # A diagram for each metric and order; for each set and order two plots of three curves.
    labels = [each.get("aria-label") or "" for tag, each in page.seen if tag == "svg"]
    diagrams = [label for label in labels if "critical" in label]
    assert len(diagrams) == len(METRICS) * 2
    drawn = [each for tag, each in page.seen if tag == "polyline" and "curve" in (each["class"] or "")]
    assert len(drawn) == 3 * 2 * 2 * 3


def test_the_best_of_a_row_is_marked(sets: list[Path], tmp_path: Path) -> None:
    """The largest score, or the least where less is better; the least mean rank."""
    comparisons, _ = run(sets, tmp_path / "runs.jsonl", "stored")
    text = html(comparisons)
    for metric in METRICS:
        section = text.partition(f'<h2 id="{metric}">')[2].partition("<h2")[0]
        for part, best in (("tbody", min if metric in LESS_IS_BETTER else max), ("tfoot", min)):
            (rows,) = re.findall(rf"<{part}>(.*?)</{part}>", section, re.DOTALL)
            for row in rows.split("</tr>")[:-1]:
                cells = re.findall(r"<td( class=best)?>([^<]+)</td>", row)
                figures = [float(figure.replace(",", "")) for _, figure in cells]
                assert {figure for (marked, _), figure in zip(cells, figures, strict=True) if marked} == {
                    best(figures)
                }


def test_names_are_escaped() -> None:
    """A name is text, whatever is in it."""
    ranking = rank(np.array([[0.1, 0.2]]), ["<a>", "b&c"])
    titles = {"<a>": "<a>", "b&c": "b&c"}
    Page(critical_difference(ranking, titles))
    text = curves({"<a>": [(1, 0.5)]}, titles, {"<a>": ""}, '"<b>"')
    Page(text)
    assert "&lt;a&gt;" in text


def test_rolling_scores_are_those_of_the_window(sets: list[Path], tmp_path: Path) -> None:
    """The last place of a drawn curve is the share of exact label-sets over the last 50 messages."""
    comparisons, _ = run(sets[2:], tmp_path / "runs.jsonl", learners=["persistence"])
    events = [json.loads(line)["labels"] for line in sets[2].read_text().splitlines()]
    exact = [before == now for before, now in zip([[], *events], events, strict=False)]
    points = comparisons[0].curves["set-2.jsonl", "persistence"]
    assert points[-1].messages == 140
    assert points[-1].exact == sum(exact)
    plot = next(
        attributes["points"]
        for tag, attributes in Page(html(comparisons)).seen
        if tag == "polyline" and "curve" in (attributes["class"] or "")
    )
    ys = [float(each.split(",")[1]) for each in (plot or "").split()]
    by_hand = [np.mean(exact[max(0, n - 50) : n]) for n in range(1, 141)]
    tall = next(limit for limit in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if max(by_hand) <= limit)
    assert ys == pytest.approx([10 + 176 * (1 - y / tall) for y in by_hand], abs=0.06)


def command(*arguments: str) -> Any:
    """Run `ithaca benchmark`."""
    return CliRunner().invoke(app, ["benchmark", *arguments])


def test_command(sets: list[Path], tmp_path: Path) -> None:
    """It writes runs, JSON and the page, prints tables, and does nothing twice."""
    paths, out = [str(path) for path in sets], tmp_path / "out"
    arguments = [*paths, "--learner", "priors", "--order", "stored", "--out", str(out)]
    result = command(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("κ temp.") == 3
    assert f"Report: {out / 'report.html'}" in result.stdout
    assert result.stderr.count("stored, ") == 9
    (stored,) = json.loads((out / "results.json").read_text())
    assert stored["order"] == "stored"
    assert set(stored["rankings"]) == set(METRICS)
    assert list(stored["kappa_temporal"]) == ["set-0.jsonl", "set-1.jsonl", "set-2.jsonl"]
    assert stored["kappa_temporal"]["set-0.jsonl"]["persistence"] == 0.0
    again = command(*arguments)
    assert again.exit_code == 0
    assert again.stderr == ""
    assert json.loads((out / "results.json").read_text()) == [stored]
    twice = command(paths[0], *arguments)
    assert (twice.exit_code, twice.stdout.count("κ temp.")) == (0, 3)


def test_command_goes_on_and_says_so(sets: list[Path], tmp_path: Path) -> None:
    """A set that is not there leaves the others' results, and status 1."""
    result = command(str(tmp_path / "no"), str(sets[0]), "--learner", "priors", "--out", str(tmp_path / "o"))
    assert result.exit_code == 1
    assert "left out: There is nothing at" in re.sub(r"\s+", " ", result.stderr)
    assert (tmp_path / "o" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--learner", "majorty"], "Did you mean 'majority'?"),
        (["--order", "sorted"], "An order is 'stored' or 'shuffled:SEED', as in 'shuffled:1'. Got 'sorted'"),
        (["--order", "shuffled:x"], "Got 'shuffled:x' instead"),
        (["--order", "shuffled:01"], "Got 'shuffled:01' instead"),
        (["--order", "shuffled:\u0661"], "Got 'shuffled:\u0661' instead"),
        (["--encoder", "magic"], "There is no encoder named 'magic'"),
    ],
)
def test_command_errors_are_one_sentence(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    """A mistake ends with status 2 before anything is run."""
    result = command("x.jsonl", "--out", str(tmp_path / "out"), *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("ithaca: ")
    assert complaint in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_of_something_else(tmp_path: Path) -> None:
    """A results file that is none is refused."""
    (tmp_path / "runs.jsonl").write_text('{"a": 1}\n')
    result = command("x.jsonl", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "runs.jsonl holds a line that is no run" in result.stderr
    assert "--out" in result.stderr

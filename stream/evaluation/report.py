"""The report of a benchmark: a single self-contained HTML file, with light and dark colours."""

from __future__ import annotations

import importlib.resources
import statistics
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from learners import BASELINES, TITLES
from learners.metrics import f1
from stream.evaluation.benchmark import LESS_IS_BETTER, METRICS, Comparison
from stream.evaluation.charts import Style, critical_difference, curves, styles, swatch
from stream.evaluation.prequential import Point
from stream.evaluation.ranking import ALPHA, Ranking

HEADLINES = ("subset_accuracy", "micro_f1", "macro_f1", "hamming_loss")
"""Metrics of the overview."""
ROLLING = {"subset_accuracy": "Subset accuracy", "micro_f1": "Micro-F1"}
"""Scores that are plotted over time, with their names."""
ROLLING_SHARE, ROLLING_LEAST = 0.1, 50
"""Messages that a rolling score covers: a share of the stream, and a minimum."""
NOTES = {
    "kappa_temporal": "Skill over repeating the previous message's labels, in subset accuracy: 1 is perfect, "
    "0 no better than repeating them.",
    "hamming_loss": "Share of wrong yes/no answers: less is better.",
    "errors_per_message": "Wrong yes/no answers a message: over the number of labels, the Hamming loss of "
    "those who know all labels beforehand.",
    "calibration_error": "Mean over labels of how far probabilities lie from how often labels come true. "
    "Only beside another score: predicting every label's frequency is well calibrated.",
    "macro_f1": "Mean of the labels' own F1: rare labels count as much as frequent ones. Only "
    "labels that were true at least once.",
    "macro_f1_predicted": "The same with labels that were predicted and never true, which count as 0.",
    "messages_per_second": "Predicting, scoring and learning, each learner alone; without encoding.",
}
"""Explanations of metrics whose names do not explain them."""


def html(comparisons: Sequence[Comparison]) -> str:
    """Return the whole page."""
    style = importlib.resources.files("stream.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    metrics = [_metric(metric, title, comparisons) for metric, title in METRICS.items()]
    body = "\n".join([_head(comparisons), _overview(comparisons), *metrics, _over_time(comparisons)])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Benchmark</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _head(comparisons: Sequence[Comparison]) -> str:
    sets = dict.fromkeys(report.data for each in comparisons for report in each.reports)
    orders = ", ".join(each.order for each in comparisons)
    anchors = {"overview": "Overview", **METRICS, "over_time": "Over time"}
    links = "".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title in anchors.items())
    return (
        f'<h1>Benchmark</h1>\n<p class="soft">Sets: {escape(", ".join(sets))}. Orders: {escape(orders)}. '
        "Every message is predicted before it is learned, and every one counts, from the first.</p>\n"
        f"<nav>{links}</nav>"
    )


def _title(learner: str) -> str:
    """Return a learner's name in the literature; one with parameters keeps the text that was given."""
    return TITLES.get(learner, learner)


def _titles(learners: Iterable[str]) -> dict[str, str]:
    return {name: _title(name) for name in learners}


def _overview(comparisons: Sequence[Comparison]) -> str:
    parts = ['<h2 id="overview">Overview</h2>']
    for comparison in comparisons:
        parts.append(f"<h3>Mean ranks over the sets, {escape(comparison.order)}</h3>")
        names = comparison.learners()
        ranks = {metric: _mean_ranks(comparison, metric) for metric in HEADLINES}
        mean = {name: statistics.mean(ranks[metric][name] for metric in HEADLINES) for name in names}
        names.sort(key=mean.__getitem__)
        columns = {
            **{
                METRICS[metric]: _column([ranks[metric][name] for name in names], 2, least=True)
                for metric in HEADLINES
            },
            "all four": _column([mean[name] for name in names], 2, least=True),
            "kappa temporal": _column([_median(comparison, name, "kappa_temporal") for name in names], 3),
            "messages/s": _column([_median(comparison, name, "messages_per_second") for name in names], 0),
        }
        rows = {_title(name): [column[at] for column in columns.values()] for at, name in enumerate(names)}
        parts.append(_table("learner", list(columns), rows))
        absent = [_title(name) for name in comparison.all_learners() if name not in names]
        if absent:
            parts.append(
                f'<p class="soft">Not ranked, for lack of some set: {escape(", ".join(absent))}.</p>'
            )
    parts.append('<p class="soft">Kappa temporal and messages per second are medians over the sets.</p>')
    return "\n".join(parts)


def _mean_ranks(comparison: Comparison, metric: str) -> Mapping[str, float]:
    ranking = comparison.ranking(metric)
    return ranking.mean_ranks if ranking is not None else {}


def _median(comparison: Comparison, learner: str, metric: str) -> float | None:
    found = [comparison.value(report, learner, metric) for report in comparison.reports]
    known = [each for each in found if each is not None]
    return statistics.median(known) if known else None


def _metric(metric: str, title: str, comparisons: Sequence[Comparison]) -> str:
    parts = [f'<h2 id="{metric}">{escape(title)}</h2>']
    if metric in NOTES:
        parts.append(f'<p class="soft">{escape(NOTES[metric])}</p>')
    for comparison in comparisons:
        parts.append(f"<h3>{escape(title)}, {escape(comparison.order)}</h3>")
        parts.append(_scores(metric, comparison))
        ranking = comparison.ranking(metric)
        if ranking is not None and len(ranking.mean_ranks) > 1:
            caption = f"<figcaption>{escape(_verdict(ranking))}</figcaption>"
            parts.append(
                f"<figure>{caption}{critical_difference(ranking, _titles(ranking.mean_ranks))}</figure>"
            )
    return "\n".join(parts)


def _scores(metric: str, comparison: Comparison) -> str:
    names, digits = comparison.all_learners(), 0 if metric == "messages_per_second" else 3
    rows = {
        report.data: _column(
            [comparison.value(report, name, metric) for name in names], digits, metric in LESS_IS_BETTER
        )
        for report in comparison.reports
    }
    means = _mean_ranks(comparison, metric)
    foot = {"mean rank": _column([means.get(name) for name in names], 2, least=True)}
    return _table("set", [_title(name) for name in names], rows, foot)


def _verdict(ranking: Ranking) -> str:
    if ranking.critical_difference is None:
        return "Mean ranks; a test of their differences needs two sets and three learners."
    verdict = f"Mean ranks over {ranking.sets} sets; under one bar, no difference at level {ALPHA} (Nemenyi)."
    return (
        verdict if ranking.friedman_p is None else f"{verdict} Friedman's test: p = {ranking.friedman_p:.2g}."
    )


def _over_time(comparisons: Sequence[Comparison]) -> str:
    names = list(dict.fromkeys(name for each in comparisons for name in each.all_learners()))
    style = styles(names, BASELINES)
    legend = "".join(f"<span>{swatch(style[name])}{escape(_title(name))}</span>" for name in names)
    parts = [
        '<h2 id="over_time">Over time</h2>',
        f'<p class="soft">Scores over the last tenth of the stream, {ROLLING_LEAST} messages at least. '
        f"Hover over a line for its learner.</p>\n<div class='legend'>{legend}</div>",
    ]
    sets = dict.fromkeys(report.data for each in comparisons for report in each.reports)
    drawn = [each for each in comparisons if each.curves]
    for data in sets:
        figures = [_figure(data, metric, each, style) for each in drawn for metric in ROLLING]
        parts.append(f'<h3>{escape(data)}</h3>\n<div class="grid">{"".join(figures)}</div>')
    return "\n".join(parts)


def _figure(data: str, metric: str, comparison: Comparison, style: Style) -> str:
    lines = {
        learner: _rolling(points, metric) for (of, learner), points in comparison.curves.items() if of == data
    }
    what = f"{ROLLING[metric]}, {comparison.order}"
    chart = curves(lines, _titles(lines), style, f"{data}: {what}")
    return f"<figure><figcaption>{escape(what)}</figcaption>{chart}</figure>"


def _rolling(points: Sequence[Point], metric: str) -> list[tuple[int, float]]:
    window = max(ROLLING_SHARE * points[-1].messages, ROLLING_LEAST)
    start, rolling = 0, []
    befores = [Point(0, 0, 0, 0, 0, 0), *points]
    for point in points:
        while befores[start + 1].messages <= point.messages - window:
            start += 1
        rolling.append((point.messages, _between(befores[start], point, metric)))
    return rolling


def _between(before: Point, after: Point, metric: str) -> float:
    since = Point(*(late - early for early, late in zip(before, after, strict=True)))
    if metric == "subset_accuracy":
        return since.exact / since.messages if since.messages else 0.0
    return f1(since.hits, since.predicted, since.actual)


def _column(figures: Sequence[float | None], digits: int, least: bool = False) -> list[str]:
    """Return table cells, with the best figures marked."""
    known = [each for each in figures if each is not None]
    best = (min if least else max)(known, default=None)
    return [
        "<td></td>" if each is None else f"<td{' class=best' if each == best else ''}>{each:,.{digits}f}</td>"
        for each in figures
    ]


def _table(
    corner: str,
    heads: Sequence[str],
    rows: Mapping[str, Sequence[str]],
    foot: Mapping[str, Sequence[str]] | None = None,
) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in (corner, *heads))
    below = f"<tfoot>{_rows(foot)}</tfoot>" if foot else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{_rows(rows)}</tbody>{below}</table>"
    return f'<div class="wide">{table}</div>'


def _rows(rows: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>\n" for name, cells in rows.items())

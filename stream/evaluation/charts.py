"""Charts as inline SVG: the critical-difference diagram, and curves over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from stream.evaluation.ranking import Ranking

CD_WIDTH = 1080
CURVE_WIDTH, CURVE_HEIGHT = 520, 210
LEFT_MARGIN, RIGHT_MARGIN, TOP_MARGIN, BOTTOM_MARGIN = 40, 12, 10, 24
"""Margins of a plot of curves, in pixels."""
COLOURS = 8
"""Number of colours in the style sheet."""

Style = Mapping[str, str]
"""CSS classes of each learner's curve."""


def critical_difference(ranking: Ranking, titles: Mapping[str, str]) -> str:
    """Return Demšar's diagram: mean ranks on an axis, with bars over learners that do not differ."""
    names, ranks = list(ranking.mean_ranks), list(ranking.mean_ranks.values())
    size, cliques = len(names), ranking.cliques()
    margin, axis_y = 190, 46
    unit = (CD_WIDTH - 2 * margin) / max(1, size - 1)
    place = {name: margin + (rank - 1) * unit for name, rank in ranking.mean_ranks.items()}
    parts = [_line(margin, axis_y, CD_WIDTH - margin, axis_y, "frame")]
    for rank in range(1, size + 1):
        x = margin + (rank - 1) * unit
        parts += [_line(x, axis_y - 5, x, axis_y, "frame"), _text(x, axis_y - 9, str(rank), "middle", "axis")]
    if ranking.critical_difference is not None:
        end = margin + min(ranking.critical_difference * unit, CD_WIDTH - 2 * margin)
        parts += [_line(margin, 12, end, 12, "frame"), _line(margin, 8, margin, 16, "frame")]
        parts += [_line(end, 8, end, 16, "frame")]
        parts.append(
            _text(end + 8, 16, f"critical difference {ranking.critical_difference:.2f}", "start", "axis")
        )
    for level, (first, last) in enumerate(cliques):
        y = axis_y + 10 + 9 * level
        parts.append(_line(place[first] - 5, y, place[last] + 5, y, "clique"))
    top = axis_y + 28 + 9 * len(cliques)
    left = math.ceil(size / 2)
    for at, name in enumerate(names):
        on_left = at < left
        y = top + 20 * (at if on_left else size - 1 - at)
        edge, anchor = (margin - 14, "end") if on_left else (CD_WIDTH - margin + 14, "start")
        points = f"{place[name]:.1f},{axis_y} {place[name]:.1f},{y} {edge},{y}"
        parts.append(f'<polyline class="frame" points="{points}"/>')
        label = f"{titles[name]}  {ranks[at]:.2f}" if on_left else f"{ranks[at]:.2f}  {titles[name]}"
        parts.append(_text(edge + (-6 if on_left else 6), y + 4, label, anchor))
    return _svg(CD_WIDTH, top + 20 * left, parts, "Mean ranks with critical difference")


def curves(
    lines: Mapping[str, Sequence[tuple[int, float]]], titles: Mapping[str, str], style: Style, what: str
) -> str:
    """Return curves of (messages, share in [0, 1]) over a common axis of messages."""
    length = max((points[-1][0] for points in lines.values() if points), default=1)
    highest = max((y for points in lines.values() for _, y in points), default=0.0)
    tall = next(limit for limit in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if highest <= limit)
    wide, high = CURVE_WIDTH - LEFT_MARGIN - RIGHT_MARGIN, CURVE_HEIGHT - TOP_MARGIN - BOTTOM_MARGIN
    parts: list[str] = []
    for step in range(5):
        y = TOP_MARGIN + high * (1 - step / 4)
        parts.append(_line(LEFT_MARGIN, y, CURVE_WIDTH - RIGHT_MARGIN, y, "rule"))
        parts.append(_text(LEFT_MARGIN - 6, y + 4, f"{tall * step / 4:.3g}", "end", "axis"))
    for step, anchor in enumerate(("start", "middle", "end")):
        x = LEFT_MARGIN + wide * step / 2
        parts.append(_text(x, CURVE_HEIGHT - 6, f"{round(length * step / 2):,}", anchor, "axis"))
    # The first learner is drawn last, on top of the others.
    for name, points in reversed(list(lines.items())):
        path = " ".join(
            f"{LEFT_MARGIN + wide * n / length:.1f},{TOP_MARGIN + high * (1 - y / tall):.1f}"
            for n, y in points
        )
        title = f"<title>{escape(titles[name])}</title>"
        parts.append(f'<polyline class="curve {style[name]}" points="{path}">{title}</polyline>')
    return _svg(CURVE_WIDTH, CURVE_HEIGHT, parts, what)


def swatch(style: str) -> str:
    """Return a short piece of a curve, for a legend."""
    piece = f'<line class="curve {style}" x1="1" y1="5" x2="25" y2="5"/>'
    return f'<svg width="26" height="10" aria-hidden="true">{piece}</svg>'


def styles(learners: Sequence[str], blind: Sequence[str]) -> Style:
    """Return each learner's style: colours in order while there are any; those that are `blind` dashed."""
    coloured = [name for name in learners if name not in blind][:COLOURS]
    found = dict.fromkeys(learners, "")
    found |= {name: f"strong s{at}" for at, name in enumerate(coloured)}
    return found | {name: f"blind b{at}" for at, name in enumerate(blind)}


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    head = f'<svg width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'{head} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'

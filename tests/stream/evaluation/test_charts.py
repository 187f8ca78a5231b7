"""Charts are drawn as they were: `python -m tests.stream.evaluation.test_charts` keeps a changed drawing."""

from __future__ import annotations

import re
from pathlib import Path

from stream.evaluation.charts import critical_difference, curves, styles, swatch
from stream.evaluation.ranking import Ranking

FILE = Path(__file__).parent / "charts.svg"
TITLES = {"a": "A & B", "b": "B", "c": "C", "d": "D"}


def drawn() -> str:
    """Return a drawing of each kind, an element a line."""
    ranks = {"a": 1.25, "b": 2.0, "c": 2.75, "d": 4.0}
    style = styles(["a", "b", "c"], blind=["b"])
    lines = {"a": [(10, 0.0), (400, 0.5)], "b": [(200, 0.35)], "c": []}
    pictures = [
        critical_difference(Ranking(ranks, 4, 0.1, 1.0), TITLES),
        critical_difference(Ranking(dict(list(ranks.items())[:3]), 4, None, None), TITLES),
        critical_difference(Ranking({"a": 1.0}, 1, None, None), TITLES),
        curves(lines, TITLES, style, "accuracy"),
        curves({"c": []}, TITLES, style, "accuracy"),
        curves({"a": [(3, 1.0)]}, TITLES, style, "accuracy"),
        curves({"a": [(3, 0.1)]}, TITLES, style, "accuracy"),
        swatch(style["b"]),
        *(f"{name}: {each}" for name, each in styles([f"l{n}" for n in range(10)], ["l3"]).items()),
    ]
    return re.sub(r">(?=<[^/])", ">\n", "\n".join(pictures)) + "\n"


def test_charts_are_drawn_as_they_were() -> None:
    """Whoever changes a drawing looks at it, and keeps it."""
    assert drawn() == FILE.read_text(encoding="utf-8")


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")

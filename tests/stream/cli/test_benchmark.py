"""What `ithaca benchmark` says while it runs, without a terminal."""

from __future__ import annotations

import pytest

from stream.cli.benchmark import Bars
from stream.evaluation import Key


def test_each_run_is_named_and_what_is_left_out_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that fails is named by its set, order and learner."""
    with Bars(5) as bars:
        for learner, failure in (("knn", None), ("linear", "it threw")):
            bars.start(Key("yeast", "stored", learner, None, None, ""), 10)
            bars.advance(10)
            bars.end(failure)
        bars.skip(2, None)
        bars.skip(1, "no such set")
        assert [each.completed for each in bars._shown.tasks] == [5, 10]
        assert [each.total for each in bars._shown.tasks] == [5, 10]
    assert bars.failures == ["yeast, stored, linear: it threw", "no such set"]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "yeast, stored, knn",
        "yeast, stored, linear",
        "left out: yeast, stored, linear: it threw",
        "left out: no such set",
    ]

"""F11: a stretch with feedback is replayed twice, while the live worker goes on."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.cli.main import app
from tests.faults.test_feedback import committed
from tests.stream.live import LiveStream, until
from tests.stream.standins import POISON, disorder

pytestmark = pytest.mark.kafka


@pytest.mark.slow
def test_f11_two_replays_from_a_time_stamp_are_equal_and_leave_no_trace(
    kafka: str, stream_name: str, tmp_path: Path
) -> None:
    """Byte-equal outputs; the live group's offset and the topics are what they were."""
    live = LiveStream(kafka, stream_name)
    values: list[bytes | None] = [*disorder(600, seed=7)]
    live.fill(values[:400])
    time.sleep(0.05)
    since = datetime.datetime.now(datetime.UTC).isoformat()
    live.fill([*values[400:], *POISON.values()])
    total = len(values) + len(POISON)
    with committed(live, live.settings.group) as reached, live.worker():
        until(lambda: reached() == total)
        before = {kind: live.read(kind) for kind in ("events", "feedback", "predictions", "drift", "dlq")}
        files = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
        for file in files:
            arguments = ["replay", "--from", since, "--learner", "ihomer", "--out", str(file)]
            result = CliRunner().invoke(app, arguments, env=live.environment)
            assert result.exit_code == 0, result.output
        assert reached() == total
        assert {kind: live.read(kind) for kind in before} == before
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(files[0].read_text().splitlines()) > 200

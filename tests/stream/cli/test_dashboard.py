"""`ithaca dashboard` on a broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from stream.kafka import Writer
from stream.records.topics import topic
from tests.stream.live import LiveStream, until
from tests.stream.monitoring.streams import line, prediction


def test_the_command_serves_until_it_is_stopped(
    embedded_kafka: str, stream_name: str, tmp_path: Path
) -> None:
    """A stream, a replay's topic and a replay's file, each under its name."""
    live = LiveStream(embedded_kafka, stream_name)
    file, replayed = tmp_path / "other.jsonl", f"{stream_name}-replayed"
    file.write_bytes(line(prediction(0, ["a"], ["a"], run="from-file")) + b"\n")
    with Writer(live.settings.kafka, topic(stream_name, "predictions")) as writer:
        writer.send(b"{}", headers=(("ce_id", b"nonsense"),), partition=0)
    with Writer(live.settings.kafka, replayed) as writer:
        value = prediction(0, ["a"], ["a"], run="from-topic").value
        writer.send(value, headers=(("ce_id", b"s.events/0/0/prediction"),), partition=0)
    command = [sys.executable, "-m", "stream.cli", "dashboard", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--beside", str(file), "--beside", replayed],
        env={**live.environment, "PATH": "", "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("dashboard: ").strip()
        until(
            lambda: (
                [source["runs"] for source in read(f"{url}/api/sources")]
                == [[], ["from-file"], ["from-topic"]]
            )
        )
        assert [source["name"] for source in read(f"{url}/api/sources")] == [
            stream_name,
            "other.jsonl",
            replayed,
        ]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def read(url: str) -> Any:
    """Return JSON from a page."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)

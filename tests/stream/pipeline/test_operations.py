"""Operations on the taxonomy amid a stream: labels that nothing was learned of yet."""

from __future__ import annotations

import json
from typing import Any

from drift.monitors import Monitors
from learners import make
from stream.encoders import Dense
from stream.pipeline.task import Task
from tests.stream.standins import records


def test_an_added_label_can_be_predicted_before_it_ever_occurred() -> None:
    """It belongs to no cluster yet; its name is written as any other, and its first message is learned."""
    given: list[dict[str, Any]] = [
        {"id": str(n), "ts": n, "vector": [float(n % 2), 1.0], "labels": ["energy" if n % 2 else "grain"]}
        for n in range(60)
    ]
    given.append({"operation": "add", "label": "energy/crude"})
    given += [{"id": str(n), "ts": n, "vector": [1.0, 1.0]} for n in range(60, 64)]
    given.append({"id": "64", "ts": 64, "vector": [1.0, 1.0], "labels": ["energy/crude"]})
    task = Task(Dense(), make("expansion"), Monitors(), run="r", source="/s")
    outputs = task.process(records([json.dumps(each).encode() for each in given])).outputs
    said = [json.loads(each.value or b"") for each in outputs if each.kind == "predictions"]
    assert [each["labels"] for each in said[60:]] == [["energy", "energy/crude"]] * 5
    assert not [each for each in outputs if each.kind == "dlq"]
    assert task.model.updates == 61

"""Labels that are written in two ways: warned about once each, and counted."""

from __future__ import annotations

import logging

import pytest

from stream.telemetry.status import partition_status
from tests.stream.standins import event, make_task, records

TWINS = [["Grain"], ["grain", "oil"], ["Oil", "Grain"], ["\uff4fil"], ["crude-oil", "crude oil"], ["oil"]]


def test_near_twins_are_said_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Case, space and width; they stay labels of their own, and a restart says none of them again."""
    given = records([event(number, labels=labels) for number, labels in enumerate(TWINS)])
    with caplog.at_level(logging.WARNING):
        task = make_task()
        task.process(given)
        assert [record.args for record in caplog.records] == [
            ("grain", "Grain"),
            ("Oil", "oil"),
            ("\uff4fil", "oil"),
        ]
        assert partition_status(0, task, None).near_twins == 3
        caplog.clear()
        again = make_task()
        again.load_state(task.state())
        assert partition_status(0, again, None).near_twins == 3
        again.process([records([event(9, labels=["GRAIN"])])[0]._replace(offset=len(TWINS))])
        assert [record.args for record in caplog.records] == [("GRAIN", "Grain")]
        assert partition_status(0, again, None).near_twins == 4

"""A rate limit on alarms about single labels, pairs and clusters, so that a reader can keep up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from drift.alarms.alarm import Alarm
from drift.core import Parametrised, Values, fields


class RateLimit(Parametrised):
    """Passes a limited number of detailed alarms in each stretch of messages, and summarises the rest.

    When ten thousand labels change at once, that is one event and not ten thousand. Alarms beyond the
    limit are counted, and at the end of the stretch one alarm for each scope says how many there were:
    detector ``many``, subject "stream", statistic the number left out, threshold the limit. Alarms about
    the whole stream, changes of structure and proposals always pass; of one message, the strongest pass
    first.

    Parameters
    ----------
    most
        Detailed alarms in a stretch, at least 1.
    length
        Messages in a stretch, at least 1.

    Examples
    --------
    >>> limit = RateLimit(most=1, length=2)
    >>> alarms = [Alarm("label-fall/rates", "prior", name, -20.0, 12.0, 500) for name in ("corn", "rice")]
    >>> for message in (alarms, [], []):
    ...     print([(alarm.detector, alarm.subject, alarm.statistic) for alarm in limit.update(message)])
    [('label-fall/rates', 'corn', -20.0)]
    []
    [('many', 'stream', 1.0)]
    """

    state_fields = fields(Values("_messages", "_passed", "_left_out"))

    def __init__(self, most: int = 20, length: int = 1000) -> None:
        if not (most >= 1 and length >= 1):
            raise ValueError(
                f"RateLimit needs most and length in [1, inf). Got {most!r} and {length!r} instead."
            )
        self.most = most
        self.length = length
        self._messages = 0
        self._passed = 0
        self._left_out: Counter[str] = Counter()

    def update(self, alarms: Sequence[Alarm]) -> list[Alarm]:
        """Take in one message's alarms and return those to report, in the order they came in."""
        summaries = self._close() if self._messages == self.length else []
        self._messages += 1
        if not alarms:
            return summaries
        detailed = [
            alarm
            for alarm in alarms
            if alarm.subject != "stream" and alarm.scope != "structure" and alarm.operation is None
        ]
        strongest = sorted(detailed, key=lambda alarm: -abs(alarm.statistic))[: self.most - self._passed]
        self._passed += len(strongest)
        left_out = {id(alarm) for alarm in detailed} - {id(alarm) for alarm in strongest}
        self._left_out.update(alarm.scope for alarm in alarms if id(alarm) in left_out)
        return summaries + [alarm for alarm in alarms if id(alarm) not in left_out]

    def _close(self) -> list[Alarm]:
        summaries = [
            Alarm("many", scope, "stream", float(count), float(self.most), self.length, since=self.length)
            for scope, count in sorted(self._left_out.items())
        ]
        self._messages = self._passed = 0
        self._left_out.clear()
        return summaries

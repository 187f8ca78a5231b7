"""Births of labels: whether more labels appear than in the recent past."""

from __future__ import annotations

import bisect

from scipy.special import betainc

from drift.alarms import Alarm, Observation
from drift.core import Inlined, Parametrised, Stateful, Values, fields

MOST_BIRTHS = 1_000_000


class LabelBirths(Parametrised):
    """Counts the labels that appear in each window of messages and compares with earlier windows.

    Label spaces grow all the time, fast at first and slower later, so a birth alone is no alarm. An alarm is
    a window with more births than the decayed count of earlier windows explains (an exact conditional test of
    two Poisson counts). There is at most one alarm per window, raised at the birth that exceeds the
    threshold, and none in the first window, so a stream of only new labels cannot flood the drift topic.

    Parameters
    ----------
    length
        Messages in a window, at least 1. Longer detects slower rises, and reports less often.
    keep
        Decay factor of past windows, in (0, 1). Smaller forgets the start of the stream, when every
        label was new, sooner, and makes a single new label harder to distinguish from chance.
    alpha
        Probability of a false alarm per window, in (0, 1).

    Attributes
    ----------
    count
        Births in the window so far.
    threshold
        Most births in this window that raise no alarm.

    Examples
    --------
    >>> births = LabelBirths(length=100)
    >>> alarms = [n for n in range(2000) if births.update(int(n < 50 or n >= 1950))]
    >>> alarms, births.count
    ([1956], 50)

    References
    ----------
    J. Przyborowski and H. Wilenski. Homogeneity of results in testing samples from Poisson series.
    Biometrika 31, 1940.
    """

    state_fields = fields(
        Values("count", "threshold", "_messages", "_alarmed", "_past_births", "_past_windows")
    )

    def __init__(self, length: int = 1000, keep: float = 0.9, alpha: float = 0.001) -> None:
        if not (length >= 1 and 0 < keep < 1 and 0 < alpha < 1):
            raise ValueError(
                "LabelBirths needs length in [1, inf), keep in (0, 1) and alpha in (0, 1). "
                f"Got {length!r}, {keep!r} and {alpha!r} instead."
            )
        self.length = length
        self.keep = keep
        self.alpha = alpha
        self.count = 0
        self.threshold = MOST_BIRTHS
        self._messages = 0
        self._alarmed = False
        self._past_births = 0.0
        self._past_windows = 0.0

    @property
    def window(self) -> int:
        """Messages in the current window so far."""
        return self._messages

    @property
    def usual(self) -> float:
        """Decayed mean of the births in earlier windows."""
        return self._past_births / self._past_windows if self._past_windows else 0.0

    @property
    def p(self) -> float:
        """Probability of at least as many births in one window at the rate of the earlier windows."""
        return self._chance(self.count)

    def update(self, births: int) -> bool:
        """Take in the number of labels that a message showed for the first time; return whether to alarm."""
        if self._messages == self.length:
            self._close()
        self._messages += 1
        self.count += births
        alarm = self.count > self.threshold and not self._alarmed
        self._alarmed |= alarm
        return alarm

    def _close(self) -> None:
        self._past_births = self.keep * (self._past_births + self.count)
        self._past_windows = self.keep * (self._past_windows + 1.0)
        self._messages, self.count, self._alarmed = 0, 0, False
        too_many = bisect.bisect_left(
            range(MOST_BIRTHS), True, key=lambda count: self._chance(count) < self.alpha
        )
        self.threshold = too_many - 1

    def _chance(self, count: int) -> float:
        # Given the sum of both counts, this window's is binomial; its upper tail is an incomplete beta.
        if count == 0 or not self._past_windows:
            return 1.0
        return float(betainc(count, self._past_births + 1.0, 1.0 / (1.0 + self._past_windows)))


class BirthMonitor(Stateful):
    """Watches for bursts of new labels. Scope *prior*, detector ``births/binomial``; see `LabelBirths`."""

    state_fields = fields(Inlined("_births"))

    def __init__(self) -> None:
        self._births = LabelBirths()

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        births = self._births
        if not births.update(len(observation.appeared)):
            return []
        figures = float(births.count), float(births.threshold), births.window
        return [
            Alarm(
                "births/binomial",
                "prior",
                "stream",
                *figures,
                "labels added",
                births.p,
                since=births.window,
                before=births.usual,
                after=float(births.count),
            )
        ]

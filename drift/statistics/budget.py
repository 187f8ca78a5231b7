"""The false-alarm budget: the p-value below which a single test may raise an alarm."""

from __future__ import annotations

BUDGET_MESSAGES = 1e5
"""Messages to which a budget of false alarms refers."""


def allowed_p(budget: float, tests: int, messages: int) -> float:
    """Return the probability of a false alarm that the next test may have.

    `budget` false alarms are accepted per `BUDGET_MESSAGES` messages. They are divided equally among the
    tests of that many messages, assuming as many tests per message as there have been so far.

    Parameters
    ----------
    budget
        Accepted false alarms per 100,000 messages, of all tests together.
    tests, messages
        Number of tests and messages so far.

    Examples
    --------
    >>> allowed_p(1.0, tests=0, messages=0)
    1e-05
    >>> allowed_p(1.0, tests=4000, messages=1000)
    2.5e-06
    """
    return budget / BUDGET_MESSAGES / max(1.0, tests / max(1, messages))

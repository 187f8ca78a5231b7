"""The budget of false alarms: how surely a change must be seen before it is an alarm."""

from __future__ import annotations

BUDGET_MESSAGES = 1e5
"""Messages over which an expected number of false alarms is given."""


def allowed_p(budget: float, tests: int, messages: int) -> float:
    """Return the chance of a false alarm that one more test may have.

    `budget` false alarms are accepted in `BUDGET_MESSAGES` messages. They are shared among all tests of that
    many messages, of which there are as many per message as there have been so far.

    Parameters
    ----------
    budget
        False alarms per 100,000 messages, of all tests together, that are accepted.
    tests, messages
        How many there have been.

    Examples
    --------
    >>> allowed_p(1.0, tests=0, messages=0)
    1e-05
    >>> allowed_p(1.0, tests=4000, messages=1000)
    2.5e-06
    """
    return budget / BUDGET_MESSAGES / max(1.0, tests / max(1, messages))

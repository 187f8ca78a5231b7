"""river's adaptive model rules, robust against constant targets and equal from run to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from river.rules import AMRules
from river.rules.amrules import RegRule


class Rule(RegRule):
    """A rule that expands only when its targets vary and it has two features to compare.

    river divides by the variance of the targets, which is 0 for a label that has not occurred yet, and
    compares two features, which may not exist.
    """

    def expand(self, delta: float, tau: float) -> tuple[RegRule, bool]:
        """Add a literal if that pays; see river."""
        if len(self.splitters) < 2 or self.statistics.get() == 0.0:
            self._last_expansion_attempt_at = self.total_weight
            return self, False
        expand: Callable[[float, float], tuple[RegRule, bool]] = super().expand  # an untyped method
        return expand(delta, tau)


class AdaptiveModelRules(AMRules):
    """Adaptive model rules for regression, with rules numbered in order of creation.

    river stores a new rule under its memory address: a rule could overwrite another one, and the keys would
    differ between runs.

    Examples
    --------
    >>> rules = AdaptiveModelRules(n_min=50)
    >>> for step in range(1000):
    ...     rules.learn_one({"x": step % 10, "noise": step % 7}, float(step % 10 > 4))
    >>> len(rules) > 1, rules.predict_one({"x": 9, "noise": 0}) > 0.8
    (True, True)

    References
    ----------
    .. [1] J. Duarte, J. Gama and A. Bifet, "Adaptive model rules from high-speed data streams", ACM
       Transactions on Knowledge Discovery from Data 10, 2016.
    """

    def learn_one(self, x: dict[Any, Any], y: float, w: int = 1) -> None:
        """Learn one example, then number the rules."""
        super().learn_one(x, y, w)
        self._rules = dict(enumerate(self._rules.values()))

    def _new_rule(self) -> RegRule:
        made, rule = super()._new_rule(), cast("Callable[..., RegRule]", Rule)
        return rule(made.template_splitter, made.split_criterion, made.pred_model, made.drift_detector)

"""Label priors, against a plain count."""

from __future__ import annotations

import numpy as np
import pytest

from learners.core import Targets
from learners.dummy.priors import VECTORISED, LabelPriors

X = np.zeros(1, dtype=np.float32)


@pytest.mark.parametrize("labels", [3, VECTORISED + 2])
def test_logits_are_those_of_the_scores(labels: int) -> None:
    """After each message, for few labels and for many, which another way is quicker for."""
    learner = LabelPriors()
    learner.label_space.ids(map(str, range(labels)))
    for positive in ([0], [0, 1], [], [labels - 1]):
        learner.learn(X, Targets(np.array(positive, dtype=np.intp)))
        scores = learner.score(X).astype(np.float64)
        assert len(scores) == labels
        np.testing.assert_allclose(learner.logits(), np.log(scores / (1 - scores)), atol=1e-6)

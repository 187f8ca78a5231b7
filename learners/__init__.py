"""The learning: multi-label learners that predict and then learn, one message at a time.

Every learner is a river `MultiLabelClassifier` outside and array-native inside; see `learners.base`.
"""

from learners.base import Change, Learner, Prediction, Statistics
from learners.labels import LabelSpace, Targets
from learners.priors import LabelPriors

__all__ = ["Change", "LabelPriors", "LabelSpace", "Learner", "Prediction", "Statistics", "Targets"]

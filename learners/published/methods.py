"""Published baselines as river implements them: each with its usual parameters and a fixed seed."""

from __future__ import annotations

from river.base import Classifier
from river.ensemble import ADWINBaggingClassifier, ADWINBoostingClassifier
from river.forest import AMFClassifier, ARFClassifier
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.neighbors import KNNClassifier, LazySearch
from river.preprocessing import StandardScaler
from river.tree import (
    ExtremelyFastDecisionTreeClassifier,
    HoeffdingAdaptiveTreeClassifier,
    HoeffdingTreeClassifier,
    ISOUPTreeRegressor,
    SGTClassifier,
)
from river.tree.splitter import DynamicQuantizer

from learners.published.model_rules import AdaptiveModelRules
from learners.wrappers import BinaryRelevance, ClassifierChain, LabelPowerset, MultiLabelModel, PrunedSets


def br_lr(allow_pickle: bool = False) -> BinaryRelevance:
    """Return logistic regression on standardised features, one per label."""
    return BinaryRelevance(LogisticRegression(), StandardScaler(), allow_pickle)


def br_knn(n_neighbors: int = 5, window: int = 1000, allow_pickle: bool = False) -> BinaryRelevance:
    """Return nearest neighbours on standardised features, one exact search per label."""
    # river's default search draws from an unseeded generator: two runs would differ.
    engine = LazySearch(window_size=window)
    return BinaryRelevance(KNNClassifier(n_neighbors, engine), StandardScaler(), allow_pickle)


def br_nb(allow_pickle: bool = False) -> BinaryRelevance:
    """Return Gaussian naive Bayes, one per label."""
    classifier: type[Classifier] = GaussianNB  # an untyped constructor
    return BinaryRelevance(classifier(), None, allow_pickle)


def br_amr(allow_pickle: bool = False) -> BinaryRelevance:
    """Return adaptive model rules, regressions of 0 and 1 on standardised features, one per label."""
    return BinaryRelevance(AdaptiveModelRules(), StandardScaler(), allow_pickle)


def br_ht(allow_pickle: bool = False) -> BinaryRelevance:
    """Return a Hoeffding tree, one per label."""
    return BinaryRelevance(HoeffdingTreeClassifier(), None, allow_pickle)


def br_hat(seed: int = 1, allow_pickle: bool = False) -> BinaryRelevance:
    """Return a Hoeffding adaptive tree, one per label."""
    return BinaryRelevance(HoeffdingAdaptiveTreeClassifier(seed=seed), None, allow_pickle)


def br_efdt(allow_pickle: bool = False) -> BinaryRelevance:
    """Return an extremely fast decision tree, one per label."""
    return BinaryRelevance(ExtremelyFastDecisionTreeClassifier(), None, allow_pickle)


def br_sgt(max_depth: int | None = None, allow_pickle: bool = False) -> BinaryRelevance:
    """Return a stochastic gradient tree on standardised features, one per label; `max_depth` bounds it."""
    # river's static quantizer divides by a feature's range, which is 0 where a feature is constant.
    model = SGTClassifier(max_depth=max_depth, feature_quantizer=DynamicQuantizer())
    return BinaryRelevance(model, StandardScaler(), allow_pickle)


def br_amf(max_nodes: int = 1000, seed: int = 1, allow_pickle: bool = False) -> BinaryRelevance:
    """Return an aggregated Mondrian forest on standardised features, one per label.

    Its trees grow with every message up to `max_nodes` nodes.
    """
    # Not scaled to [0, 1] as river advises: the extremes so far would be 0 and 1 from the first messages
    # on, no later message would be outside, and only messages outside split a Mondrian tree.
    return BinaryRelevance(AMFClassifier(max_nodes=max_nodes, seed=seed), StandardScaler(), allow_pickle)


def br_arf(max_depth: int | None = None, seed: int = 1, allow_pickle: bool = False) -> BinaryRelevance:
    """Return an adaptive random forest, one per label; `max_depth` bounds its ten trees."""
    return BinaryRelevance(ARFClassifier(max_depth=max_depth, seed=seed), None, allow_pickle)


def br_abalr(seed: int = 1, allow_pickle: bool = False) -> BinaryRelevance:
    """Return ADWIN bagging of logistic regression on standardised features, one per label."""
    model = ADWINBaggingClassifier(LogisticRegression(), seed=seed)
    return BinaryRelevance(model, StandardScaler(), allow_pickle)


def br_abolr(seed: int = 1, allow_pickle: bool = False) -> BinaryRelevance:
    """Return ADWIN boosting of logistic regression on standardised features, one per label."""
    model = ADWINBoostingClassifier(LogisticRegression(), seed=seed)
    return BinaryRelevance(model, StandardScaler(), allow_pickle)


def cc(allow_pickle: bool = False) -> ClassifierChain:
    """Return a chain of logistic regressions on standardised features."""
    return ClassifierChain(LogisticRegression(), StandardScaler(), allow_pickle)


def isoup_tree(allow_pickle: bool = False) -> MultiLabelModel:
    """Return one incremental structured-output tree, a regression of 0 and 1 of all labels."""
    # Means at the leaves: linear models on raw features diverge.
    return MultiLabelModel(ISOUPTreeRegressor(leaf_prediction="mean"), allow_pickle)


def mlht(allow_pickle: bool = False) -> LabelPowerset:
    """Return a Hoeffding tree over label-sets with the majority label-set at its leaves."""
    return LabelPowerset(HoeffdingTreeClassifier(leaf_prediction="mc"), allow_pickle)


def mlht_ps(buffer: int = 1000, rare: int = 1, allow_pickle: bool = False) -> PrunedSets:
    """Return a Hoeffding tree over pruned label-sets with naive Bayes at its leaves."""
    return PrunedSets(HoeffdingTreeClassifier(leaf_prediction="nba"), buffer, rare, allow_pickle)

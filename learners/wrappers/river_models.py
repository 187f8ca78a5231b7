"""river's models as learners: one classifier per label, chains of them, and whole multi-label models.

river's models are the only state that is pickled. Unpickling executes code, so a state is only loaded by a
learner that was made with `allow_pickle=True`.
"""

from __future__ import annotations

import abc
import copy
import math
import pickle
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from river.base import Classifier, MultiLabelClassifier, MultiTargetRegressor, Regressor, Transformer

from drift.core import PICKLE, State, Vector, digest
from learners.core import Learner, Targets
from learners.preprocessing import FREE, StandardScaler
from learners.wrappers.object_digest import object_digest

Features = dict[Hashable, Any]
BinaryModel = Classifier | Regressor


class RiverLearner(Learner):
    """Base class of learners over river's models: dictionaries inside, pickled state.

    Most of river's models never get over one wild value, in what they scale by or in what they weigh. So they
    see no value farther from the feature's mean than `StandardScaler` lets it count. Where one of the first
    messages turns out to have been wild, they begin anew.

    Parameters
    ----------
    allow_pickle
        Whether `load_state` may unpickle. A pickle executes code when it is loaded: allow it only for
        states that you trust as you trust your own programs.
    """

    pickled: ClassVar[tuple[str, ...]]
    """Names of the attributes that hold river's models."""

    def __init__(self, allow_pickle: bool = False) -> None:
        self.allow_pickle = allow_pickle
        super().__init__()
        self._bounds = StandardScaler()
        self._begin()

    @abc.abstractmethod
    def _begin(self) -> None:
        """Make the models that `pickled` names, which have learned nothing."""

    def _asked(self, x: Vector) -> Features:
        """Return what the models are asked of, without features that they never learned."""
        return dictionary(self._bounds.bounded(x[: self._features]))

    def _taught(self, x: Vector) -> Features:
        """Count a message, and return what the models are taught of."""
        if self._messages <= FREE and self._bounds.corrects(x):
            self._begin()
        self._count(x)
        features = dictionary(self._bounds.bounded(x))
        self._bounds.learn(x)
        return features

    def _models_held(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("_bounds", *self.pickled)}

    def state(self) -> State:
        """See `Learner.state`; the models are a pickle in an array of bytes."""
        written = np.frombuffer(pickle.dumps(self._models_held()), dtype=np.uint8)
        return super().state() | {PICKLE: written}

    def load_state(self, state: State) -> None:
        """Load a state, if pickles are allowed.

        Raises
        ------
        PermissionError
            When this learner was not made with `allow_pickle=True`.
        """
        if not self.allow_pickle:
            raise PermissionError(
                f"The state of {type(self).__name__} holds pickled river models, and loading a pickle runs "
                "code. Make the learner with allow_pickle=True if you trust where the state comes from."
            )
        super().load_state(state)
        for name, value in pickle.loads(np.asarray(state[PICKLE], dtype=np.uint8).tobytes()).items():
            setattr(self, name, value)

    def digest(self) -> str:
        """See `Learner.digest`; equal models have equal digests, however their pickles differ."""
        rest = {key: value for key, value in self.state().items() if key != PICKLE}
        return digest(rest | {"parameters": repr(self), "models": object_digest(self._models_held())})


class BinaryRelevance(RiverLearner):
    """One clone of a river classifier, or of a regressor of 0 and 1, per label.

    A label that appears late gets a copy of a classifier that has learned "no" from every message so far:
    exactly the one it would have had if it had been known from the first message, at the cost of one more
    classifier.

    Parameters
    ----------
    model
        The classifier, or a pipeline that ends in one. A regressor's targets are 0 and 1, and its output is
        clipped to that range.
    transformer
        Learned and applied once per message, before all classifiers; None (the default) for raw features.
        Scaling here costs one scaler, inside `model` it costs one per label.
    allow_pickle
        See `RiverLearner`.

    Examples
    --------
    >>> from river.linear_model import LogisticRegression
    >>> learner = BinaryRelevance(LogisticRegression())
    >>> for day in range(200):
    ...     learner.learn_one({"wet": day % 2}, {"rain": day % 2 == 1, "sun": day % 2 == 0})
    >>> learner.predict_one({"wet": 1})
    {'rain': True, 'sun': False}

    References
    ----------
    .. [1] J. Read et al., "Scalable and efficient multi-label classification for evolving data streams",
       Machine Learning 88, 2012.
    """

    pickled = ("_transformer", "_models", "_unborn")

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        from river import linear_model

        yield {"model": linear_model.LogisticRegression()}

    def __init__(
        self, model: BinaryModel, transformer: Transformer | None = None, allow_pickle: bool = False
    ) -> None:
        self.model = model
        self.transformer = transformer
        super().__init__(allow_pickle)

    def _begin(self) -> None:
        self._transformer = None if self.transformer is None else self.transformer.clone()
        self._models: list[BinaryModel] = []
        self._unborn: BinaryModel = self.model.clone()

    def score(self, x: Vector) -> Vector:
        """Return each label's probability, shape (L,); 0 where its classifier returns none."""
        unborn = [self._unborn] * (len(self.label_space) - len(self._models))
        # Features that were never learned are left out: river's scaler would store them.
        scores = self._ask([*self._models, *unborn], self._transformed(self._asked(x)))
        return np.array(scores, dtype=np.float32)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Train the classifier of every label that is known for the message."""
        features, size = self._taught(x), len(self.label_space)
        while len(self._models) < size:
            self._models.append(copy.deepcopy(self._unborn))
        if self._transformer is not None:
            self._transformer.learn_one(features)
        positive, unknown = targets.dense(size).tolist(), targets.unknown(size).tolist()
        answers = [None if unsaid else yes for yes, unsaid in zip(positive, unknown, strict=True)]
        self._teach([*answers, False if targets.complete else None], self._transformed(features))

    def _transformed(self, features: Features) -> Features:
        return features if self._transformer is None else self._transformer.transform_one(features)

    def _ask(self, models: Sequence[BinaryModel], features: Features) -> list[float]:
        return [_probability(model, features) for model in models]

    def _teach(self, answers: Sequence[bool | None], features: Features) -> None:
        for model, answer in zip([*self._models, self._unborn], answers, strict=True):
            if answer is not None:
                _learn(model, features, answer)


class ClassifierChain(BinaryRelevance):
    """One clone of a river classifier per label, each with the predictions of those before it as features.

    The chain runs in order of the labels' appearance; a label that appears late joins at its end, as in
    `BinaryRelevance`. Predictions, not truths, are passed on in learning too, so that unknown labels do
    no harm and the classifiers learn from the inputs that they will get.

    Parameters
    ----------
    model, transformer, allow_pickle
        As in `BinaryRelevance`.

    Examples
    --------
    >>> from river.tree import HoeffdingTreeClassifier
    >>> learner = ClassifierChain(HoeffdingTreeClassifier())
    >>> learner.learn_one({"wet": 1}, {"rain": True, "sun": False})
    >>> learner.predict_one({"wet": 1})
    {'rain': True, 'sun': False}

    References
    ----------
    .. [1] J. Read et al., "Classifier chains for multi-label classification", Machine Learning 85, 2011.
    """

    def _ask(self, models: Sequence[BinaryModel], features: Features) -> list[float]:
        scores: list[float] = []
        for label, model in enumerate(models):
            scores.append(_probability(model, features))
            features = _passed_on(features, label, scores[-1])
        return scores

    def _teach(self, answers: Sequence[bool | None], features: Features) -> None:
        for label, (model, answer) in enumerate(zip([*self._models, self._unborn], answers, strict=True)):
            probability = _probability(model, features)
            if answer is not None:
                _learn(model, features, answer)
            features = _passed_on(features, label, probability)


class MultiLabelModel(RiverLearner):
    """Any river model of all labels at once: a multi-label classifier, or a multi-target regressor.

    The model sees the labels known so far, by name. A label that a message leaves unknown is taught as
    the model predicts it, because river cannot represent "unknown". Labels that appear late are handled by
    the model.

    Parameters
    ----------
    model
        The river model; a regressor's targets are 0 and 1, and its output is clipped to that range.
    allow_pickle
        See `RiverLearner`.

    Examples
    --------
    >>> from river.multioutput import MultiClassEncoder
    >>> from river.naive_bayes import GaussianNB
    >>> learner = MultiLabelModel(MultiClassEncoder(GaussianNB()))
    >>> learner.learn_one({"wet": 1}, {"rain": True, "sun": False})
    >>> learner.predict_one({"wet": 1})
    {'rain': True, 'sun': False}
    """

    pickled = ("_model",)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        from river import multioutput, tree

        yield {"model": multioutput.MultiClassEncoder(tree.HoeffdingTreeClassifier())}

    def __init__(
        self, model: MultiLabelClassifier | MultiTargetRegressor, allow_pickle: bool = False
    ) -> None:
        self.model = model
        super().__init__(allow_pickle)

    def _begin(self) -> None:
        self._model = self.model.clone()

    def score(self, x: Vector) -> Vector:
        """Return each label's probability, shape (L,); 0 for a label that the model does not know."""
        answers = self._answers(self._asked(x)) if self._messages else {}
        scores = [finite(answers.get(name, 0.0)) for name in self.label_space.names()]
        return np.clip(np.array(scores, dtype=np.float32), 0.0, 1.0)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn one message."""
        size = len(self.label_space)
        truth = targets.dense(size)
        if not targets.complete:
            truth = np.where(targets.unknown(size), self.score(x) >= 0.5, truth)
        features = self._taught(x)
        kind = float if isinstance(self._model, MultiTargetRegressor) else bool
        y: Any = {name: kind(on) for name, on in zip(self.label_space.names(), truth.tolist(), strict=True)}
        self._model.learn_one(features, y)

    def _answers(self, features: Features) -> dict[Any, float]:
        model: Any = self._model
        if isinstance(model, MultiTargetRegressor):
            return dict(model.predict_one(features))
        try:
            answers = model.predict_proba_one(features)
        except NotImplementedError:
            return {name: float(on) for name, on in model.predict_one(features).items()}
        return {name: answer.get(True, 0.0) for name, answer in answers.items()}


def dictionary(x: Vector) -> Features:
    """Return a vector as river's dictionary, without missing values."""
    return {slot: value for slot, value in enumerate(x.tolist()) if value == value}


def _passed_on(features: Features, label: int, probability: float) -> Features:
    # A copy, because some models keep their input; negative keys, because those of features are not.
    return {**features, -1 - label: probability}


def _learn(model: BinaryModel, features: Features, answer: bool) -> None:
    if isinstance(model, Regressor):
        model.learn_one(features, float(answer))
    else:
        model.learn_one(features, answer)


def _probability(model: BinaryModel, features: Features) -> float:
    if isinstance(model, Regressor):
        return min(max(finite(model.predict_one(features)), 0.0), 1.0)
    try:
        return finite(model.predict_proba_one(features).get(True, 0.0))
    except NotImplementedError:
        return float(model.predict_one(features) or False)


def finite(probability: float) -> float:
    """Return a probability, with NaN and infinities replaced by 0."""
    return probability if math.isfinite(probability) else 0.0

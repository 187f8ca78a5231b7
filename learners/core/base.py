"""The base class of all learners: river's dictionaries outside, arrays inside.

A learner implements two array methods, `score` and `learn`; `predict` adds the decision. The dictionary
methods of `river.base.MultiLabelClassifier` are a thin translation in the base class, so any river user can
use our learners, and every test of the interface covers both.

Vectors may grow: a later `x` may be longer than an earlier one (a feature appeared), and labels may
appear at any message. NaN in `x` means *missing*. A vector may have a *sparse part* of many more
dimensions, which only learners that ask for it read; see `Features`.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from river.base import MultiLabelClassifier

from drift.core import (
    MADE,
    Ids,
    Parametrised,
    Parts,
    State,
    Values,
    Vector,
    check_number,
    compiled,
    digest,
    fields,
)
from learners.core.features import FeatureSpace
from learners.core.label_space import LabelSpace
from learners.core.labels import Targets
from learners.core.messages import check_dictionaries, check_messages
from learners.core.operations import Operation, TaxonomyError
from learners.core.prediction import Computed, Explanation, Prediction
from learners.core.structure import Change, Structure


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Frozen statistics of a learner, for telemetry; subclasses add their own figures.

    Parameters
    ----------
    messages
        Messages learned from.
    labels
        Labels held.
    features
        Length of the longest vector seen.
    resting_labels, left_labels
        Labels that have left and are remembered, and how often a label has left so far; see `LabelSpace`.
    """

    messages: int
    labels: int
    features: int
    resting_labels: int
    left_labels: int

    def figures(self) -> dict[str, float]:
        """Return the figures by name, leaving out those that are not a single number."""
        named = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: float(value) for name, value in named.items() if isinstance(value, int | float)}


class Learners(Parts):
    """Learners that share their owner's label space: saved without the labels' names."""

    def state_of(self, part: Any) -> Any:
        """See `Parts.state_of`."""
        return part.state_without_labels()


class _Labels(Parts):
    def load(self, owner: object, state: State) -> None:
        if "labels" in state:
            super().load(owner, state)


class Learner(Parametrised, MultiLabelClassifier, abc.ABC):
    """A multi-label learner that predicts and then learns, message by message.

    Subclasses store their parameters in the constructor, keep all state reachable through `state`, and
    implement `score` and `learn`. Neither may look at a clock or at global randomness: the state is a
    function of the parameters and of the ordered input. Loading a state without labels leaves the label
    space as it is: the enclosing learner, which shares it, loads it.

    Parameters
    ----------
    max_labels
        Most labels held; None (the default) for any number. See `LabelSpace`.

    Attributes
    ----------
    label_space
        Names and ids of the labels.
    alone
        Whether the learner is no part of another, which shares its label space with its parts. One that is
        alone checks what it is given: a vector of another type is converted, targets are put in order, and
        what has no meaning is refused with a ValueError or TypeError, before anything is learned.
    changes
        Changes that the last call of `learn` made to the structure; empty for most learners.
    """

    alone = True
    free = ("max_labels", "device", "allow_pickle")
    changes: tuple[Change, ...] = ()
    state_fields = fields(
        _Labels("label_space", key="labels"), Parts("_feature_space"), Values("_messages", "_features")
    )

    def __init_subclass__(cls) -> None:
        """Let the class check the messages that it is given; see `alone`."""
        super().__init_subclass__()
        check_messages(cls)

    def __init__(self, max_labels: int | None = None) -> None:
        if max_labels is not None:
            check_number(self, "max_labels", max_labels, int, 1)
            self.max_labels = max_labels
        self._own(LabelSpace(limit=max_labels))
        self._feature_space = FeatureSpace()
        self._messages = 0
        self._features = 0
        self._last: tuple[bytes, Prediction] | None = None

    # The array side ---------------------------------------------------------------------------------

    @abc.abstractmethod
    def score(self, x: Vector) -> Vector:
        """Return one probability per known label for a vector of shape (d,); never changes the state."""

    @abc.abstractmethod
    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn from one vector of shape (d,) and the targets of its message."""

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """Learn as `learn` does, from a message that was predicted; saves computing the prediction again.

        A prediction that is None, or of an earlier state of the learner, saves nothing and changes nothing.
        One of another vector than `x` is taken for that of `x`.
        """
        del prediction
        self.learn(x, targets)

    def predict(self, x: Vector) -> Prediction:
        """Return the predicted labels and the scores for a vector of shape (d,); never changes the state."""
        scores = self.score(x)
        return Prediction(np.flatnonzero(scores >= 0.5), scores)

    def predict_many(self, xs: Sequence[Vector]) -> list[Prediction]:
        """Return the predictions for many vectors, as `predict` returns them one by one."""
        return [self.predict(x) for x in xs]

    @property
    def unlearned(self) -> int:
        """Messages given to `learn` whose effect on predictions is still to come; 0 for most learners."""
        return 0

    @property
    def predictable(self) -> int:
        """Messages, at least 1, that can be predicted and then given to `learn` before predictions change."""
        return 1

    def clusters_of(self, labels: Ids) -> list[int]:
        """Return the ids of the label clusters that contain some labels; empty without clusters."""
        del labels
        return []

    def structure(self) -> Structure:
        """Return the label clusters; empty without clusters."""
        return Structure(np.zeros(0, dtype=np.intp), ())

    def explain(self, prediction: Prediction, labels: int, neighbours: int) -> Explanation | None:
        """Return the components of a prediction that was just made; None where there are none.

        Never changes the state. `labels` and `neighbours` limit how many of each are returned. A prediction
        of an earlier state of the learner has none.
        """
        del prediction, labels, neighbours
        return None

    def statistics(self) -> Statistics:
        """Return the frozen statistics of the learner, cheap enough to request after every batch."""
        space = self.label_space
        return Statistics(self._messages, len(space), self._features, space.resting, space.left)

    def forget(self, labels: Ids) -> None:
        """Forget labels (ids, ascending) that leave: each id is another label's from now on.

        The owner of the label space is called by it, and passes it on to its parts. As with `inherit`, an
        id that is no label's is a ValueError.
        """
        del labels
        self._changed()

    def _own(self, label_space: LabelSpace) -> None:
        """Use a new label space, and forget the labels that leave it."""
        self.label_space = label_space
        label_space.followers.append(self.forget)
        self._changed()

    def share(self, label_space: LabelSpace) -> None:
        """Use another learner's label space from now on, as the parts of a composite learner do."""
        self.alone, self.label_space = False, label_space
        self._changed()

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """Initialise a label that has no evidence yet from another one, with a prior probability.

        Does nothing in learners without per-label parameters that could be copied.
        """
        del label, parent, prior

    def recall(self, x: Vector, targets: Targets) -> Vector:
        """Return the probabilities of a remembered message, shape (L,), before it is rehearsed.

        Learners that mix experts learn from it which of them still knows its labels; others learn nothing.
        """
        del targets
        return self.score(x)

    def apply(self, operation: Operation) -> None:
        """Apply an operation to the taxonomy of the labels.

        Raises
        ------
        TaxonomyError
            When there is no such taxonomy, or it does not allow the operation; nothing has changed then.
        """
        del operation
        raise TaxonomyError(
            f"{type(self).__name__} keeps its labels in no taxonomy. Choose a learner that does: expansion."
        )

    def _count(self, x: Vector) -> None:
        """Count one learned message; every `learn` calls it once."""
        self._messages += 1
        self._changed()
        if len(x) > self._features:
            self._features = len(x)

    def _changed(self) -> None:
        """Note that the state has changed: what was computed before does not count any more."""
        self._revision = object()

    def holds(self, prediction: Prediction) -> bool:
        """Return whether the learner has not changed since a prediction; False where it cannot be told."""
        return prediction.computed is not None and prediction.computed.revision is self._revision

    def _computed(self, work: Any) -> Computed:
        return Computed(self._revision, work)

    def _reusable(self, prediction: Prediction | None) -> Any:
        """Return what `_computed` was given for a prediction; None if the learner has changed since."""
        if prediction is None or prediction.computed is None or not self.holds(prediction):
            return None
        return prediction.computed.work

    # State ------------------------------------------------------------------------------------------

    def load_state(self, state: State) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ValueError
            When it is the state of another class, or of other parameters (`max_labels` and `device` may be
            others), or a part is missing; nothing has changed then. Loaded by half, compiled code would
            write beyond arrays that do not fit together.
        """
        super().load_state(state)
        self._changed()

    def _check_state(self, state: State) -> None:
        """See `Parametrised`; a part's state, without labels and parameters, is checked with its owner's."""
        super()._check_state(state)
        whole = self.alone or "labels" in state
        if whole and (missing := self.clone().state().keys() - state.keys() - {MADE}):
            raise ValueError(f"The state has no {min(missing)!r}, which that of {type(self).__name__} has.")

    def state_without_labels(self) -> State:
        """Return the state without what an enclosing learner saves itself: the labels' names, parameters."""
        return {key: value for key, value in self.state().items() if key not in ("labels", MADE)}

    def digest(self) -> str:
        """Return a SHA-256 over class, parameters and state: equal for equal learners, bit by bit."""
        learned = {key: value for key, value in self.state().items() if key != MADE}
        return digest({"class": type(self).__name__, "parameters": repr(self), "state": learned})

    # river's side -----------------------------------------------------------------------------------

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool]) -> None:
        """Learn from river's dictionaries; labels that `y` leaves out count as negative."""
        check_dictionaries(x, y)
        # Before features are counted.
        self.label_space.check_room(list(y))
        vector = self._feature_space.vector(x)
        self.label_space.ids(y)
        targets = self.label_space.targets(label for label, on in y.items() if on)
        # river's interface has no place for a prediction, so the last one is found by its vector.
        last, self._last = self._last, None
        again = last is not None and last[0] == vector.tobytes()
        self.learn_predicted(vector, targets, last[1] if last is not None and again else None)

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Return whether each label seen so far is predicted."""
        del kwargs
        check_dictionaries(x)
        vector = self._feature_space.peek(x)
        prediction = self.predict(vector)
        self._last = vector.tobytes(), prediction
        mask = np.zeros(len(self.label_space), dtype=np.bool_)
        mask[prediction.labels] = True
        return dict(zip(self.label_space.names(), mask.tolist(), strict=True))

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, dict[bool, float]]:
        """Return the probability of each label seen so far."""
        del kwargs
        check_dictionaries(x)
        scores = self.score(self._feature_space.peek(x)).tolist()
        return {
            name: {False: 1.0 - score, True: score}
            for name, score in zip(self.label_space.names(), scores, strict=True)
        }


def filled(x: Vector) -> Vector:
    """Return a vector with missing values replaced by 0; the same object if nothing is missing.

    Examples
    --------
    >>> filled(np.array([1.0, np.nan], dtype=np.float32)).tolist()
    [1.0, 0.0]
    """
    return np.nan_to_num(x, nan=0.0) if _any_missing(x) else x


@compiled
def _any_missing(x: Vector) -> bool:
    missing = False
    for value in x:
        missing |= np.isnan(value)
    return missing

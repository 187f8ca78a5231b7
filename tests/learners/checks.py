"""What every learner must do: one named check a rule, each run on every learner of the catalogue.

A check takes a function that makes a fresh learner. Streams are small, seeded and learnable: label
`even` follows feature 0, `both` follows features 0 and 1, `rare` is on now and then.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from drift.core import Vector
from learners.catalogue import LEARNERS, make
from learners.core.base import Learner
from learners.core.labels import Targets
from learners.core.prediction import Prediction

Make = Callable[[], Learner]
Message = tuple[Vector, list[str]]
FEATURES = 4

SMALL: dict[str, dict[str, Any]] = {
    "br-amf": {"max_nodes": 60},
    "br-arf": {"max_depth": 2},
    "br-sgt": {"max_depth": 2},
    "mlht-ps": {"buffer": 25},
}
"""Sizes at which a short stream reaches what only a long one would."""


def maker(name: str) -> Make:
    """Return what makes a learner of a name, allowed to load what it has written itself."""
    pickled = "allow_pickle" in inspect.signature(LEARNERS[name]).parameters
    parameters = SMALL.get(name, {}) | ({"allow_pickle": True} if pickled else {})

    def make_it() -> Learner:
        return make(name, **parameters)

    return make_it


def stream(messages: int, seed: int = 0) -> Iterator[Message]:
    """Yield vectors of shape (4,) and label names that follow from them."""
    generator = np.random.default_rng(seed)
    for position in range(messages):
        x = generator.normal(size=FEATURES).astype(np.float32)
        on = {"even": x[0] > 0, "both": x[0] > 0 and x[1] > 0, "rare": position % 17 == 3}
        yield x, [name for name, yes in on.items() if yes]


def teach(learner: Learner, messages: Iterator[Message]) -> list[Prediction]:
    """Test, then train; return the predictions."""
    predictions: list[Prediction] = []
    for x, labels in messages:
        predictions.append(learner.predict(x))
        learner.learn(x, learner.label_space.targets(labels))
    return predictions


def assert_valid(prediction: Prediction, labels: int) -> None:
    """Check one prediction against the contract of `Prediction`."""
    assert prediction.scores.dtype == np.float32
    if prediction.scored is None:
        assert prediction.scores.shape == (labels,)
    else:
        assert prediction.scores.shape == prediction.scored.shape
        assert (np.diff(prediction.scored) > 0).all()
        assert all(0 <= label < labels for label in prediction.scored.tolist())
        assert np.isin(prediction.labels, prediction.scored).all()
    assert np.isfinite(prediction.scores).all()
    assert ((prediction.scores >= 0) & (prediction.scores <= 1)).all()
    assert (np.diff(prediction.labels) > 0).all()
    assert all(0 <= label < labels for label in prediction.labels.tolist())


def assert_same(one: Prediction, other: Prediction) -> None:
    """Check that two predictions are equal to the last bit."""
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.scores, other.scores)
    assert (one.scored is None) == (other.scored is None)
    if one.scored is not None and other.scored is not None:
        np.testing.assert_array_equal(one.scored, other.scored)


def check_predict_before_learn(make: Make) -> None:
    """Nothing learned, nothing predicted, and no error; a label known only by name gets a score."""
    learner = make()
    x = np.ones(FEATURES, dtype=np.float32)
    assert_valid(learner.predict(x), 0)
    assert learner.predict_one({"a": 1.0}) == {}
    learner.label_space.ids(["named"])
    assert_valid(learner.predict(x), 1)


def check_emerging_labels(make: Make) -> None:
    """Let labels appear in the middle: they are scored from then on, the others undisturbed."""
    learner = make()
    teach(learner, stream(30))
    known = len(learner.label_space)
    x = np.ones(FEATURES, dtype=np.float32)
    learner.learn(x, learner.label_space.targets(["newcomer", "even"]))
    assert_valid(learner.predict(x), known + 1)
    learner.learn(x, learner.label_space.targets(["another", "newcomer"]))
    for prediction in teach(learner, stream(10, seed=1)):
        assert_valid(prediction, known + 2)
    assert learner.statistics().labels == known + 2


def check_emerging_features(make: Make) -> None:
    """Vectors may grow, and a shorter one may follow."""
    learner = make()
    teach(learner, stream(20))
    for size in (FEATURES + 1, FEATURES + 9, 2):
        x = np.linspace(-1, 1, size, dtype=np.float32)
        assert_valid(learner.predict(x), len(learner.label_space))
        learner.learn(x, learner.label_space.targets(["even"]))
    assert learner.statistics().features == FEATURES + 9


def check_missing_values(make: Make) -> None:
    """NaN is missing: it may come at any place and any time, and leaves no NaN behind."""
    learner = make()
    generator = np.random.default_rng(0)
    for x, labels in stream(40):
        holey = np.where(generator.random(FEATURES) < 0.3, np.float32(np.nan), x)
        assert_valid(learner.predict(holey), len(learner.label_space))
        learner.learn(holey, learner.label_space.targets(labels))
    nothing = np.full(FEATURES, np.nan, dtype=np.float32)
    learner.learn(nothing, learner.label_space.targets(["even"]))
    for x in (nothing, np.ones(FEATURES, dtype=np.float32)):
        assert_valid(learner.predict(x), len(learner.label_space))


def check_partial_labels(make: Make) -> None:
    """Unknown labels are no negatives: a label never answered "no" does not fade."""
    answered, silent = make(), make()
    x = np.ones(FEATURES, dtype=np.float32)
    for learner in (answered, silent):
        for _ in range(20):
            learner.learn(x, learner.label_space.targets(["kept", "other"]))
    kept, other = silent.label_space.id("kept"), silent.label_space.id("other")
    for _ in range(60):
        answered.learn(x, Targets(np.array([other]), np.array([kept])))
        silent.learn(x, Targets(np.array([other]), np.array([], dtype=np.intp)))
    assert_valid(silent.predict(x), 2)
    assert silent.score(x)[kept] >= answered.score(x)[kept]
    assert kept in silent.predict(x).labels
    assert silent.statistics().messages == 80
    for name in ("third", "fourth", "fifth", "sixth"):
        silent.learn(x, silent.label_space.targets([name], ["other"]))
        assert_valid(silent.predict(x), len(silent.label_space))


def check_predict_does_not_change_state(make: Make) -> None:
    """Predict any number of times, of anything: the digest and the next answers stay the same."""
    asked, left_alone = make(), make()
    generator = np.random.default_rng(0)
    for x, labels in stream(15):
        before = asked.digest()
        for size in (FEATURES, FEATURES + 3):
            asked.predict(generator.normal(size=size).astype(np.float32))
        asked.predict_one({"unheard": 1.0, "of": "it"})
        assert asked.digest() == before
        for learner in (asked, left_alone):
            learner.learn(x, learner.label_space.targets(labels))
        assert_same(asked.predict(x), left_alone.predict(x))
    assert asked.digest() == left_alone.digest()


def check_learn_leaves_its_input(make: Make) -> None:
    """Neither learning nor predicting writes into the vector or keeps looking at it."""
    learner, twin = make(), make()
    buffer = np.zeros(FEATURES, dtype=np.float32)
    for x, labels in stream(40):
        buffer[:] = x
        assert_same(learner.predict(buffer), twin.predict(x))
        learner.learn(buffer, learner.label_space.targets(labels))
        twin.learn(x, twin.label_space.targets(labels))
        np.testing.assert_array_equal(buffer, x)
    assert learner.digest() == twin.digest()


def check_state_round_trip(make: Make) -> None:
    """Send a state through arrays and JSON: the restored learner carries on bit by bit."""
    learner, restored = make(), make()
    teach(learner, stream(60))
    restored.load_state(through_json(learner.state()))
    assert restored.digest() == learner.digest()
    once_more, and_again = (teach(each, stream(40, seed=2)) for each in (learner, restored))
    for one, other in zip(once_more, and_again, strict=True):
        assert_same(one, other)
    assert restored.digest() == learner.digest()
    assert restored.statistics() == learner.statistics()


def through_json(state: Any) -> Any:
    """Write a state's JSON values as JSON and its arrays as bytes, and read them back."""
    if isinstance(state, dict):
        assert all(isinstance(key, str) for key in state)
        return {key: through_json(value) for key, value in state.items()}
    if isinstance(state, np.ndarray):
        assert state.dtype != object
        return np.frombuffer(state.tobytes(), dtype=state.dtype).reshape(
            state.shape
        )  # read-only, as from disk
    return json.loads(json.dumps(state, allow_nan=False))


def check_learning_reuses_the_prediction(make: Make) -> None:
    """Learn with the prediction at hand, without it, and with an outdated one: the state is the same."""
    plain, given, outdated = make(), make(), make()
    messages, early = stream(60), None
    for (x, labels), (following, _) in pairwise(messages):
        prediction, ahead = given.predict(x), outdated.predict(following)
        for learner, of in ((plain, None), (given, prediction), (outdated, early)):
            learner.learn_predicted(x, learner.label_space.targets(labels), of)
        early = ahead
    assert plain.digest() == given.digest() == outdated.digest()


def check_score_says_what_predict_says(make: Make) -> None:
    """Ask for the scores in either way: they are the same, and 0 for what `predict` left unscored."""
    learner = make()
    for x, labels in stream(60):
        prediction, scores = learner.predict(x), learner.score(x)
        scored = np.arange(len(scores)) if prediction.scored is None else prediction.scored
        np.testing.assert_array_equal(prediction.scores, scores[scored])
        assert not np.delete(scores, scored).any()
        learner.learn(x, learner.label_space.targets(labels))


def check_seed_repeats(make: Make) -> None:
    """Two runs over the same input end with the same digest; another input ends with another."""
    digests = []
    for seed in (0, 0, 1):
        learner = make()
        teach(learner, stream(80, seed))
        digests.append(learner.digest())
    assert digests[0] == digests[1] != digests[2]


def check_bounded_memory(make: Make) -> None:
    """Once labels and features are all known, the state stops growing with the messages."""
    learner = make()
    teach(learner, stream(1500))
    settled = size_of(learner.state())
    teach(learner, stream(1000, seed=3))
    assert size_of(learner.state()) <= 1.3 * settled


def size_of(state: Any) -> int:
    """Return how many bytes a state takes to write down."""
    if isinstance(state, dict):
        return sum(size_of(value) for value in state.values())
    return state.nbytes if isinstance(state, np.ndarray) else len(json.dumps(state))


def check_limited_labels(make: Make) -> None:
    """Hold at most `max_labels` labels; as many change nothing, and one that returns is learned again."""
    if not hasattr(make(), "max_labels"):
        return
    free, roomy, tight = make(), make().clone({"max_labels": 3}), make().clone({"max_labels": 4})
    for one, other in zip(teach(free, stream(60)), teach(roomy, stream(60)), strict=True):
        assert_same(one, other)
    space = tight.label_space
    for position, (x, labels) in enumerate(stream(150)):
        assert_valid(tight.predict(x), len(space))
        tight.learn(x, space.targets([*labels, f"once {position}"]))
        assert len(space) <= 4
    assert {"even", "both", "rare", "once 149"} == set(space.names())
    assert tight.statistics().left_labels >= tight.statistics().resting_labels == 149
    restored = make().clone({"max_labels": 4})
    restored.load_state(through_json(tight.state()))
    even, x = space.id("even"), np.array([2.0, -1.0, 0.0, 0.0], dtype=np.float32)
    count = space.count(even)
    # Whoever gets its id inherits nothing.
    assert tight.score(x)[even] > 0.5
    restored.forget(np.array([even]))
    assert restored.score(x)[even] <= 0.5
    restored.load_state(through_json(tight.state()))
    for learner in (tight, restored):
        for position, (of_others, _) in enumerate(stream(80, seed=1)):
            learner.learn(of_others, learner.label_space.targets([f"other {position % 4}"]))
        assert "even" not in learner.label_space
        for position in range(80):
            targets = learner.label_space.targets(["even"] * (position % 2))
            learner.learn(x if position % 2 else -x, targets)
        assert learner.label_space.count(learner.label_space.id("even")) == count + 40
        assert "even" in learner.label_space.names(learner.predict(x).labels)
    assert restored.digest() == tight.digest()
    with pytest.raises(ValueError, match=r"names 5 labels.*the 4 that max_labels allows"):
        space.targets(["a", "b", "c", "d", "e"])


def check_river_dictionaries(make: Make) -> None:
    """Compare river's dictionary methods with the array methods: they say the same."""
    by_name, by_array = make(), make()
    names = [f"f{slot}" for slot in range(FEATURES)]
    for x, labels in stream(40):
        features = dict(zip(names, x.tolist(), strict=True))
        answers, chances = by_name.predict_one(features), by_name.predict_proba_one(features)
        scores, known = by_array.score(x).tolist(), by_array.label_space.names()
        assert [chances[label][True] for label in known] == scores
        assert all(sum(chance.values()) == 1.0 for chance in chances.values())
        predicted = by_array.label_space.names(by_array.predict(x).labels)
        assert [label for label in known if answers[label]] == predicted
        assert list(answers) == list(chances) == known
        by_name.learn_one(features, dict.fromkeys(labels, True))
        by_array.learn(x, by_array.label_space.targets(labels))
    by_name.learn_one({"f0": 1.0}, {"named": False})
    assert by_name.predict_one({"f0": 1.0}).keys() == {*by_array.label_space.names(), "named"}


def check_parameters_stored(make: Make) -> None:
    """Clone a learner that has learned: its parameters are as given, the clone is fresh."""
    learner = make()
    fresh = learner.digest()
    parameters = inspect.signature(type(learner)).parameters
    assert all(hasattr(learner, name) for name in parameters)
    described = repr(learner)
    teach(learner, stream(30))
    assert repr(learner) == described
    clone = learner.clone()
    assert type(clone) is type(learner)
    assert clone.digest() == fresh


CHECKS = [
    check_predict_before_learn,
    check_emerging_labels,
    check_emerging_features,
    check_missing_values,
    check_partial_labels,
    check_predict_does_not_change_state,
    check_learn_leaves_its_input,
    check_state_round_trip,
    check_learning_reuses_the_prediction,
    check_score_says_what_predict_says,
    check_seed_repeats,
    check_bounded_memory,
    check_limited_labels,
    check_river_dictionaries,
    check_parameters_stored,
]
"""Every check, in the order in which they are best read."""

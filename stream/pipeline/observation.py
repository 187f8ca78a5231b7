"""What the drift monitors see of a message that was predicted and then learned."""

from __future__ import annotations

import numpy as np

from drift.alarms import Observation
from learners.core import Learner, Prediction, Targets
from stream.pipeline.feedback import Lesson


def observation(learner: Learner, prediction: Prediction, lesson: Lesson, targets: Targets) -> Observation:
    """Return what a message shows by itself; what happened since the last one is for the task to add.

    Of a label that the lesson leaves unknown, it does not count whether it was predicted.
    """
    predicted, actual = prediction.labels, targets.positive
    if targets.negative is not None:
        known = np.union1d(actual, targets.negative)
        predicted = np.intersect1d(predicted, known, assume_unique=True)
    best, score = prediction.best(1)
    return Observation(
        predicted=predicted,
        actual=actual,
        complete=targets.complete,
        name=learner.label_space.name,
        best=(int(best[0]), float(score[0])) if len(best) else None,
        x=lesson.x,
        text=lesson.text,
        clusters=learner.clusters_of(np.union1d(predicted, actual)),
        wrong=learner.clusters_of(np.setxor1d(predicted, actual, assume_unique=True)),
        delay=lesson.delay,
        above=learner.label_space.above,
    )

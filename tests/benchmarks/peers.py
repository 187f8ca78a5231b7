"""Detectors of other libraries (the extra `peers`) with one signature; none where they are not installed.

Each takes the errors and the vectors of a stream and returns the messages at which it raised an alarm.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Detect = Callable[[list[float], list[NDArray[np.float64]]], list[int]]

TREE_WINDOW = 250
"""Messages in the windows that Menelaus's tree compares: a quarter of a drift's width here."""


def frouros(name: str) -> Detect:
    """Return a detector of Frouros on the error."""
    module: Any = importlib.import_module("frouros.detectors.concept_drift")

    def detect(errors: list[float], vectors: list[NDArray[np.float64]]) -> list[int]:
        del vectors
        detector, found = getattr(module, name)(config=getattr(module, f"{name}Config")()), []
        for n, error in enumerate(errors):
            detector.update(error)
            if detector.status["drift"]:
                found.append(n)
                detector.reset()
        return found

    return detect


def menelaus_error(errors: list[float], vectors: list[NDArray[np.float64]]) -> list[int]:
    """Return where Menelaus's ADWIN detects a change of the error."""
    del vectors
    detector: Any = importlib.import_module("menelaus.change_detection").ADWIN()
    found = []
    for n, error in enumerate(errors):
        detector.update(error)
        if detector.drift_state == "drift":
            found.append(n)
    return found


def menelaus_vectors(errors: list[float], vectors: list[NDArray[np.float64]]) -> list[int]:
    """Return where Menelaus's kdq-tree detects a change of the vectors."""
    del errors
    module: Any = importlib.import_module("menelaus.data_drift")
    np.random.seed(0)  # Its bootstrap draws from the global generator.
    detector, found = module.KdqTreeStreaming(window_size=TREE_WINDOW, alpha=0.01, bootstrap_samples=50), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n, vector in enumerate(vectors):
            detector.update(vector[None])
            if detector.drift_state == "drift":
                found.append(n)
    return found


PEERS: dict[str, Detect] = {}
if importlib.util.find_spec("frouros"):
    PEERS |= {f"Frouros {name} on error": frouros(name) for name in ("ADWIN", "DDM", "HDDMW")}
if importlib.util.find_spec("menelaus"):
    PEERS |= {"Menelaus ADWIN on error": menelaus_error, "Menelaus kdq-tree on vectors": menelaus_vectors}

"""Foundations shared by detectors, monitors and learners: arrays, compiled code, state, registries."""

from drift.core.arrays import Counts, Floats, Ids, Mask, Vector, grown
from drift.core.compiled import compilations, compiled
from drift.core.parameters import check_choice, check_flag, check_number
from drift.core.parametrised import MADE, Parametrised
from drift.core.registry import Registry, suggestion
from drift.core.state import Arrays, Inlined, Lists, Parts, State, Stateful, Values, digest, fields
from drift.core.state_file import PICKLE, StateFormat, arrays_in, holds_pickle

__all__ = [
    "MADE",
    "PICKLE",
    "Arrays",
    "Counts",
    "Floats",
    "Ids",
    "Inlined",
    "Lists",
    "Mask",
    "Parametrised",
    "Parts",
    "Registry",
    "State",
    "StateFormat",
    "Stateful",
    "Values",
    "Vector",
    "arrays_in",
    "check_choice",
    "check_flag",
    "check_number",
    "compilations",
    "compiled",
    "digest",
    "fields",
    "grown",
    "holds_pickle",
    "suggestion",
]

"""Learners on finite streams: prequential evaluation, and the benchmark with its ranking and report."""

from stream.evaluation.benchmark import METRICS, Comparison, Key, RunsFile, benchmark, seed_of
from stream.evaluation.components import encoder_of, learner_of
from stream.evaluation.prequential import Evaluation, Report, evaluate
from stream.evaluation.report import html
from stream.evaluation.upgrade import Upgrade, try_upgrade

__all__ = [
    "METRICS",
    "Comparison",
    "Evaluation",
    "Key",
    "Report",
    "RunsFile",
    "Upgrade",
    "benchmark",
    "encoder_of",
    "evaluate",
    "html",
    "learner_of",
    "seed_of",
    "try_upgrade",
]

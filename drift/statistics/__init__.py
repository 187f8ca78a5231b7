"""Statistics of many series at once: adaptive windows, rates, means, blocks, and the false-alarm budget."""

from drift.statistics.bank import Shift
from drift.statistics.blocks import BlockMeans, BlockShift
from drift.statistics.budget import BUDGET_MESSAGES, allowed_p
from drift.statistics.companions import (
    ADMISSION_MESSAGES,
    CHECK_PERIOD,
    DISMISSAL_MESSAGES,
    GENERATION_MESSAGES,
    PAIRED_LABELS,
    Companion,
    LabelWindow,
    without,
)
from drift.statistics.means import MeanBank
from drift.statistics.rates import RateBank
from drift.statistics.slots import Slots

__all__ = [
    "ADMISSION_MESSAGES",
    "BUDGET_MESSAGES",
    "CHECK_PERIOD",
    "DISMISSAL_MESSAGES",
    "GENERATION_MESSAGES",
    "PAIRED_LABELS",
    "BlockMeans",
    "BlockShift",
    "Companion",
    "LabelWindow",
    "MeanBank",
    "RateBank",
    "Shift",
    "Slots",
    "allowed_p",
    "without",
]

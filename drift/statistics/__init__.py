"""Statistics of many series at once: adaptive windows, rates, means, blocks, and their error budget."""

from drift.statistics.bank import ONE_IN, Shift, allowed_p
from drift.statistics.blocks import BlockMeans, Found
from drift.statistics.companions import AUDITION, DROPPED, EVERY, GENERATION, Companion, Company
from drift.statistics.means import MeanBank
from drift.statistics.rates import RateBank
from drift.statistics.slots import Slots

__all__ = [
    "AUDITION",
    "DROPPED",
    "EVERY",
    "GENERATION",
    "ONE_IN",
    "BlockMeans",
    "Companion",
    "Company",
    "Found",
    "MeanBank",
    "RateBank",
    "Shift",
    "Slots",
    "allowed_p",
]

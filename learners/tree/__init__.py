"""The multi-label Hoeffding adaptive tree."""

from learners.tree.hoeffding_adaptive_tree import HoeffdingAdaptiveTree

__all__ = [
    "HoeffdingAdaptiveTree",
]

"""A growing taxonomy of labels: hierarchical label expansion, its rehearsal memory, coherent decisions."""

from learners.hierarchy.expansion import LabelExpansion
from learners.hierarchy.paths import NONE, SEPARATOR
from learners.hierarchy.taxonomy import Taxonomy

__all__ = [
    "NONE",
    "SEPARATOR",
    "LabelExpansion",
    "Taxonomy",
]

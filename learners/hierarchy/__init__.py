"""Labels in a taxonomy that grows: hierarchical label expansion, its memory and its coherent decisions."""

from learners.hierarchy.expansion import LabelExpansion
from learners.hierarchy.paths import NONE, SEPARATOR
from learners.hierarchy.taxonomy import Taxonomy

__all__ = [
    "NONE",
    "SEPARATOR",
    "LabelExpansion",
    "Taxonomy",
]

# What the tests compare with; scikit-learn ships no types.
from numpy.typing import ArrayLike

def adjusted_rand_score(labels_true: ArrayLike, labels_pred: ArrayLike) -> float: ...

"""Published methods that serve as baselines, built from river's models, which are slow to import."""

from learners.published.methods import (
    br_abalr,
    br_abolr,
    br_amf,
    br_amr,
    br_arf,
    br_efdt,
    br_hat,
    br_ht,
    br_knn,
    br_lr,
    br_nb,
    br_sgt,
    cc,
    isoup_tree,
    mlht,
    mlht_ps,
)

__all__ = [
    "br_abalr",
    "br_abolr",
    "br_amf",
    "br_amr",
    "br_arf",
    "br_efdt",
    "br_hat",
    "br_ht",
    "br_knn",
    "br_lr",
    "br_nb",
    "br_sgt",
    "cc",
    "isoup_tree",
    "mlht",
    "mlht_ps",
]

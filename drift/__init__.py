"""Drift detection over scores, labels and vectors; imports neither `stream` nor `learners`."""

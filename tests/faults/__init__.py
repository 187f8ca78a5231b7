"""Faults: what is promised holds whatever breaks."""

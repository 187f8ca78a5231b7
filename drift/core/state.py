"""State that can be kept: nested dictionaries of arrays and plain JSON values, never pickled objects."""

from __future__ import annotations

from typing import Any

State = dict[str, Any]
"""Nested dictionaries of arrays and plain JSON values; never pickled objects."""

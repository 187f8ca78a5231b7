"""Finite streams of events from files, for evaluation and demonstrations.

`open_source` reads the stream at a path: JSON lines, Mulan or MEKA ARFF, or a folder of arrays.
"""

from stream.sources.base import EventList, Source, SourceError, Table, fingerprint, read_lines
from stream.sources.paths import open_source

__all__ = ["EventList", "Source", "SourceError", "Table", "fingerprint", "open_source", "read_lines"]

from collections.abc import Callable
from typing import Any

class DefaultRecordBatch:
    _buffer: bytearray
    _pos: int
    _read_msg: Callable[..., Any]

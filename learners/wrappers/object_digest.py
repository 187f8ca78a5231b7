"""A digest of the content of an arbitrary Python object, for models that only pickle can save.

The bytes of a pickle depend on which equal objects are identical; this digest does not, so a model and its
restored copy have equal digests.
"""

from __future__ import annotations

import hashlib
import random
import types
from collections.abc import Iterable
from typing import Any

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def object_digest(value: object) -> str:
    """Return a SHA-256 over types and contents, equal for equal objects.

    Reads objects as pickle does (`__reduce_ex__`) but runs none of their code beyond that. Dictionaries
    are ordered and sets unordered; an object inside itself is represented by its depth. Python's random
    generators are left out: river's distributions hold unseeded ones that they never draw from, and what a
    learner has drawn shows in the rest.

    Examples
    --------
    >>> one = [1.0]
    >>> object_digest([one, one]) == object_digest([[1.0], [1.0]])
    True
    """
    return _digest(value, {}).hex()


def _digest(value: Any, above: dict[int, int]) -> bytes:
    if isinstance(value, _PLAIN):
        return _hash(type(value).__name__, [repr(value).encode()])
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return _hash("name", [f"{value.__module__}.{value.__qualname__}".encode()])
    if id(value) in above:
        return _hash("above", [str(above[id(value)]).encode()])
    above[id(value)] = len(above)
    parts = _parts(value, above)
    del above[id(value)]
    return _hash(type(value).__qualname__, parts)


def _parts(value: Any, above: dict[int, int]) -> Iterable[bytes]:
    if isinstance(value, random.Random):
        return []
    if type(value) in (list, tuple):
        return [_digest(item, above) for item in value]
    if type(value) in (set, frozenset):
        return sorted(_digest(item, above) for item in value)
    if type(value) is dict:
        return [_digest(part, above) for item in value.items() for part in item]
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return [reduced.encode()]
    # Constructor, arguments, state, then list items and dictionary items, which come as iterators.
    made, contents = reduced[:3], reduced[3:5]
    return [_digest(part, above) for part in (*made, *(list(items or ()) for items in contents))]


def _hash(kind: str, parts: Iterable[bytes]) -> bytes:
    running = hashlib.sha256(kind.encode())
    for part in parts:
        running.update(len(part).to_bytes(8, "little") + part)
    return running.digest()

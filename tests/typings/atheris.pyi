"""What we use of the fuzzer, which carries no types of its own."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

Setup: Callable[[Sequence[str], Callable[[bytes], None]], list[str]]
Fuzz: Callable[[], None]

def instrument_imports(include: Sequence[str] = ...) -> AbstractContextManager[None]: ...

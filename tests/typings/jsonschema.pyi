"""What we use of jsonschema, whose types are a package of their own."""

from collections.abc import Mapping
from typing import Any

class ValidationError(Exception): ...

class Draft202012Validator:
    def __init__(self, schema: Mapping[str, Any]) -> None: ...
    def validate(self, instance: Any) -> None: ...

import enum
from collections.abc import Mapping

class ConfigResourceType(enum.IntEnum):
    TOPIC = 2

class ConfigResource:
    def __init__(
        self, resource_type: ConfigResourceType, name: str, configs: Mapping[str, str] | None = None
    ) -> None: ...

class UserScramCredentialUpsertion:
    def __init__(self, user: str, mechanism: str, password: str) -> None: ...

import enum
from collections.abc import Mapping

class ConfigResourceType(enum.IntEnum):
    TOPIC = 2

class MemberToRemove:
    def __init__(self, member_id: str | None = None) -> None: ...

class ConfigResource:
    def __init__(
        self, resource_type: ConfigResourceType, name: str, configs: Mapping[str, str] | None = None
    ) -> None: ...

class UserScramCredentialUpsertion:
    def __init__(self, user: str, mechanism: str, password: str) -> None: ...

class ResourceType(enum.IntEnum):
    TOPIC = 2
    GROUP = 3

class ACLOperation(enum.IntEnum):
    ALL = 2
    READ = 3
    WRITE = 4

class ACLPermissionType(enum.IntEnum):
    DENY = 2
    ALLOW = 3

class ResourcePattern:
    def __init__(self, resource_type: ResourceType, resource_name: str) -> None: ...

class ACL:
    def __init__(
        self,
        principal: str,
        host: str,
        operation: ACLOperation,
        permission_type: ACLPermissionType,
        resource_pattern: ResourcePattern,
    ) -> None: ...

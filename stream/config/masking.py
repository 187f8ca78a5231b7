"""Secrets inside of addresses, which are plain text to whoever wrote the setting."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"(?<=://)[^\s\"']*@")
_PARAMETER = re.compile(
    r"([?&;][^=&;#\s\"']*(?:pass|pwd|secret|token|key|sig|auth|credential)[^=&;#\s\"']*=)[^&;#\s\"']*", re.I
)


def masked(text: str) -> str:
    """Return a text without what addresses in it tell of users, and without parameters that sound secret.

    Examples
    --------
    >>> masked("sftp://ithaca:hunter2@storage/snapshots")
    'sftp://***@storage/snapshots'
    >>> masked("https://storage/snapshots?region=x&X-Amz-Signature=abc")
    'https://storage/snapshots?region=x&X-Amz-Signature=***'
    """
    return _PARAMETER.sub(r"\1***", _USERINFO.sub("***@", text))

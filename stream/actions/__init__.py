"""What people do to a stream from its dashboard: acknowledge, mute, send again, accept.

All of it is written to the stream's own topics, so that every dashboard sees it, and a restart forgets
nothing.
"""

from stream.actions.actions import ActionError, Actions, Letter

__all__ = [
    "ActionError",
    "Actions",
    "Letter",
]

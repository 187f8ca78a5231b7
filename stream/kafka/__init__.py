"""Kafka: the only place that knows the client library.

`Group` reads a share of a stream, `Outbox` writes one partition's outcomes in transactions, `History`
reads a topic outside any group.
"""

from stream.kafka.clients import BrokerError
from stream.kafka.files import lines, produce_file
from stream.kafka.group import Group, Polled
from stream.kafka.history import History, Mark
from stream.kafka.outbox import FencedError, Outbox, UnwrittenError
from stream.kafka.topics import KINDS, ensure_topics, topic

__all__ = [
    "KINDS",
    "BrokerError",
    "FencedError",
    "Group",
    "History",
    "Mark",
    "Outbox",
    "Polled",
    "UnwrittenError",
    "ensure_topics",
    "lines",
    "produce_file",
    "topic",
]

"""Kafka clients: consuming, transactional writing, and reading topics outside any group.

`Group` consumes a stream's assigned partitions, `Offsets` returns their offsets, `Outbox` writes one
partition's outcomes in transactions, `History` and `Tail` read topics outside any group, and `GroupWatch`
looks at a group from outside.
"""

from stream.kafka.background import in_background
from stream.kafka.errors import BrokerError, FencedError, InstanceError, RecoveryError, UnwrittenError
from stream.kafka.group import HEARTBEAT_S, LEAVING_S, Group, Membership, Polled
from stream.kafka.history import History, Mark
from stream.kafka.offsets import GroupState, GroupWatch, Offsets
from stream.kafka.outbox import Outbox, Transaction
from stream.kafka.tail import Tail
from stream.kafka.topics import (
    TopicWatch,
    delete_topics,
    ensure_lessons,
    ensure_topic,
    ensure_topics,
    partitions_of,
    topic_id,
    topics_there,
)
from stream.kafka.writer import Writer, produce_values, write_together

__all__ = [
    "HEARTBEAT_S",
    "LEAVING_S",
    "BrokerError",
    "FencedError",
    "Group",
    "GroupState",
    "GroupWatch",
    "History",
    "InstanceError",
    "Mark",
    "Membership",
    "Offsets",
    "Outbox",
    "Polled",
    "RecoveryError",
    "Tail",
    "TopicWatch",
    "Transaction",
    "UnwrittenError",
    "Writer",
    "delete_topics",
    "ensure_lessons",
    "ensure_topic",
    "ensure_topics",
    "in_background",
    "partitions_of",
    "produce_values",
    "topic_id",
    "topics_there",
    "write_together",
]

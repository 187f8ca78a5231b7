from collections.abc import Sequence

from kafka import OffsetAndMetadata, TopicPartition

class TopicPartitionState:
    position: OffsetAndMetadata | None

class SubscriptionState:
    assignment: dict[TopicPartition, TopicPartitionState]
    def assign_from_user(self, partitions: Sequence[TopicPartition]) -> None: ...
    def assigned_partitions(self) -> set[TopicPartition]: ...
    def is_assigned(self, partition: TopicPartition) -> bool: ...

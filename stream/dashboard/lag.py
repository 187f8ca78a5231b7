"""The number of events per partition without a prediction or a dead letter yet."""

from __future__ import annotations

from stream.dashboard.stream_state import StreamState
from stream.kafka import Tail


def lag(state: StreamState, tail: Tail, events: str) -> dict[int, int]:
    """Return the number of events behind the last one answered, by partition of the events' topic.

    Raises
    ------
    BrokerError
        When the broker does not return the topic's end offsets.
    """
    answered = {number: partition.latest for number, partition in state.partitions.items()}
    for letter in list(state.dead_letters):
        answered[letter.partition] = max(answered.get(letter.partition, -1), letter.offset)
    return {number: max(0, end - answered.get(number, -1) - 1) for number, end in tail.ends(events).items()}

"""How many events of each partition have no prediction and no dead letter yet."""

from __future__ import annotations

from stream.dashboard.stream_state import StreamState
from stream.kafka import Tail


def lag(state: StreamState, tail: Tail, events: str) -> dict[int, int]:
    """Return, by partition of the events' topic, how many events are behind the last one answered.

    Raises
    ------
    BrokerError
        When the broker does not say where the topic ends.
    """
    answered = {number: partition.latest for number, partition in state.partitions.items()}
    for letter in list(state.dead_letters):
        answered[letter.partition] = max(answered.get(letter.partition, -1), letter.offset)
    return {number: max(0, end - answered.get(number, -1) - 1) for number, end in tail.ends(events).items()}

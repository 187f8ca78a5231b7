"""What the broker refuses is told in a sentence, not as the request and the response."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaError, TopicAuthorizationFailedError, for_code

from stream.config.kafka import KafkaSettings
from stream.kafka import BrokerError, ensure_topic
from stream.kafka.errors import answer

WHOLE = "Request 'CreateTopicsRequest(topics=[name='x'])' failed with response 'CreateTopicsResponse({})'."


def test_the_brokers_own_words_are_told_whatever_quotes_they_hold() -> None:
    """And the error's own description where the response holds none."""
    told = WHOLE.format(
        "topics=[(name='x', error_message='Factor 3 of \"x\", 1 broker\\'s up.', configs=[])]"
    )
    assert answer(for_code(38)(told)) == ('Factor 3 of "x", 1 broker\'s up (InvalidReplicationFactorError)')
    silent = answer(TopicAuthorizationFailedError(WHOLE.format("error_message=None")))
    assert silent.endswith("(TopicAuthorizationFailedError)")
    assert "Request" not in silent
    assert answer(KafkaError("after 3 s.")) == "KafkaError: after 3 s"


@pytest.mark.kafka
@pytest.mark.parametrize("name", ["a b", "../x", "", "x" * 300])
def test_a_topic_that_cannot_be_made_is_refused_in_a_sentence(kafka: str, name: str) -> None:
    """With the broker's reason, and nothing of the request."""
    with pytest.raises(BrokerError, match=r"cannot be made: .*\(InvalidTopicError\)\.$") as refused:
        ensure_topic(KafkaSettings(bootstrap_servers=kafka), name, 1)
    assert "Request" not in str(refused.value)

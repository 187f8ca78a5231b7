"""Learners and encoders from text: `NAME` or `NAME(parameter=value, ...)`."""

from __future__ import annotations

from learners import Learner, make
from stream.config import EncoderSettings, LearnerSettings
from stream.encoders import Encoder, make_encoder


def learner_of(text: str) -> Learner:
    """Return the learner that a text describes.

    Raises
    ------
    ValueError
        When it cannot be parsed, or there is no such learner or parameter; the message lists the valid ones.
    """
    written = LearnerSettings.parse(text)
    return make(written.name, **written.parameters)


def encoder_of(text: str) -> Encoder:
    """Return the encoder that a text describes; raises as `learner_of` does."""
    written = EncoderSettings.parse(text)
    return make_encoder(written.name, **written.parameters)

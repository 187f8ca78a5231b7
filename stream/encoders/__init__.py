"""Encoders turn events into vectors: text by hashing or a transformer, named features and numbers as they are."""

from stream.encoders.base import Encoder

__all__ = ["Encoder"]

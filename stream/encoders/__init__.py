"""Encoders turn events into vectors: text by hashing or a transformer, features and numbers as they are."""

from stream.encoders.base import Encoder
from stream.encoders.dense import Dense
from stream.encoders.hashing import Hashing
from stream.encoders.transformer import Transformer

__all__ = ["Dense", "Encoder", "Hashing", "Transformer"]

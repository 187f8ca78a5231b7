"""Encoders turn events into vectors: text by hashing or a transformer, features and numbers as they are."""

from stream.encoders.base import Encoder
from stream.encoders.batching import Decoded, Encoded, Message, encode_all
from stream.encoders.catalogue import ENCODERS, make_encoder
from stream.encoders.dense import Dense
from stream.encoders.errors import EncoderError
from stream.encoders.hashing import Hashing
from stream.encoders.transformer import Transformer

__all__ = [
    "ENCODERS",
    "Decoded",
    "Dense",
    "Encoded",
    "Encoder",
    "EncoderError",
    "Hashing",
    "Message",
    "Transformer",
    "encode_all",
    "make_encoder",
]

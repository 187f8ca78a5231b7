"""Encoders turn events into vectors: text by hashing or a transformer, features and numbers as they are.

Importing this package does not import torch: `Hashing` and `Transformer`, which need it, are imported on
first access.
"""

from typing import TYPE_CHECKING

from stream.encoders.alignment import Alignment, AlignmentError, align
from stream.encoders.base import Encoder
from stream.encoders.batching import Decoded, Encoded, Message, encode_all
from stream.encoders.catalogue import ENCODERS, Aligned, make_encoder
from stream.encoders.dense import Dense
from stream.encoders.errors import EncoderError
from stream.encoders.hashing_kernels import compile_hashing
from stream.encoders.threads import limit_threads

if TYPE_CHECKING:
    from stream.encoders.hashing import Hashing
    from stream.encoders.transformer import Transformer
else:

    def __getattr__(name):
        if name in ("Hashing", "Transformer"):
            return ENCODERS[name.lower()]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ENCODERS",
    "Aligned",
    "Alignment",
    "AlignmentError",
    "Decoded",
    "Dense",
    "Encoded",
    "Encoder",
    "EncoderError",
    "Hashing",
    "Message",
    "Transformer",
    "align",
    "compile_hashing",
    "encode_all",
    "limit_threads",
    "make_encoder",
]

"""Encoders by the names that a configuration uses."""

from __future__ import annotations

from learners.parameters import check_choice
from stream.encoders.base import Encoder
from stream.encoders.dense import Dense
from stream.encoders.hashing import Hashing
from stream.encoders.transformer import Transformer


def make_encoder(
    kind: str = "hashing", *, dimensions: int = 1024, model: str | None = None, device: str = "auto"
) -> Encoder:
    """Return the encoder that a configuration names.

    Parameters
    ----------
    kind
        "hashing" (text, by hashing), "dense" (vectors and named features) or "transformer" (text, by a
        pretrained model). The wrong kind makes every event a dead letter that says what is missing.
    dimensions
        Length of the vectors; hashing only.
    model
        Folder or hub name of the model; transformer only, and needed there.
    device
        "auto", "cpu" or "cuda"; hashing and transformer.

    Raises
    ------
    ValueError
        For an unknown kind, a transformer without a model, or what the encoder itself refuses.

    Examples
    --------
    >>> make_encoder("hashing", dimensions=512, device="cpu").name
    'hashing-512'
    """
    check_choice("the encoder", "kind", kind, ("hashing", "dense", "transformer"))
    if kind == "dense":
        return Dense()
    if kind == "hashing":
        return Hashing(dimensions, device)
    if model is None:
        raise ValueError(
            "The encoder 'transformer' needs a 'model': a folder or the hub name of one. Got None."
        )
    return Transformer(model, device)

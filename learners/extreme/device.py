"""The choice of the device that tensors are stored and computed on."""

from __future__ import annotations

import torch

from drift.core import check_choice


def choose_device(name: str, owner: object = "the encoder") -> torch.device:
    """Return the device that "auto", "cpu" or "cuda" names; "auto" is CUDA where there is a device.

    Parameters
    ----------
    name
        One of the three.
    owner
        The owner of the parameter, for the error message.

    Raises
    ------
    ValueError
        For another name, or "cuda" where PyTorch sees no CUDA device.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    check_choice(owner, "device", name, ("auto", "cpu", "cuda"))
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise ValueError(
            f"The device is 'cuda', but PyTorch {torch.__version__} sees no CUDA device. "
            "Use 'auto' or 'cpu', or install a driver and a PyTorch built for it."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and present) else "cpu")

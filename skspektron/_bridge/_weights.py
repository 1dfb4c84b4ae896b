"""Checks of weights from a file before a network is built."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .._nn.architecture import Architecture
from .._nn.network import SpektronNetwork


def check_weights(architecture: Architecture, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless tensors are finite and those of an architecture.

    Time and memory depend on the tensors only, whatever sizes the architecture claims.
    """
    expected = _expected(architecture, len(tensors))
    missing, extra = sorted(expected.keys() - tensors), sorted(tensors.keys() - expected)
    if missing or extra:
        raise ValueError(
            f"{len(missing)} tensors are missing and {len(extra)} unknown, such as "
            f"{(missing + extra)[0]}"
        )
    for name, tensor in tensors.items():
        there, here = (f"{tuple(t.shape)} {t.dtype}" for t in (expected[name], tensor))
        if here != there:
            raise ValueError(f"{name} must be {there}, got {here}")
        n_bad = int(tensor.isfinite().logical_not().sum())
        if n_bad:
            raise ValueError(f"{name} has {n_bad} of {tensor.numel()} values that are not finite")


def _expected(architecture: Architecture, n_tensors: int) -> Mapping[str, Tensor]:
    """Return the tensors of an architecture, without memory for their values."""
    n_parts = architecture.depth + architecture.n_experts
    if architecture.decoder == "grid":
        n_parts += architecture.n_decoder_layers
    if n_parts > n_tensors:  # each block and each expert has several tensors
        raise ValueError(f"{n_parts} blocks and experts need more than {n_tensors} tensors")
    try:
        with torch.device("meta"):
            return SpektronNetwork(architecture).state_dict()
    except (TypeError, RuntimeError, OverflowError) as error:
        message = " ".join(str(error).split())[:200]
        raise ValueError(f"no network has its sizes ({message})") from error

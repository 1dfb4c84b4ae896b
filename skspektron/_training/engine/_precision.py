"""Precision of the forward pass; the parameters are always float32."""

from contextlib import AbstractContextManager, nullcontext

import torch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def check_precision(precision: str, device: str) -> None:
    """Raise ValueError for bfloat16 on a device that would emulate it."""
    if PRECISIONS[precision] is torch.bfloat16 and not has_bfloat16_units(device):
        raise ValueError(
            f"precision must be 'float32' on the device {device!r}, which has no bfloat16 units, "
            "got 'bfloat16'. Pass precision='float32', which is faster than emulation."
        )


def has_bfloat16_units(device: str) -> bool:
    """Return whether a device has units for bfloat16."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.get_device_capability(torch.device(device)) >= (8, 0)
    if kind == "cpu":  # not reported by torch before 2.5
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name)() for name in names if hasattr(torch.cpu, name))
    return True


def computing_in(precision: str, device: str) -> AbstractContextManager:
    """Return the context of a forward pass with a precision."""
    if PRECISIONS[precision] is torch.float32:
        return nullcontext()
    return torch.autocast(torch.device(device).type, PRECISIONS[precision])

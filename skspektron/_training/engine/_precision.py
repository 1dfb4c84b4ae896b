"""In which numbers the network computes; its parameters are float32 always."""

from contextlib import AbstractContextManager, nullcontext

import torch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def check_precision(precision: str, device: str) -> None:
    """Refuse bfloat16 where it would be emulated."""
    if PRECISIONS[precision] is torch.bfloat16 and not has_bfloat16_units(device):
        raise ValueError(
            f"precision='bfloat16' needs units that the device {device!r} lacks; emulated it is "
            "about 14 times slower than float32. Pass precision='float32'."
        )


def has_bfloat16_units(device: str) -> bool:
    """Whether a device multiplies bfloat16 numbers itself."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.get_device_capability(torch.device(device)) >= (8, 0)
    if kind == "cpu":  # torch before 2.5 does not tell
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name)() for name in names if hasattr(torch.cpu, name))
    return True


def computing_in(precision: str, device: str) -> AbstractContextManager:
    """Return the context of a forward pass."""
    if PRECISIONS[precision] is torch.float32:
        return nullcontext()
    return torch.autocast(torch.device(device).type, PRECISIONS[precision])

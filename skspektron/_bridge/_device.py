"""Devices and random number generators of torch."""

from contextlib import contextmanager
from threading import RLock

import torch


def resolve_device(device: str | None) -> str:
    """Return the name of a device; None is a GPU if there is one."""
    if device is not None:
        return str(torch.device(device))
    return "cuda" if torch.cuda.is_available() else "cpu"


def is_device(name) -> bool:
    """Return whether `name` is a device of this machine."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (
        RuntimeError,
        AssertionError,
        NotImplementedError,
    ):  # AssertionError: torch without CUDA
        return False
    return device.type != "meta"


_GENERATORS = RLock()


@contextmanager
def seeded(seed: int):
    """Seed torch's global generators inside the context, and restore them at its end.

    Threads share the global generators, so one thread at a time may enter.
    """
    with _GENERATORS, torch.random.fork_rng():
        torch.manual_seed(seed)
        yield

"""Devices and random number generators of torch."""

from contextlib import contextmanager
from threading import RLock

import torch


def resolve_device(device: str | None) -> str:
    """Return the name of a device; None is a GPU if there is one."""
    if device is not None:
        return str(torch.device(device))
    return "cuda" if torch.cuda.is_available() else "cpu"


_GENERATORS = RLock()


@contextmanager
def seeded(seed: int):
    """Seed torch's global generators inside the context, and restore them at its end.

    Threads share the global generators, so one thread at a time may enter.
    """
    with _GENERATORS, torch.random.fork_rng():
        torch.manual_seed(seed)
        yield

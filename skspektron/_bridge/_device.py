"""Where to compute, and with which random numbers."""

from contextlib import contextmanager
from threading import RLock

import torch


def resolve_device(device: str | None) -> str:
    """Return the device that is asked for; None is a GPU where there is one."""
    if device is not None:
        return str(torch.device(device))
    return "cuda" if torch.cuda.is_available() else "cpu"


_GENERATORS = RLock()


@contextmanager
def seeded(seed: int):
    """Draw from generators seeded with `seed` inside; outside, the global ones are untouched.

    Threads share the global generators: one at a time.
    """
    with _GENERATORS, torch.random.fork_rng():
        torch.manual_seed(seed)
        yield

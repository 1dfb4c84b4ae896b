"""One thread for networks that are too small to gain from several."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .._threads import LARGE, one_thread

N_TOKENS = 50  # order of magnitude of the tokens of a spectrum, which all parameters multiply


def work_of(network: nn.Module, n_spectra: int) -> float:
    """Return the multiplications of a pass of a network over a batch."""
    return float(N_TOKENS * n_spectra * sum(tensor.numel() for tensor in network.parameters()))


@contextmanager
def one_torch_thread(work: float = 0.0) -> Iterator[None]:
    """Use one thread of torch and BLAS inside the context, unless `work` multiplications are many.

    torch takes its number of threads from OpenMP, where the limit holds for the calling thread.
    """
    with one_thread(work, openmp=True):
        n_threads = 1 if work >= LARGE else _mkl_threads()
        if n_threads == 1:
            yield
            return
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)


def _mkl_threads() -> int:
    """Return the threads of MKL, several if the user called `torch.set_num_threads` before."""
    found = re.search(r"mkl_get_max_threads\(\) : (\d+)", torch.__config__.parallel_info())
    return int(found[1]) if found else torch.get_num_threads()

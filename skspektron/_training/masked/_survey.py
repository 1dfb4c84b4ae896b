"""One pass over all spectra before training: mean spectra, and which can be masked."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..._bridge import Rows
from ..._nn.masking import count_hidden
from ..._nn.network import SpektronNetwork

CHUNK_SIZE = 1024  # spectra in memory at once


def chunks(spectra: Rows, rows: Tensor) -> Iterator[dict[str, Tensor]]:
    """Yield batches of rows in order."""
    return map(spectra.batch, rows.split(CHUNK_SIZE))


class MeanSpectra:
    """Mean spectrum of every grid.

    Parameters
    ----------
    shape : tuple of int
        (n_grids, n_channels).
    """

    def __init__(self, shape: tuple[int, ...]):
        self.total = torch.zeros(shape, dtype=torch.float64)
        self.count = torch.zeros(shape, dtype=torch.float64)

    def add(self, batch: Mapping[str, Tensor], weight: Tensor | float = 1) -> "MeanSpectra":
        """Add the spectra of a batch with their `weight` (B, 1)."""
        n_channels = batch["values"].shape[1]
        for sums, each in ((self.total, batch["values"]), (self.count, batch["valid"])):
            sums[:, :n_channels].index_add_(0, batch["grid"], weight * each.double())
        return self

    def remove(self, spectra: Rows, rows: Tensor) -> None:
        """Subtract rows that were added."""
        for batch in chunks(spectra, rows):
            self.add(batch, -1)

    def mean(self) -> Tensor:
        """Return the means (n_grids, n_channels), 0 at channels that were never measured."""
        return (self.total / self.count.clamp(min=1)).float()


def is_maskable(valid: Tensor, network: SpektronNetwork, mask_ratio: float) -> Tensor:
    """Return whether spectra (B, n) have both hidden and visible patches, (B, 1)."""
    usable = network.patch_valid(valid)
    n_hidden = count_hidden(usable, mask_ratio)
    return (n_hidden > 0) & (n_hidden < usable.sum(1, keepdim=True))


def scan_spectra(
    spectra: Rows, network: SpektronNetwork, mask_ratio: float, verbose: int = 0
) -> tuple[Tensor, MeanSpectra]:
    """Return which spectra can be masked, (n_samples,) bool, and their mean spectra."""
    maskable, mean = [], MeanSpectra(spectra.wavenumber.shape)
    batches = chunks(spectra, torch.arange(spectra.n_samples))
    n_chunks = -(-spectra.n_samples // CHUNK_SIZE)
    # Shown if it takes more than a second, as for spectra that are read from files.
    for batch in tqdm(batches, "reading spectra", n_chunks, delay=1, disable=not verbose):
        maskable.append(is_maskable(batch["valid"], network, mask_ratio))
        mean.add(batch, maskable[-1])
    return torch.cat(maskable).flatten(), mean

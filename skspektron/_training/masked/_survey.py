"""What has to be known of all spectra before training, in one pass that reads them in pieces."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..._bridge import Rows
from ..._nn.masking import count_hidden
from ..._nn.network import SpektronNetwork

PIECE = 1024  # spectra in memory at once


def pieces(spectra: Rows, rows: Tensor) -> Iterator[dict[str, Tensor]]:
    """Yield batches of some rows, in order."""
    return map(spectra.batch, rows.split(PIECE))


class MeanSpectra:
    """The mean spectrum of every grid.

    Parameters
    ----------
    shape : tuple of int
        (n_grids, n_channels).
    """

    def __init__(self, shape: tuple[int, ...]):
        self.total = torch.zeros(shape, dtype=torch.float64)
        self.count = torch.zeros(shape, dtype=torch.float64)

    def add(self, batch: Mapping[str, Tensor], share: Tensor | float = 1) -> "MeanSpectra":
        """Add the spectra of a batch, each with a `share` (B, 1); 0 leaves one out."""
        n_channels = batch["values"].shape[1]
        for sums, each in ((self.total, batch["values"]), (self.count, batch["valid"])):
            sums[:, :n_channels].index_add_(0, batch["grid"], share * each.double())
        return self

    def take_away(self, spectra: Rows, rows: Tensor) -> None:
        """Undo the addition of some rows."""
        for batch in pieces(spectra, rows):
            self.add(batch, -1)

    def mean(self) -> Tensor:
        """Return the means (n_grids, n_channels), 0 at channels without a good value."""
        return (self.total / self.count.clamp(min=1)).float()


def teaches(valid: Tensor, network: SpektronNetwork, mask_ratio: float) -> Tensor:
    """Return which spectra (B, n) have both hidden and visible patches, (B, 1)."""
    usable = network.patch_valid(valid)
    n_hidden = count_hidden(usable, mask_ratio)
    return (n_hidden > 0) & (n_hidden < usable.sum(1, keepdim=True))


def survey(
    spectra: Rows, network: SpektronNetwork, mask_ratio: float
) -> tuple[Tensor, MeanSpectra]:
    """Return which spectra teach something, (n_samples,), and the mean spectra of those."""
    teaching, mean = [], MeanSpectra(spectra.wavenumber.shape)
    for batch in pieces(spectra, torch.arange(spectra.n_samples)):
        teaching.append(teaches(batch["valid"], network, mask_ratio))
        mean.add(batch, teaching[-1])
    return torch.cat(teaching).flatten(), mean

"""Reconstruction of spectra from corrupted copies."""

from typing import ClassVar

from torch import Tensor, nn

from ..corruption import corrupt
from .masked import squared_error


class Denoising(nn.Module):
    """Squared error between measured spectra and their reconstruction from corrupted copies.

    Spectra get random instrument effects (`corrupt`), and no patches are hidden. A denoising
    autoencoder [1]_ learns to remove changes that are not due to chemistry.

    Parameters
    ----------
    network, n_instruments
        Not used.
    probability : float, default=0.5
        Probability of each effect of `corrupt`; 0 leaves spectra unchanged.

    References
    ----------
    .. [1] Vincent, Larochelle, Bengio & Manzagol, ICML (2008) 1096-1103.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, network, n_instruments: int, *, probability: float = 0.5):
        super().__init__()
        self.probability = probability

    def forward(self, views) -> Tensor:
        """Return the mean over all good channels of a batch."""
        batch = views.batch
        values = corrupt(batch["values"], batch["valid"], self.probability)
        cleaned = views.reconstruct(batch | {"values": values})  # (B, n)
        return squared_error(cleaned, batch["values"], batch["valid"], batch.get("weight"))

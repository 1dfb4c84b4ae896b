"""Clean spectra from corrupted ones."""

from typing import ClassVar

from torch import Tensor, nn

from ..corruption import corrupt
from .masked import squared_error


class Denoising(nn.Module):
    """Squared error between the measured spectra and what is made of corrupted copies of them.

    The whole spectrum is corrupted as instruments would and nothing is hidden. A denoising
    autoencoder [1]_ learns which changes of a spectrum are no chemistry.

    Parameters
    ----------
    network, n_instruments
        Not used.
    probability : float, default=0.5
        Of each kind of corruption, see `corrupt`; 0 leaves the spectra as they are.

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

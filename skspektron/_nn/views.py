"""Network outputs for one batch, computed on first use."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor

from .heads.latents import Latent
from .network import Encoded, SpektronNetwork

SPECTRUM_ARGUMENTS = ("values", "valid", "wavenumber", "grid", "domain", "derivative_scale")


class Views:
    """Network outputs for one batch that several objectives share.

    Each is computed when it is first read, and kept.

    Parameters
    ----------
    network : SpektronNetwork
        Network in training.
    batch : mapping of str to Tensor
        Spectra with a `mask` and the `progress` of training and, if the data have them,
        `instrument`, `sample`, `weight`, `partner`, `paired` and `episodes`.
    """

    def __init__(self, network: SpektronNetwork, batch: Mapping[str, Any]):
        self.network, self.batch = network, batch

    @cached_property
    def encoded(self) -> Encoded:
        """Encoder output for the masked spectra."""
        return self.network(**spectra_of(self.batch), mask=self.batch["mask"])

    @cached_property
    def reconstruction(self) -> Tensor:
        """Spectra (B, n) reconstructed from their visible channels."""
        return self.network.decode(self.encoded, self.batch["wavenumber"])

    @cached_property
    def hidden(self) -> Tensor:
        """Mask of the good channels (B, n) in hidden patches."""
        return self.network.hidden_channels(self.batch["mask"], self.batch["valid"])

    @property
    def gates(self) -> list[tuple[Tensor, Tensor]]:
        """Gates (B, L, E) and usable tokens (B, L, 1) of the expert layers."""
        return self.encoded.gates

    @cached_property
    def latent(self) -> Latent:
        """Latents of the spectra without hidden patches."""
        return self.encode(self.batch)

    @cached_property
    def partner_latent(self) -> Latent:
        """Latents of the same samples on another instrument."""
        return self.encode(self.batch["partner"])

    def encode(self, spectra: Mapping[str, Tensor]) -> Latent:
        """Return the latents of spectra without hidden patches."""
        return self.network.latent_of(**spectra_of(spectra))

    def embed(self, spectra: Mapping[str, Tensor]) -> Tensor:
        """Return the concatenated tokens of spectra without hidden patches, (B, N * D).

        Tokens are read after all blocks and before the norm, as in `SpektronEmbedder`.
        """
        encoded = self.network(**spectra_of(spectra), n_layers=self.network.architecture.depth)
        return encoded.tokens.flatten(1)

    def reconstruct(self, spectra: Mapping[str, Tensor], mask: Tensor | None = None) -> Tensor:
        """Return the reconstruction (B, n) of spectra, with the patches in `mask` hidden."""
        encoded = self.network(**spectra_of(spectra), mask=mask)
        return self.network.decode(encoded, spectra["wavenumber"])


def spectra_of(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the entries of a batch that are arguments of the network."""
    return {name: batch[name] for name in SPECTRUM_ARGUMENTS if name in batch}

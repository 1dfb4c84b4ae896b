"""What a network makes of one batch, each thing computed once and only when asked for."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor

from .heads.latents import Latent
from .network import Encoded, SpektronNetwork

SPECTRA = ("values", "valid", "wavenumber", "grid", "domain")


class Views:
    """Views of a batch that objectives share.

    Parameters
    ----------
    network : SpektronNetwork
        The network that is trained.
    batch : mapping of str to Tensor
        Spectra with a `mask` and the `progress` of training, and, where the data have them,
        `instrument`, `sample`, `weight`, `partner`, `paired` and `episodes`.
    """

    def __init__(self, network: SpektronNetwork, batch: Mapping[str, Any]):
        self.network, self.batch = network, batch

    @cached_property
    def encoded(self) -> Encoded:
        """What the encoder makes of the spectra with their hidden patches."""
        return self.network(**spectra_of(self.batch), mask=self.batch["mask"])

    @cached_property
    def reconstruction(self) -> Tensor:
        """The spectra (B, n) as reconstructed from what is visible of them."""
        return self.network.decode(self.encoded, self.batch["wavenumber"])

    @cached_property
    def hidden(self) -> Tensor:
        """The good channels (B, n) of the hidden patches."""
        return self.network.hidden_channels(self.batch["mask"], self.batch["valid"])

    @property
    def gates(self) -> list[tuple[Tensor, Tensor]]:
        """Gates (B, L, E) of the expert layers, and which tokens count (B, L, 1)."""
        return self.encoded.gates

    @cached_property
    def latent(self) -> Latent:
        """Latents of the whole spectra."""
        return self.encode(self.batch)

    @cached_property
    def partner_latent(self) -> Latent:
        """Latents of the same samples on another instrument."""
        return self.encode(self.batch["partner"])

    def encode(self, spectra: Mapping[str, Tensor]) -> Latent:
        """Return the latents of whole spectra."""
        return self.network.latent_of(**spectra_of(spectra))

    def embed(self, spectra: Mapping[str, Tensor]) -> Tensor:
        """Return the tokens of whole spectra side by side, (B, N * D).

        They are read behind all blocks and before the norm, as `SpektronEmbedder` reads them.
        """
        encoded = self.network(**spectra_of(spectra), n_layers=self.network.architecture.depth)
        return encoded.tokens.flatten(1)

    def reconstruct(self, spectra: Mapping[str, Tensor], mask: Tensor | None = None) -> Tensor:
        """Return spectra (B, n) as reconstructed from their tokens."""
        encoded = self.network(**spectra_of(spectra), mask=mask)
        return self.network.decode(encoded, spectra["wavenumber"])


def spectra_of(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the network's arguments in a batch."""
    return {name: batch[name] for name in SPECTRA if name in batch}

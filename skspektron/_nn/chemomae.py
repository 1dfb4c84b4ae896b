"""The interface of ChemoMAE on the parts of this network."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from .masking import make_block_mask
from .network import SpektronNetwork
from .presets import PRESETS


class ChemoMAE(nn.Module):
    """A masked autoencoder whose encoder gets the visible channels of a spectrum only.

    Channels become tokens, blocks of them are hidden, and the whole spectrum is reconstructed
    from one point of the unit sphere. It is the network of the preset "chemomae" under the names
    that its document uses; `visible` is True where the encoder sees.

    Parameters
    ----------
    seq_len : int
        Channels of a spectrum.
    d_model, nhead, num_layers, dim_feedforward, dropout : int, int, int, int, float
        Sizes of the transformer.
    use_learnable_pos : bool
        Trained positions, else sines.
    latent_dim : int
        Size of the latent.
    dec_hidden, dec_dropout : int, float
        Of the decoder, two layers.
    n_blocks, n_mask : int
        Equal blocks of channels, and how many of them are hidden unless told otherwise.
    """

    def __init__(
        self,
        seq_len: int,
        d_model: int = 256,
        nhead: int = 4,
        num_layers: int = 4,
        dim_feedforward: int = 1024,
        dropout: float = 0.1,
        use_learnable_pos: bool = True,
        latent_dim: int = 64,
        dec_hidden: int = 256,
        dec_dropout: float = 0.1,
        n_blocks: int = 32,
        n_mask: int = 16,
    ):
        super().__init__()
        make_block_mask(0, seq_len, n_blocks, n_mask)  # refuses blocks that do not fit
        self.seq_len, self.n_blocks, self.n_mask = seq_len, n_blocks, n_mask
        self.network = SpektronNetwork(
            replace(
                PRESETS["chemomae"],
                n_channels=seq_len,
                patch_length=seq_len // n_blocks,
                d_model=d_model,
                n_heads=nhead,
                n_layers=num_layers,
                d_feedforward=dim_feedforward,
                dropout=dropout,
                position="learned" if use_learnable_pos else "sinusoidal",
                d_latent=latent_dim,
                d_decoder=dec_hidden,
            )
        )
        self.network.head.decode[2].p = dec_dropout

    def forward(
        self, x: Tensor, visible_mask: Tensor | None = None, *, n_mask: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction (B, L), latent (B, latent_dim) and what was visible (B, L)."""
        if x.ndim != 2 or x.shape[1] != self.seq_len:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (batch, {self.seq_len}). "
                "Pass one row a spectrum."
            )
        visible = visible_mask
        if visible is None:
            visible = self.make_visible(len(x), self.n_mask if n_mask is None else n_mask, x.device)
        spectra = self._spectra(x)
        encoded = self.network(**spectra, mask=self._hidden_blocks(visible, x))
        return self.network.decode(encoded, spectra["wavenumber"]), encoded.latent.z, visible

    def reconstruct(
        self, x: Tensor, visible_mask: Tensor | None = None, *, n_mask: int | None = None
    ) -> Tensor:
        """Return the reconstruction (B, L)."""
        return self(x, visible_mask, n_mask=n_mask)[0]

    def make_visible(self, batch_size: int, n_mask: int, device=None) -> Tensor:
        """Draw what is visible, (B, L), True where it is."""
        return ~make_block_mask(batch_size, self.seq_len, self.n_blocks, n_mask).to(device)

    def _hidden_blocks(self, visible: Tensor, x: Tensor) -> Tensor:
        """Return the hidden blocks (B, n_blocks); a block that is half visible is refused."""
        if visible.shape != x.shape or visible.dtype != torch.bool:
            raise ValueError(
                f"visible_mask is {visible.dtype} of shape {tuple(visible.shape)}, expected bool "
                f"of {tuple(x.shape)}. Pass True where a channel is visible."
            )
        share = visible.view(len(x), self.n_blocks, -1).float().mean(-1)
        mixed = int(((share > 0) & (share < 1)).sum())
        if mixed:
            raise ValueError(
                f"{mixed} blocks of {self.seq_len // self.n_blocks} channels are visible in part. "
                "Hide whole blocks."
            )
        return share == 0

    def _spectra(self, x: Tensor) -> dict[str, Tensor]:
        """Return the network's arguments; positions are numbers of channels."""
        axis = torch.arange(1, self.seq_len + 1, dtype=torch.float32, device=x.device)
        return {
            "values": x,
            "valid": torch.ones_like(x, dtype=torch.bool),
            "wavenumber": axis.expand(len(x), -1),
            "grid": torch.zeros(len(x), dtype=torch.long, device=x.device),
        }

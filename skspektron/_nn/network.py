"""The Spektron network: patch tokens, D-LinOSS blocks, reconstruction head."""

import torch
from torch import Tensor, nn

from .architecture import Architecture
from .dlinoss import DLinOSSBlock
from .tokens import PatchTokens, WavelengthEncoding, patch_valid, patchify, unpatchify


class SpektronNetwork(nn.Module):
    """Encode spectra of any grid as tokens and reconstruct hidden patches from them.

    Spectra of several grids share a batch: rows are padded at the end, where `valid` is
    False, as it is at bad channels, and `wavenumber` is NaN. Rows of one axis have one
    number in `grid`, so that its positions are computed once.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        d_model = architecture.d_model
        self.tokens = PatchTokens(architecture.patch_length, d_model)
        self.position = WavelengthEncoding(d_model)
        self.mask_token = nn.Parameter(0.02 * torch.randn(d_model))
        self.blocks = nn.ModuleList(
            DLinOSSBlock(
                d_model,
                architecture.d_state,
                bidirectional=architecture.bidirectional,
                dropout=architecture.dropout,
            )
            for _ in range(architecture.n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, architecture.patch_length)

    def patch_valid(self, valid: Tensor) -> Tensor:
        """Return which patches of channels (B, n) may be used, (B, N)."""
        return patch_valid(valid, self.architecture.patch_length)

    def forward(
        self,
        values: Tensor,
        valid: Tensor,
        wavenumber: Tensor,
        grid: Tensor,
        mask: Tensor | None = None,
        n_layers: int | None = None,
    ) -> Tensor:
        """Encode spectra (B, n) on axes (B, n), patches in `mask` (B, N) hidden, as (B, N, D).

        Tokens are read behind `n_layers` blocks, or, with None, behind all of them and the norm.
        Tokens of unusable patches are zero.
        """
        x = self._embed(values, valid, mask)
        x = x + self._position(wavenumber, grid)
        usable = self.patch_valid(valid)[..., None].to(x)
        for block in self.blocks[:n_layers]:
            x = block(x, usable)
        return (self.norm(x) if n_layers is None else x) * usable  # (B, N, D)

    def reconstruct(self, tokens: Tensor, n_channels: int) -> Tensor:
        """Map tokens (B, N, D) back to channels (B, n)."""
        return unpatchify(self.head(tokens), n_channels)

    def hidden_channels(self, mask: Tensor, valid: Tensor) -> Tensor:
        """Return the good channels (B, n) of the hidden patches (B, N): what the loss counts."""
        length = self.architecture.patch_length
        return valid & unpatchify(mask[..., None].expand(-1, -1, length), valid.shape[1])

    def _embed(self, values: Tensor, valid: Tensor, mask: Tensor | None) -> Tensor:
        """Patch tokens; a hidden patch is blanked in value space and replaced by the mask token."""
        if mask is None:
            return self.tokens(values, valid)
        values = values.masked_fill(self.hidden_channels(mask, valid), 0)
        return torch.where(mask[..., None], self.mask_token, self.tokens(values, valid))

    def _position(self, wavenumber: Tensor, grid: Tensor) -> Tensor:
        """Encode where the patches lie, (B, N, D)."""
        grids, which = grid.unique(return_inverse=True)
        axes = wavenumber[(grid[:, None] == grids).int().argmax(0)]  # (G, n)
        length = self.architecture.patch_length
        measured = patchify(axes.isfinite(), length)  # a grid's own end, not a bad channel
        return self.position(patchify(axes.nan_to_num(), length), measured)[which]

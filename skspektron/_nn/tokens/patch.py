"""One token per patch of neighbouring channels."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .windows import fill, windows


class PatchTokens(nn.Module):
    """Project patches of neighbouring channels linearly to tokens.

    An incomplete patch at the end of a spectrum is filled with the mean of its channels.

    Parameters
    ----------
    patch_length : int
        Number of channels per patch. Typical: the width of one band. Narrower patches can be
        reconstructed by interpolation, wider ones mix several bands.
    d_model : int
        Width D of a token.
    """

    def __init__(self, patch_length: int, d_model: int):
        super().__init__()
        self.span = self.stride = patch_length
        self.project = nn.Linear(patch_length, d_model)

    def forward(self, values: Tensor, length: Tensor) -> Tensor:
        """Map spectra (B, n) of `length` (B,) channels to tokens (B, N, D)."""
        values = F.pad(values, (0, -values.shape[1] % self.span))
        within = torch.arange(values.shape[1], device=values.device) < length[:, None]
        return self.project(windows(fill(values, within, self.span), self.span, self.span))

"""Every channel becomes a token."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvolutionTokens(nn.Module):
    """Project the neighbourhood of every channel to a token: a convolution of stride 1.

    Nothing of the resolution is lost, at the cost of one token a channel. Neighbourhoods
    overlap, so whatever shall be hidden has to be hidden in the values, before this.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    kernel_length : int, default=15
        Channels that one token sees; odd. Outside a spectrum they are zero.
    """

    span = stride = 1

    def __init__(self, d_model: int, *, kernel_length: int = 15):
        super().__init__()
        self.kernel_length = kernel_length
        self.project = nn.Linear(kernel_length, d_model)

    def forward(self, values: Tensor, length: Tensor) -> Tensor:
        """Map spectra (B, n) of `length` (B,) channels to tokens (B, n, D)."""
        channel = torch.arange(values.shape[1], device=values.device)
        values = values.masked_fill(channel >= length[:, None], 0)
        half = self.kernel_length // 2
        # A view and a matrix product: faster on a CPU than Conv1d, with the same values.
        return self.project(F.pad(values, (half, half)).unfold(1, self.kernel_length, 1))

"""One token per channel."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvolutionTokens(nn.Module):
    """Project the neighbourhood of every channel to a token by a convolution of stride 1.

    This keeps the full resolution, at the cost of one token per channel. Neighbourhoods
    overlap, so hidden channels must be blanked in the input.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    kernel_length : int, default=15
        Number of channels under the kernel; odd. Spectra are padded with zeros.
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
        # Unfolding and a matrix product are faster on a CPU than Conv1d, with equal results.
        return self.project(F.pad(values, (half, half)).unfold(1, self.kernel_length, 1))

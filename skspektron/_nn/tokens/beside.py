"""Tokens of several inputs side by side."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class TokensBeside(nn.Module):
    """Concatenate the tokens of inputs on the same channels, such as SNV and first derivative.

    Parameters
    ----------
    parts : iterable of nn.Module
        The tokenizer of each input. The widths of their tokens add up to D.
    """

    def __init__(self, parts: Iterable[nn.Module]):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, *inputs: Tensor, length: Tensor) -> Tensor:
        """Map inputs (B, n) of `length` (B,) channels to tokens (B, N, D)."""
        pairs = zip(self.parts, inputs, strict=True)
        return torch.cat([part(values, length=length) for part, values in pairs], dim=-1)

"""Spectra on their native grid become tokens."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHORTEST_PERIOD, LONGEST_PERIOD = 64.0, 32768.0  # cm-1


def patchify(x: Tensor, patch_length: int) -> Tensor:
    """Cut (B, n) into patches (B, N, P); the tail is filled with zeros (False)."""
    x = F.pad(x, (0, -x.shape[-1] % patch_length))
    return x.view(len(x), -1, patch_length)


def unpatchify(patches: Tensor, n_channels: int) -> Tensor:
    """Undo `patchify`: (B, N, P) to (B, n)."""
    return patches.reshape(len(patches), -1)[:, :n_channels]


def patch_valid(valid: Tensor, patch_length: int) -> Tensor:
    """Return which patches may be used, (B, N): at most half of their channels are bad.

    What is missing behind the end of a grid is bad, unless the whole grid is shorter than a patch.
    """
    return 2 * patchify(valid, patch_length).sum(-1) >= min(patch_length, valid.shape[1])


class WavelengthEncoding(nn.Module):
    """Sines and cosines of the wavenumber of every channel, averaged over a patch.

    The periods are evenly spaced in log from 64 to 32768 cm-1, so that neighbouring
    channels and opposite ends of the near infrared both differ [1]_. The average tells
    where a patch lies and, by how far the short periods are damped, how wide it is.

    References
    ----------
    .. [1] Shen, Lanusse, Parker et al., arXiv:2510.17959 (2025).
    """

    def __init__(self, d_model: int):
        super().__init__()
        ratio = torch.linspace(0, 1, d_model // 2, dtype=torch.float64)
        period = SHORTEST_PERIOD * (LONGEST_PERIOD / SHORTEST_PERIOD) ** ratio
        self.register_buffer("omega", 2 * math.pi / period, persistent=False)
        self.project = nn.Linear(d_model, d_model, bias=False)

    def channels(self, wavenumber: Tensor) -> Tensor:
        """Encode wavenumbers (..., n) in cm-1 as (..., n, D)."""
        phase = wavenumber.double()[..., None] * self.omega
        return torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(-2).float()

    def forward(self, wavenumber: Tensor, valid: Tensor) -> Tensor:
        """Encode patches of wavenumbers (G, N, P), of which `valid` count, as (G, N, D)."""
        weight = valid / valid.sum(-1, keepdim=True).clamp(min=1)
        return self.project((self.channels(wavenumber) * weight[..., None]).sum(-2))


class PatchTokens(nn.Module):
    """Project patches of neighbouring channels linearly to tokens.

    A bad channel takes the mean of the good channels of its patch: nothing leaves a patch.
    """

    def __init__(self, patch_length: int, d_model: int):
        super().__init__()
        self.patch_length = patch_length
        self.project = nn.Linear(patch_length, d_model)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """Map spectra (B, n) to tokens (B, N, D)."""
        good = patchify(valid, self.patch_length)
        patches = patchify(values.masked_fill(~valid, 0), self.patch_length)
        mean = patches.sum(-1, keepdim=True) / good.sum(-1, keepdim=True).clamp(min=1)
        return self.project(torch.where(good, patches, mean))

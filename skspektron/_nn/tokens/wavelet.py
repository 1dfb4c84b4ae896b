"""Wavelet coefficients of a spectrum become tokens."""

import math

import torch
from torch import Tensor, nn

from ..architecture import WAVELET_SPAN, WAVELET_STRIDE
from .windows import windows

# h: the orthonormal scaling filter of 8 taps and 4 vanishing moments that is known as db4.
LOW = (
    0.2303778133088964,
    0.7148465705529155,
    0.6308807679298587,
    -0.0279837694168599,
    -0.1870348117190931,
    0.0308413818355607,
    0.0328830116668852,
    -0.0105974017850690,
)
HIGH = tuple((-1) ** k * tap for k, tap in enumerate(reversed(LOW)))
BEFORE, BEHIND = len(LOW) - 2, len(LOW) - 1  # channels that the extension adds on either side
N_LEVELS = 4

# Where coefficient 0 of a band lies, in channels: the centre of mass of its filter.
LOW_AT = sum(k * tap for k, tap in enumerate(LOW)) / sum(LOW) - BEFORE
HIGH_AT = sum(k * tap**2 for k, tap in enumerate(HIGH)) - BEFORE


class WaveletTokens(nn.Module):
    r"""Project windows of a spectrum's wavelet bands linearly to tokens.

    The transform [1]_ splits a spectrum into an approximation :math:`a_4` and details
    :math:`d_4, d_3, d_2, d_1` of broad to narrow features:
    :math:`a_{j+1}[o] = \sum_k h_k a_j[2o - 6 + k]` and :math:`d_{j+1}` likewise with
    :math:`g_k = (-1)^k h_{7-k}`; at the ends a spectrum is continued by its mirror image.
    Every band is interpolated linearly to the channels, and windows of all five overlap by half.

    Parameters
    ----------
    d_model : int
        Width D of a token.

    Notes
    -----
    A level needs at least 14 coefficients to filter, so spectra of 112 channels or more have
    four, of 56 three, 28 two, 14 one. Shorter ones have their last approximation in the place
    of :math:`a_4`, and details of levels that they do not have are zero. A coefficient is
    placed where the mass of its filter lies: :math:`a_4/4` of a straight line is that line.
    Filters reach over many channels: whatever shall be hidden has to be hidden before.

    References
    ----------
    .. [1] Daubechies, Commun. Pure Appl. Math. 41 (1988) 909-996.
    """

    span, stride = WAVELET_SPAN, WAVELET_STRIDE

    def __init__(self, d_model: int):
        super().__init__()
        self.project = nn.Linear((N_LEVELS + 1) * self.span, d_model)

    def forward(self, values: Tensor, length: Tensor) -> Tensor:
        """Map spectra (B, n) of `length` (B,) channels to tokens (B, N, D)."""
        batch, n = values.shape
        features = values.new_zeros(batch, N_LEVELS + 1, n)
        # The mirror stands at a spectrum's own end: spectra of one length at a time.
        for own in length.unique().tolist():
            rows = (length == own).nonzero()[:, 0]
            features[rows, :, :own] = wavelet_bands(values[rows, :own])
        cut = windows(features.flatten(0, 1), self.span, self.stride)  # (B * 5, N, span)
        cut = cut.unflatten(0, (batch, N_LEVELS + 1)).transpose(1, 2)
        return self.project(cut.flatten(2))  # (B, N, D)


def n_levels(n_channels: int) -> int:
    """Return how many levels a spectrum of `n_channels` is split into."""
    return min(max((n_channels // (len(LOW) - 1)).bit_length() - 1, 0), N_LEVELS)


def wavelet_bands(values: Tensor) -> Tensor:
    """Return a4, d4, d3, d2, d1 of spectra (B, n) at their channels, (B, 5, n)."""
    n, levels = values.shape[1], n_levels(values.shape[1])
    approximation, at, details = values, 0.0, []
    for level in range(levels):
        approximation, detail = split(approximation)
        step = 2**level  # channels between two coefficients before the split
        details.append(at_channels(detail, 2 * step, at + step * HIGH_AT, n))
        at += step * LOW_AT
    missing = [torch.zeros_like(values)] * (N_LEVELS - levels)
    smooth = at_channels(approximation, 2**levels, at, n) if levels else values
    return torch.stack([smooth, *missing, *reversed(details)], dim=1)


def split(x: Tensor) -> tuple[Tensor, Tensor]:
    """Filter (B, n) and keep every second value: approximation and detail (B, (n + 7) // 2)."""
    x = torch.cat([x[:, :BEFORE].flip(1), x, x[:, -BEHIND:].flip(1)], dim=1)
    # Sums, not a matrix product: details are small differences, which autocast would round.
    taps = x.unfold(1, len(LOW), 2)
    low, high = (taps.mul(taps.new_tensor(h)).sum(-1) for h in (LOW, HIGH))
    return low, high


def at_channels(band: Tensor, step: int, first: float, n_channels: int) -> Tensor:
    """Interpolate coefficients (B, m) at channels first, first + step, ... linearly, (B, n)."""
    start = math.ceil(first)  # the first channel between coefficients 0 and 1; not positive
    share = (torch.arange(step, device=band.device) + (start - first)) / step
    dense = torch.lerp(band[:, :-1, None], band[:, 1:, None], share.to(band)).flatten(1)
    return dense[:, -start : n_channels - start]

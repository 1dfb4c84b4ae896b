"""One token per window of wavelet coefficients."""

import math

import torch
from torch import Tensor, nn

from ..architecture import WAVELET_SPAN, WAVELET_STRIDE
from .windows import windows

# Scaling filter h of the Daubechies wavelet with 8 taps and 4 vanishing moments (db4).
LOW_PASS = (
    0.2303778133088964,
    0.7148465705529155,
    0.6308807679298587,
    -0.0279837694168599,
    -0.1870348117190931,
    0.0308413818355607,
    0.0328830116668852,
    -0.0105974017850690,
)
HIGH_PASS = tuple((-1) ** k * tap for k, tap in enumerate(reversed(LOW_PASS)))
PAD_LEFT, PAD_RIGHT = len(LOW_PASS) - 2, len(LOW_PASS) - 1  # channels added by reflection
N_LEVELS = 4

# Position of coefficient 0 of a band in channels: the centre of mass of its filter.
LOW_PASS_CENTRE = sum(k * tap for k, tap in enumerate(LOW_PASS)) / sum(LOW_PASS) - PAD_LEFT
HIGH_PASS_CENTRE = sum(k * tap**2 for k, tap in enumerate(HIGH_PASS)) - PAD_LEFT


class WaveletTokens(nn.Module):
    r"""Project windows of a spectrum's wavelet bands linearly to tokens.

    The transform [1]_ splits a spectrum into an approximation :math:`a_4` and details
    :math:`d_4, d_3, d_2, d_1` of broad to narrow features:
    :math:`a_{j+1}[o] = \sum_k h_k a_j[2o - 6 + k]` and :math:`d_{j+1}` likewise with
    :math:`g_k = (-1)^k h_{7-k}`. Spectra are extended by reflection. Every band is interpolated
    linearly to the channels, and the five bands are cut into windows that overlap by half.

    Parameters
    ----------
    d_model : int
        Width D of a token.

    Notes
    -----
    A level needs at least 14 coefficients, so four levels need 112 channels, three 56, two 28
    and one 14. In shorter spectra, the last approximation takes the place of :math:`a_4`, and
    the details of missing levels are zero. Coefficients are placed at the centre of mass of
    their filter, so that :math:`a_4/4` of a straight line is that line. Filters extend over
    many channels, so hidden channels must be blanked in the input.

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
        # Reflection is at the end of each spectrum: transform spectra of one length at a time.
        for own in length.unique().tolist():
            rows = (length == own).nonzero()[:, 0]
            features[rows, :, :own] = wavelet_bands(values[rows, :own])
        cut = windows(features.flatten(0, 1), self.span, self.stride)  # (B * 5, N, span)
        cut = cut.unflatten(0, (batch, N_LEVELS + 1)).transpose(1, 2)
        return self.project(cut.flatten(2))  # (B, N, D)


def n_levels(n_channels: int) -> int:
    """Return the number of levels of the transform of `n_channels`."""
    return min(max((n_channels // (len(LOW_PASS) - 1)).bit_length() - 1, 0), N_LEVELS)


def wavelet_bands(values: Tensor) -> Tensor:
    """Return a4, d4, d3, d2, d1 of spectra (B, n), interpolated to their channels, (B, 5, n)."""
    n, levels = values.shape[1], n_levels(values.shape[1])
    approximation, at, details = values, 0.0, []
    for level in range(levels):
        approximation, detail = split(approximation)
        step = 2**level  # channels between two coefficients before the split
        details.append(at_channels(detail, 2 * step, at + step * HIGH_PASS_CENTRE, n))
        at += step * LOW_PASS_CENTRE
    missing = [torch.zeros_like(values)] * (N_LEVELS - levels)
    smooth = at_channels(approximation, 2**levels, at, n) if levels else values
    return torch.stack([smooth, *missing, *reversed(details)], dim=1)


def split(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return approximation and detail of `x` (B, n) one level down, (B, (n + 7) // 2) each."""
    x = torch.cat([x[:, :PAD_LEFT].flip(1), x, x[:, -PAD_RIGHT:].flip(1)], dim=1)
    # Autocast would round the small differences in a matrix product, but not in a sum.
    taps = x.unfold(1, len(LOW_PASS), 2)
    low, high = (taps.mul(taps.new_tensor(h)).sum(-1) for h in (LOW_PASS, HIGH_PASS))
    return low, high


def at_channels(band: Tensor, step: int, first: float, n_channels: int) -> Tensor:
    """Interpolate coefficients (B, m) at positions first, first + step, ... to channels, (B, n)."""
    start = math.ceil(first)  # first channel after coefficient 0; not positive
    fraction = (torch.arange(step, device=band.device) + (start - first)) / step
    dense = torch.lerp(band[:, :-1, None], band[:, 1:, None], fraction.to(band)).flatten(1)
    return dense[:, -start : n_channels - start]

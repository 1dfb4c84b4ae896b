"""First derivative of spectra with bad channels, and standard normal variate."""

import torch
from torch import Tensor
from torch.nn import functional as F

HALF_WINDOW = 3  # channels on either side: that of a narrow Savitzky-Golay filter
FLAT_UNITS = 16  # a spectrum that varies by this number of rounding units is constant


def first_derivative(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the slopes of spectra (B, n) per channel, over the mean step of the axis in cm-1.

    A slope is that of the least-squares line through the `seen` of 7 channels, as in a
    Savitzky-Golay filter of first order; it is 0 where fewer than two of them are. The step
    makes spectra of one range comparable on axes of different resolution.
    """
    x = _around(values.masked_fill(~seen, 0))  # (B, n, 7)
    weight = _around(seen.to(values))
    k = torch.arange(-HALF_WINDOW, HALF_WINDOW + 1, device=x.device, dtype=x.dtype)
    # Autocast would round the small differences in a matrix product, but not in a sum.
    s0, s1, s2 = (weight.mul(k**power).sum(-1) for power in (0, 1, 2))
    t0, t1 = x.sum(-1), x.mul(k).sum(-1)
    spread = s0 * s2 - s1.square()  # 0 for a single channel
    slope = (s0 * t1 - s1 * t0) / spread.where(spread > 0, 1)
    return slope.where(seen & (spread > 0), 0) / mean_step(wavenumber).to(values)


def mean_step(wavenumber: Tensor) -> Tensor:
    """Return the mean step of axes (B, n) in cm-1, padded with NaN, (B, 1); 1 for one channel."""
    count = wavenumber.isfinite().sum(1, keepdim=True)
    span = wavenumber.nan_to_num(-torch.inf).amax(1, keepdim=True) - wavenumber[:, :1]
    return torch.where(count > 1, span / (count - 1).clamp(min=1), 1.0)


def row_size(derivative: Tensor, seen: Tensor) -> Tensor:
    """Return the root mean square of the `seen` channels of every row (B, n), (B,)."""
    square = derivative.square().where(seen, 0).sum(1) / seen.sum(1).clamp(min=1)
    return square.sqrt()


def standard_normal(values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return spectra (B, n) after SNV, and the means and deviations (ddof 1), (B, 1).

    Both are those of the `seen` channels. A constant spectrum becomes zero, with deviation 0.
    """
    count = seen.sum(1, keepdim=True)
    mean = values.where(seen, 0).sum(1, keepdim=True) / count.clamp(min=1)
    centred = (values - mean).where(seen, 0)
    deviation = (centred.square().sum(1, keepdim=True) / (count - 1).clamp(min=1)).sqrt()
    # Rounding must not be scaled to unit variance for a constant spectrum.
    size = values.where(seen, 0).abs().amax(1, keepdim=True)
    is_flat = centred.abs().amax(1, keepdim=True) <= FLAT_UNITS * torch.finfo(size.dtype).eps * size
    deviation = deviation.where(~is_flat, 0)
    return centred.where(~is_flat, 0) / deviation.where(~is_flat, 1), mean, deviation


def _around(x: Tensor) -> Tensor:
    """Return the channels around each, (B, n, 7), zero beyond the ends."""
    return F.pad(x, (HALF_WINDOW, HALF_WINDOW)).unfold(1, 2 * HALF_WINDOW + 1, 1)

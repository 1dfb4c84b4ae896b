"""First derivative of spectra with bad channels, curvature, and standard normal variate."""

import torch
from torch import Tensor
from torch.nn import functional as F

HALF_WINDOW = 3  # channels on either side: that of a narrow Savitzky-Golay filter
CURVED_WINDOW = 16  # channels on either side of a line from which spectra depart
FLAT_UNITS = 16  # a spectrum that varies by this number of rounding units is constant


def first_derivative(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the slopes of spectra (B, n) per channel, over the mean step of the axis in cm-1.

    A slope is that of the least-squares line through the `seen` of 7 channels, as in a
    Savitzky-Golay filter of first order; it is 0 where fewer than two of them are. The step
    makes spectra of one range comparable on axes of different resolution.
    """
    return slopes(values, seen) / mean_step(wavenumber).to(values)


def slopes(values: Tensor, seen: Tensor) -> Tensor:
    """Return the slopes of spectra (B, n) per channel, as `first_derivative`."""
    s0, s1, s2, t0, t1 = _moments(values, seen, HALF_WINDOW)
    spread = s0 * s2 - s1.square()  # 0 for a single channel
    slope = (s0 * t1 - s1 * t0) / spread.where(spread > 0, 1)
    return slope.where(seen & (spread > 0), 0)


def curvature(values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Return spectra (B, n) less the line around each channel, in units of its row's size (B, 1).

    The least-squares line through the `seen` of 33 channels leaves 0 of a straight spectrum, and
    of others how they depart from one. The size is the root mean square; rounding counts as 0.
    """
    count = seen.sum(1, keepdim=True).clamp(min=1)
    values = values.where(seen, 0)
    centred = (values - values.sum(1, keepdim=True) / count).where(seen, 0)
    s0, s1, s2, t0, t1 = _moments(centred, seen, CURVED_WINDOW)
    spread = s0 * s2 - s1.square()
    line = (s2 * t0 - s1 * t1) / spread.where(spread > 0, 1)
    departure = (centred - line).where(seen & (spread > 0), 0)
    size = _root_mean_square(departure, count)
    rounding = FLAT_UNITS * torch.finfo(size.dtype).eps * values.abs().amax(1, keepdim=True)
    size = size.where(size > rounding, 0)
    return departure.where(size > 0, 0) / size.where(size > 0, 1), size


def mean_step(wavenumber: Tensor) -> Tensor:
    """Return the mean step of axes (B, n) in cm-1, padded with NaN, (B, 1); 1 for one channel."""
    count = wavenumber.isfinite().sum(1, keepdim=True)
    span = wavenumber.nan_to_num(-torch.inf).amax(1, keepdim=True) - wavenumber[:, :1]
    return torch.where(count > 1, span / (count - 1).clamp(min=1), 1.0)


def row_size(derivative: Tensor, seen: Tensor) -> Tensor:
    """Return the root mean square of the `seen` channels of every row (B, n), (B,)."""
    return _root_mean_square(derivative.where(seen, 0), seen.sum(1, keepdim=True))[:, 0]


def standard_normal(values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return spectra (B, n) after SNV, and the means and deviations (ddof 1), (B, 1).

    Both are those of the `seen` channels. A constant spectrum becomes zero, with deviation 0.
    """
    count = seen.sum(1, keepdim=True)
    mean = values.where(seen, 0).sum(1, keepdim=True) / count.clamp(min=1)
    centred = (values - mean).where(seen, 0)
    deviation = _root_mean_square(centred, count - 1)
    # Rounding must not be scaled to unit variance for a constant spectrum.
    size = values.where(seen, 0).abs().amax(1, keepdim=True)
    is_flat = centred.abs().amax(1, keepdim=True) <= FLAT_UNITS * torch.finfo(size.dtype).eps * size
    deviation = deviation.where(~is_flat, 0)
    return centred.where(~is_flat, 0) / deviation.where(~is_flat, 1), mean, deviation


def _root_mean_square(values: Tensor, count: Tensor) -> Tensor:
    """Return the root of the sum of the squares of rows (B, n) over `count` (B, 1), (B, 1).

    Squares of values of any unit would leave single precision below 1e-19 and above 1e19, so
    rows are multiplied by a power of two, which does not round.
    """
    exponent = torch.frexp(values.detach().abs().amax(1, keepdim=True)).exponent
    square = torch.ldexp(values, -exponent).square().sum(1, keepdim=True) / count.clamp(min=1)
    return torch.ldexp(square.sqrt(), exponent)


def _moments(values: Tensor, seen: Tensor, half: int) -> tuple[Tensor, ...]:
    """Return sums of 1, k, k^2, x and k x over the `seen` channels k from -half to half, (B, n)."""
    width = 2 * half + 1
    padded = F.pad(torch.stack([seen.to(values), values.masked_fill(~seen, 0)]), (half, half))
    weight, x = padded.unfold(-1, width, 1)  # (B, n, width)
    k = torch.arange(-half, half + 1, device=x.device, dtype=x.dtype)
    # Autocast would round the small differences in a matrix product, but not in a sum.
    s1, t1 = weight.mul(k).sum(-1), x.mul(k).sum(-1)
    return weight.sum(-1), s1, weight.mul(k.square()).sum(-1), x.sum(-1), t1

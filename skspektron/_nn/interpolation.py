"""Interpolation of hidden channels."""

from typing import NamedTuple

import torch
from torch import Tensor

from .tokens.derivative import slopes


class Interpolation(NamedTuple):
    """Spectra (B, n) with hidden channels on straight lines, and how a smooth curve departs."""

    line: Tensor
    bend: Tensor


def interpolate(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Interpolation:
    """Interpolate the channels of spectra (B, n) that are not `seen` from those that are.

    The line is constant before the first and after the last seen channel of its axis (B, n),
    which is padded with NaN; it is 0 without any. The bend is the difference between the line and
    the cubic polynomial [1]_ that has the slopes of the spectrum at both ends of a gap; it is 0
    where a spectrum is seen. Values that are not seen, including NaN, have no influence.

    References
    ----------
    .. [1] Fritsch & Carlson, SIAM Journal on Numerical Analysis 17 (1980) 238-246.
    """
    values = values.masked_fill(~seen, 0)
    left, right = _neighbours(seen)
    start, end = values.gather(1, left), values.gather(1, right)
    axis, inside = wavenumber.nan_to_num(), right > left
    low, high = axis.gather(1, left), axis.gather(1, right)
    fraction = ((axis - low) / torch.where(inside, high - low, 1.0)).where(inside, 0).to(values)
    line = torch.lerp(start, end, fraction)
    width, slope = (right - left).to(values), slopes(values, seen)
    chord = (end - start) / width.clamp(min=1)
    before, after = slope.gather(1, left) - chord, slope.gather(1, right) - chord
    t = (torch.arange(seen.shape[1], device=values.device) - left) / width.clamp(min=1)
    return Interpolation(line, width * t * (1 - t) * ((1 - t) * before - t * after))


def _neighbours(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Return the last seen channel up to each, and the first one from it; equal if one lacks."""
    n = seen.shape[1]
    channel = torch.arange(n, device=seen.device).expand_as(seen)
    left = channel.where(seen, -1).cummax(1).values
    right = channel.where(seen, n).flip(1).cummin(1).values.flip(1)
    left, right = torch.where(left < 0, right, left), torch.where(right == n, left, right)
    return left.clamp(0, n - 1), right.clamp(0, n - 1)

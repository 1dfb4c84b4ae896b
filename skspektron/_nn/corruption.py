"""Random instrument effects: gain, shift, drift and noise."""

import torch
from torch import Tensor

NOISE_LEVEL, DRIFT_LEVEL = 0.01, 0.005  # relative to the spectrum's standard deviation
MAX_SHIFT = 3.0  # channels
MAX_GAIN_CHANGE = 0.05


def corrupt(values: Tensor, valid: Tensor, probability: float = 0.5) -> Tensor:
    """Return spectra (B, n) with random gain, shift, drift and noise at their good channels.

    Each effect is applied to a spectrum independently with `probability`: a gain from 0.95 to
    1.05; a shift of up to 3 channels; a polynomial drift of order 1 to 3, with coefficients of
    standard deviation 0.005; and white noise of standard deviation 0.01. Drift and noise are
    relative to the standard deviation of the spectrum. Random numbers come from the global
    generator of the device of `values`. Values at bad channels are unchanged.
    """
    spread = _spread(values, valid)
    corrupted = values
    for change in (_scale, _shift, _drift, _noise):
        chosen = torch.rand(len(values), 1, device=values.device) < probability
        corrupted = torch.where(chosen, change(corrupted, valid, spread), corrupted)
    return torch.where(valid, corrupted, values)


def _spread(values: Tensor, valid: Tensor) -> Tensor:
    """Return the standard deviation (ddof 0) of each spectrum's good channels, (B, 1)."""
    n = valid.sum(1, keepdim=True).clamp(min=1)
    mean = values.where(valid, 0).sum(1, keepdim=True) / n
    return ((values - mean).where(valid, 0).square().sum(1, keepdim=True) / n).sqrt()


def _scale(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Multiply each spectrum by a random gain close to 1."""
    return values * (1 + MAX_GAIN_CHANGE * _uniform(spread))


def _shift(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Shift each spectrum along its channels by linear interpolation; the ends are constant."""
    n = values.shape[1]
    channel = torch.arange(n, device=values.device)
    # A bad channel takes the value of the last good one before it, or of the first good one.
    held = channel.where(valid, -1).cummax(1).values
    held = held.where(held >= 0, valid.int().argmax(1, keepdim=True))
    source = (channel + MAX_SHIFT * _uniform(spread)).clamp(0, n - 1)
    left = source.floor().long()
    right = (left + 1).clamp(max=n - 1)
    known = values.gather(1, held)
    return torch.lerp(known.gather(1, left), known.gather(1, right), source - left)


def _drift(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Add a polynomial of order 1, 2 or 3 in the channel, scaled to [-1, 1]."""
    channel = torch.arange(values.shape[1], device=values.device)
    last = channel.where(valid, 0).amax(1, keepdim=True).clamp(min=1)
    position = 2 * channel / last - 1  # (B, n)
    order = torch.randint(1, 4, spread.shape, device=values.device)
    for k in (1, 2, 3):
        coefficient = DRIFT_LEVEL * spread * torch.randn_like(spread)
        values = values + (coefficient * (k <= order)) * position**k
    return values


def _noise(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Add white noise."""
    return values + NOISE_LEVEL * spread * torch.randn_like(values)


def _uniform(like: Tensor) -> Tensor:
    """Draw numbers uniformly between -1 and 1, in the shape of `like`."""
    return 2 * torch.rand_like(like) - 1

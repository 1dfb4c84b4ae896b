"""What instruments do to a spectrum: a seeded imitation of it."""

import torch
from torch import Tensor

NOISE, DRIFT = 0.01, 0.005  # of a spectrum's own standard deviation
SHIFT = 3.0  # channels
SCALE = 0.05  # of the values


def corrupt(values: Tensor, valid: Tensor, probability: float = 0.5) -> Tensor:
    """Return spectra (B, n) scaled, shifted, drifting and noisy, at good channels alone.

    Each of the four befalls a spectrum with `probability`, whatever befalls the others: a
    factor from 0.95 to 1.05; a shift of up to 3 channels; a polynomial drift of order 1 to 3
    whose coefficients have a deviation of 0.005; and white noise of deviation 0.01. The last
    two are relative to the spectrum's own standard deviation. All is drawn from the global
    generator of the device that `values` are on. Bad channels keep what they hold.
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
    """Multiply each spectrum by a factor about 1."""
    return values * (1 + SCALE * _uniform(spread))


def _shift(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Move each spectrum along its channels, by linear interpolation; the edges are held."""
    n = values.shape[1]
    channel = torch.arange(n, device=values.device)
    # The last good channel up to here, or the first of all: what bad ones and edges hold.
    held = channel.where(valid, -1).cummax(1).values
    held = held.where(held >= 0, valid.int().argmax(1, keepdim=True))
    source = (channel + SHIFT * _uniform(spread)).clamp(0, n - 1)
    left = source.floor().long()
    right = (left + 1).clamp(max=n - 1)
    known = values.gather(1, held)
    return torch.lerp(known.gather(1, left), known.gather(1, right), source - left)


def _drift(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Add a polynomial of order 1, 2 or 3 in the position from -1 to 1 between a row's ends."""
    channel = torch.arange(values.shape[1], device=values.device)
    last = channel.where(valid, 0).amax(1, keepdim=True).clamp(min=1)
    position = 2 * channel / last - 1  # (B, n)
    order = torch.randint(1, 4, spread.shape, device=values.device)
    for k in (1, 2, 3):
        coefficient = DRIFT * spread * torch.randn_like(spread)
        values = values + (coefficient * (k <= order)) * position**k
    return values


def _noise(values: Tensor, valid: Tensor, spread: Tensor) -> Tensor:
    """Add white noise."""
    return values + NOISE * spread * torch.randn_like(values)


def _uniform(like: Tensor) -> Tensor:
    """Draw numbers between -1 and 1."""
    return 2 * torch.rand_like(like) - 1

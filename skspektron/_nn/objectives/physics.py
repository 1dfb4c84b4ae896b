"""Physical constraints on reconstructions and latents of spectra in absorbance.

All but `BeerLambert` apply to the completed spectrum, which is measured at visible and
reconstructed at hidden channels, so that they also hold at the boundary between the two.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..tokens.windows import windows
from .masked import mean_over

SLOPE_UNIT = 5.0  # cm-1: standard deviation of the narrowest bands of liquids and solids
LABELS = "grid", "domain", "derivative_scale"  # of the rows of a batch
FLANK_LENGTH = 3  # channels on either side of a band's maximum


class _Law(nn.Module):
    """Objective without parameters for spectra in absorbance."""

    NEEDS: ClassVar[frozenset[str]] = frozenset({"absorbance"})

    def __init__(self, network, n_instruments: int):
        super().__init__()


class Smoothness(_Law):
    """Squared slope per 5 cm-1, to suppress noise from channel to channel.

    The slope of the narrowest bands reaches 0.6 of their height, so the weight should be small.
    """

    def forward(self, views) -> Tensor:
        """Return the mean over pairs of neighbours with at least one hidden channel."""
        slopes = slope(completed(views), views.batch["wavenumber"])
        return mean_over(slopes.square(), partly_hidden(views))


class NonNegativity(_Law):
    """Magnitude of negative absorbances, which are not physical."""

    def forward(self, views) -> Tensor:
        """Return the mean of max(0, -absorbance) over the hidden channels."""
        return mean_over(F.relu(-completed(views)), views.hidden)


class Derivative(_Law):
    """Squared error of the first derivative per 5 cm-1, which ignores the baseline offset."""

    def forward(self, views) -> Tensor:
        """Return the mean over pairs of neighbours with at least one hidden channel."""
        error = completed(views) - measured(views)
        return mean_over(slope(error, views.batch["wavenumber"]).square(), partly_hidden(views))


class PeakSymmetry(_Law):
    """Squared difference of the two flanks of every band, up to 3 channels from its maximum.

    A band maximum is a channel with a higher value than all others within 3 channels. Channels
    are taken as equally spaced in wavenumber. This is a good approximation on an axis in nm too:
    with steps of 2 nm at 2000 nm, the spacing changes by 0.2 % per channel.
    """

    def forward(self, views) -> Tensor:
        """Return the mean over bands with at least one hidden channel."""
        around = _neighbourhood(completed(views))  # (B, n, 2 * FLANK_LENGTH + 1)
        left, peak, right = around.split((FLANK_LENGTH, 1, FLANK_LENGTH), dim=-1)
        is_band = ((peak > left) & (peak > right)).all(-1)
        counts = _neighbourhood(views.batch["valid"]).all(-1) & _neighbourhood(views.hidden).any(-1)
        return mean_over((left.flip(-1) - right).square().mean(-1), is_band & counts)


class BeerLambert(_Law):
    r"""Squared deviation of latents from linearity in the spectrum, over their variance.

    The absorbances of a mixture are additive [1]_, so its latent should be the mixture of
    latents, :math:`z(a x_1 + (1-a) x_2) = a z(x_1) + (1-a) z(x_2)` with a drawn between 0 and 1.
    Division by the variance makes the value independent of the scale of the latents.

    Notes
    -----
    Rows on the same grid are paired at random, each row once, and all three spectra are encoded
    from the channels that are good in both. A batch without a pair gives 0.

    References
    ----------
    .. [1] Beer, Annalen der Physik 162 (1852) 78-88.
    """

    def forward(self, views) -> Tensor:
        """Return the mean over the pairs of a batch."""
        batch = views.batch
        first, second = pairs_of_one_grid(batch["grid"])
        if not len(first):
            return batch["values"].new_zeros((), requires_grad=True)
        x = measured(views)
        a = torch.rand(len(first), 1, dtype=x.dtype, device=x.device)
        valid = batch["valid"][first] & batch["valid"][second]
        mixed = {
            "values": torch.cat([x[first], x[second], torch.lerp(x[second], x[first], a)]),
            "valid": valid.repeat(3, 1),
            "wavenumber": batch["wavenumber"][first].repeat(3, 1),
            **{k: batch[k][first].repeat(3) for k in LABELS if k in batch},
        }
        # Under autocast, rounding errors would dominate the deviation.
        with torch.autocast(x.device.type, enabled=False):
            latent = views.encode(mixed)
        # Use the mean of a variational latent, because its sample is noisy.
        z = (latent.z if latent.chemistry is None else latent.chemistry.mean).to(x)
        z_1, z_2, z_mixed = z.chunk(3)  # (pairs, d_latent)
        pure = torch.cat([z_1, z_2])
        variance = (pure - pure.mean(0)).square().sum(1).mean()
        error = (z_mixed - torch.lerp(z_2, z_1, a)).square().sum(1).mean()
        return error / variance.clamp(min=torch.finfo(z.dtype).tiny)


def measured(views) -> Tensor:
    """Return the measured spectra (B, n), 0 at bad channels."""
    return views.batch["values"].detach().where(views.batch["valid"], 0)


def completed(views) -> Tensor:
    """Return the spectra, measured at visible and reconstructed at hidden channels, (B, n)."""
    return torch.where(views.hidden, views.reconstruction, measured(views))


def slope(y: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the slope of `y` (B, n) between neighbours per `SLOPE_UNIT`, (B, n - 1).

    It is finite where `wavenumber` (B, n) is NaN.
    """
    gap = (wavenumber[:, 1:] - wavenumber[:, :-1]) / SLOPE_UNIT
    return (y[:, 1:] - y[:, :-1]) / gap.nan_to_num(1.0).to(y)


def partly_hidden(views) -> Tensor:
    """Return the pairs of good neighbours with at least one hidden channel, (B, n - 1)."""
    valid, hidden = views.batch["valid"], views.hidden
    return valid[:, 1:] & valid[:, :-1] & (hidden[:, 1:] | hidden[:, :-1])


def pairs_of_one_grid(grid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of disjoint random pairs with the same number in `grid`, (pairs,) each."""
    order = torch.randperm(len(grid), device=grid.device)
    order = order[grid[order].argsort(stable=True)]
    grid = grid[order]
    rank = torch.arange(len(grid), device=grid.device) - torch.searchsorted(grid, grid)
    is_first = (rank[:-1] % 2 == 0) & (grid[:-1] == grid[1:])
    return order[:-1][is_first], order[1:][is_first]


def _neighbourhood(x: Tensor) -> Tensor:
    """Return the neighbourhoods (B, n, 2 * FLANK_LENGTH + 1) of all channels, padded with zeros."""
    return windows(F.pad(x, (FLANK_LENGTH, FLANK_LENGTH)), 2 * FLANK_LENGTH + 1, 1)

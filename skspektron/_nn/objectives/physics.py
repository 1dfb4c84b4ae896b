"""What physics says about a reconstruction in absorbance, one objective a law.

All but Beer and Lambert's look at the completed spectrum: measured where the network saw it
and reconstructed where it did not, so that a law also holds across the border of the two.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..tokens.windows import windows
from .masked import mean_over

UNIT = 5.0  # cm-1 of slopes: the deviation of the narrowest bands of liquids and solids
REACH = 3  # channels on either side of a band's maximum


class _Law(nn.Module):
    """An objective without parameters, on spectra in absorbance."""

    NEEDS: ClassVar[frozenset[str]] = frozenset({"absorbance"})

    def __init__(self, network, n_instruments: int):
        super().__init__()


class Smoothness(_Law):
    """Squared slope per 5 cm-1: what changes from channel to channel is noise.

    Bands have slopes too, up to 0.6 of their height for the narrowest: weigh it lightly.
    """

    def forward(self, views) -> Tensor:
        """Return the mean over neighbours of which one is hidden or both are."""
        slopes = slope(completed(views), views.batch["wavenumber"])
        return mean_over(slopes.square(), touched(views))


class NonNegativity(_Law):
    """What lies below zero: no sample emits light."""

    def forward(self, views) -> Tensor:
        """Return the mean depth below zero over the hidden channels."""
        return mean_over(F.relu(-completed(views)), views.hidden)


class Derivative(_Law):
    """Squared error of the first derivative, per 5 cm-1: the shape of bands, not their level."""

    def forward(self, views) -> Tensor:
        """Return the mean over neighbours of which one is hidden or both are."""
        error = completed(views) - measured(views)
        return mean_over(slope(error, views.batch["wavenumber"]).square(), touched(views))


class PeakSymmetry(_Law):
    """Squared difference of the two flanks of every band, up to 3 channels from its maximum.

    A band's maximum is a channel above all others within that reach. Channels stand for
    wavenumbers, also on an axis even in nm, where gaps grow by 0.2 % a channel at 2000 nm in
    steps of 2.
    """

    def forward(self, views) -> Tensor:
        """Return the mean over the flanks of bands that touch a hidden channel."""
        around = _around(completed(views))  # (B, n, 2 * REACH + 1)
        left, peak, right = around.split((REACH, 1, REACH), dim=-1)
        is_band = ((peak > left) & (peak > right)).all(-1)
        counts = _around(views.batch["valid"]).all(-1) & _around(views.hidden).any(-1)
        return mean_over((left.flip(-1) - right).square().mean(-1), is_band & counts)


class BeerLambert(_Law):
    r"""Departure of latents from linearity in the spectrum, over the latents' variance.

    Absorbances of a mixture add up [1]_, so its latent shall be the mixture of latents,
    :math:`z(a x_1 + (1-a) x_2) = a z(x_1) + (1-a) z(x_2)` with a drawn between 0 and 1. The
    variance makes the value free of the latents' scale: shrinking them is no way out.

    Notes
    -----
    Rows of one grid are paired at random, each row once, and all three spectra are encoded
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
            **{k: batch[k][first].repeat(3) for k in ("grid", "domain") if k in batch},
        }
        with torch.autocast(x.device.type, enabled=False):  # else rounding is what is measured
            latent = views.encode(mixed)
        # The sample of a variational latent is noisy: its mean is what shall be linear.
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
    """Return the measured spectra with their hidden channels as reconstructed, (B, n)."""
    return torch.where(views.hidden, views.reconstruction, measured(views))


def slope(y: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the slope of `y` (B, n) between neighbours per `UNIT`, (B, n - 1).

    Finite where `wavenumber` (B, n) is NaN.
    """
    gap = (wavenumber[:, 1:] - wavenumber[:, :-1]) / UNIT
    return (y[:, 1:] - y[:, :-1]) / gap.nan_to_num(1.0).to(y)


def touched(views) -> Tensor:
    """Return which neighbours are both good, and one of them hidden, (B, n - 1)."""
    valid, hidden = views.batch["valid"], views.hidden
    return valid[:, 1:] & valid[:, :-1] & (hidden[:, 1:] | hidden[:, :-1])


def pairs_of_one_grid(grid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of disjoint random pairs, (pairs,) each, both of one number in `grid`."""
    order = torch.randperm(len(grid), device=grid.device)
    order = order[grid[order].argsort(stable=True)]
    grid = grid[order]
    rank = torch.arange(len(grid), device=grid.device) - torch.searchsorted(grid, grid)
    begins = (rank[:-1] % 2 == 0) & (grid[:-1] == grid[1:])
    return order[:-1][begins], order[1:][begins]


def _around(x: Tensor) -> Tensor:
    """Return every channel (B, n) with `REACH` neighbours on either side, zeros past the ends."""
    return windows(F.pad(x, (REACH, REACH)), 2 * REACH + 1, 1)

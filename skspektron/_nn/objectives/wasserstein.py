"""Wasserstein distance of spectra along the wavenumber axis."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .masked import mean_over
from .physics import completed, measured

SOFTNESS = 0.1  # width of the softplus, relative to the mean absorbance of a spectrum


class Wasserstein(nn.Module):
    r"""Wasserstein-1 distance along the axis between the completed and the measured spectrum.

    Both spectra are scaled to densities of unit mass on the wavenumber axis. Their distance is
    that of the distribution functions, :math:`W_1 = \int |F - G|\, d\nu` [1]_, divided by the
    range of the axis. It is proportional to the shift of a band, whereas a squared error
    saturates once the bands no longer overlap.

    Parameters
    ----------
    network, n_instruments
        Not used.

    Notes
    -----
    The completed spectrum is measured at visible and reconstructed at hidden channels. A
    softplus, whose width is a tenth of the measured mean, is applied to both spectra. Negative
    values then have a small mass and a gradient, and equal spectra have distance 0. The
    distance does not depend on the scale of a spectrum, which only the masked error constrains.

    References
    ----------
    .. [1] Vallender, Theory Probab. Appl. 18 (1974) 784-786.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"absorbance"})

    def __init__(self, network, n_instruments: int):
        super().__init__()

    def forward(self, views) -> Tensor:
        """Return the mean over spectra with hidden channels."""
        valid, gap = views.batch["valid"], _gaps(views.batch["wavenumber"])
        target = measured(views)
        softness = SOFTNESS * mean_absorbance(target, valid)
        width = (F.pad(gap, (1, 0)) + F.pad(gap, (0, 1))) / 2  # of a channel, (B, n)
        weight = (width * valid).to(target)
        F_target = distribution(target, weight, softness)
        F_completed = distribution(completed(views), weight, softness)
        moved = ((F_completed - F_target).abs()[:, :-1] * gap.to(target)).sum(1)
        span = gap.sum(1).to(target)
        tiny = torch.finfo(target.dtype).tiny
        return mean_over(moved / span.clamp(min=tiny), views.hidden.any(1))


def distribution(y: Tensor, weight: Tensor, softness: Tensor) -> Tensor:
    """Return the distribution functions of spectra (B, n), cumulative over channels."""
    mass = softness * F.softplus(y / softness) * weight
    total = mass.sum(1, keepdim=True)
    return mass.cumsum(1) / total.clamp(min=torch.finfo(y.dtype).tiny)


def mean_absorbance(y: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of max(0, y) over good channels, (B, 1), or 1 where that is 0."""
    mean = F.relu(y).sum(1, keepdim=True) / valid.sum(1, keepdim=True).clamp(min=1)
    return mean.where(mean > 0, 1)


def _gaps(wavenumber: Tensor) -> Tensor:
    """Return the distances of neighbouring channels, (B, n - 1), 0 in the padding."""
    return (wavenumber[:, 1:] - wavenumber[:, :-1]).nan_to_num(0.0)

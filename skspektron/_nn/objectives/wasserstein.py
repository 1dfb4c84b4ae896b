"""How far along the axis absorbance has to be moved."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .masked import mean_over
from .physics import completed, measured

SOFTNESS = 0.1  # of a spectrum's mean absorbance: how gently it is cut off below zero


class Wasserstein(nn.Module):
    r"""Wasserstein-1 distance along the axis between a completed and the measured spectrum.

    Both are densities of one unit of mass on the wavenumber axis, and their distance is that
    of the distribution functions, :math:`W_1 = \int |F - G|\, d\nu` [1]_, as a share of the
    axis' range. It grows in proportion to the shift of a band, where a squared error
    saturates as soon as the bands do not overlap.

    Parameters
    ----------
    network, n_instruments
        Not used.

    Notes
    -----
    The completed spectrum is measured where the network saw it and reconstructed where it did
    not. What is negative has little mass but some: values pass a softplus whose width is a
    tenth of the measured mean, in both spectra, so that equal ones are at distance 0 and a
    reconstruction below zero is still pulled up. The level of a spectrum cancels; the masked
    error is what teaches it.

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
    """Return the cumulative share of the mass of spectra (B, n), one channel after the other."""
    mass = softness * F.softplus(y / softness) * weight
    total = mass.sum(1, keepdim=True)
    return mass.cumsum(1) / total.clamp(min=torch.finfo(y.dtype).tiny)


def mean_absorbance(y: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of what is above zero at good channels, (B, 1); 1 where nothing is."""
    mean = F.relu(y).sum(1, keepdim=True) / valid.sum(1, keepdim=True).clamp(min=1)
    return mean.where(mean > 0, 1)


def _gaps(wavenumber: Tensor) -> Tensor:
    """Return the distances of neighbouring channels, (B, n - 1), 0 behind a row's own end."""
    return (wavenumber[:, 1:] - wavenumber[:, :-1]).nan_to_num(0.0)

"""Latents of spectra from pooled tokens."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOGVAR_LIMIT = 10.0


class Gaussian(NamedTuple):
    """Independent normal distributions, and a sample of each (the mean outside training)."""

    mean: Tensor  # (B, d)
    logvar: Tensor  # (B, d), natural logarithm of the variance
    sample: Tensor  # (B, d)


class Latent(NamedTuple):
    """Latent of a batch of spectra; only a bottleneck has separate parts."""

    z: Tensor  # (B, d_latent), used by regressors and objectives
    chemistry: Gaussian | None = None
    instrument: Gaussian | None = None


class PlainLatent(nn.Module):
    """Use the pooled tokens unchanged, which keeps amplitudes and hence concentrations."""

    def __init__(self, d_model: int):
        super().__init__()
        self.d_latent = d_model

    def forward(self, pooled: Tensor) -> Latent:
        """Return the pooled tokens (B, D) as a latent."""
        return Latent(pooled)


class SphereLatent(nn.Module):
    """Project pooled tokens linearly, and normalize to the unit sphere.

    Amplitudes are lost, so this latent is suited to clustering but not to predicting
    concentrations. A projection of zero is mapped to the first axis.
    """

    def __init__(self, d_model: int, d_latent: int):
        super().__init__()
        self.d_latent = d_latent
        self.project = nn.Linear(d_model, d_latent)

    def forward(self, pooled: Tensor) -> Latent:
        """Return pooled tokens (B, D) as points of norm 1, (B, d_latent)."""
        z = self.project(pooled).float()
        # By the largest coordinate first, so that squares neither underflow nor overflow.
        z = F.normalize(F.normalize(z, p=torch.inf, dim=1, eps=1e-30), dim=1)
        pole = F.one_hot(torch.zeros_like(z[:, 0], dtype=torch.long), self.d_latent).to(z)
        return Latent(torch.where((z == 0).all(1, keepdim=True), pole, z))


class BottleneckLatent(nn.Module):
    """Variational bottleneck with one part for the chemistry and one for the instrument [1]_.

    Regressors and most objectives use the chemistry part only. The instrument part lets a
    decoder reconstruct spectra without instrument effects in the chemistry part.

    References
    ----------
    .. [1] Alemi, Fischer, Dillon & Murphy, ICLR (2017), arXiv:1612.00410.
    """

    def __init__(self, d_model: int, d_latent: int, d_instrument: int):
        super().__init__()
        self.d_latent, self.d_instrument = d_latent, d_instrument
        self.chemistry = nn.Linear(d_model, 2 * d_latent)
        self.instrument = nn.Linear(d_model, 2 * d_instrument)

    def forward(self, pooled: Tensor) -> Latent:
        """Return the latents (B, d_latent) and (B, d_instrument) of pooled tokens (B, D)."""
        chemistry = self._draw(self.chemistry(pooled))
        return Latent(chemistry.sample, chemistry, self._draw(self.instrument(pooled)))

    def _draw(self, parameters: Tensor) -> Gaussian:
        """Return the distributions with means and log variances (B, 2 d), sampled in training."""
        mean, logvar = parameters.float().chunk(2, dim=1)
        logvar = logvar.clamp(-LOGVAR_LIMIT, LOGVAR_LIMIT)
        if not self.training:
            return Gaussian(mean, logvar, mean)
        return Gaussian(mean, logvar, mean + torch.exp(logvar / 2) * torch.randn_like(mean))

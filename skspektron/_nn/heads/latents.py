"""From pooled tokens to the latent of a spectrum."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOGVAR_LIMIT = 10.0


class Gaussian(NamedTuple):
    """Independent normal distributions, and one draw of each (the mean outside training)."""

    mean: Tensor  # (B, d)
    logvar: Tensor  # (B, d), natural logarithm of the variance
    sample: Tensor  # (B, d)


class Latent(NamedTuple):
    """What a spectrum is summarised to; only a bottleneck has the two parts."""

    z: Tensor  # (B, d_latent), what regressors and objectives read
    chemistry: Gaussian | None = None
    instrument: Gaussian | None = None


class PlainLatent(nn.Module):
    """Take the pooled tokens as they are: amplitudes, and so concentrations, stay readable."""

    def __init__(self, d_model: int):
        super().__init__()
        self.d_latent = d_model

    def forward(self, pooled: Tensor) -> Latent:
        """Return pooled tokens (B, D) as a latent of the same width."""
        return Latent(pooled)


class SphereLatent(nn.Module):
    """Project pooled tokens to the unit sphere, where cosine similarity is all there is.

    Amplitude is lost: made for clustering, not for concentrations. Zero has no direction
    and takes the first axis.
    """

    def __init__(self, d_model: int, d_latent: int):
        super().__init__()
        self.d_latent = d_latent
        self.project = nn.Linear(d_model, d_latent)

    def forward(self, pooled: Tensor) -> Latent:
        """Return pooled tokens (B, D) as points of norm 1, (B, d_latent)."""
        z = self.project(pooled).float()
        # Twice: the square of a tiny coordinate underflows, that of one between 0 and 1 cannot.
        z = F.normalize(F.normalize(z, p=torch.inf, dim=1, eps=1e-30), dim=1)
        pole = F.one_hot(torch.zeros_like(z[:, 0], dtype=torch.long), self.d_latent).to(z)
        return Latent(torch.where((z == 0).all(1, keepdim=True), pole, z))


class BottleneckLatent(nn.Module):
    """Split pooled tokens into a Gaussian of the chemistry and one of the instrument [1]_.

    Regressors and most objectives read the chemistry alone; what tells instruments apart has
    a part of its own, so that a decoder does not need it in the chemistry.

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
        """Return pooled tokens (B, D) as (B, d_latent) and (B, d_instrument)."""
        chemistry = self._draw(self.chemistry(pooled))
        return Latent(chemistry.sample, chemistry, self._draw(self.instrument(pooled)))

    def _draw(self, parameters: Tensor) -> Gaussian:
        """Read means and logarithms of variances (B, 2 d), and draw in training."""
        mean, logvar = parameters.float().chunk(2, dim=1)
        logvar = logvar.clamp(-LOGVAR_LIMIT, LOGVAR_LIMIT)
        if not self.training:
            return Gaussian(mean, logvar, mean)
        return Gaussian(mean, logvar, mean + torch.exp(logvar / 2) * torch.randn_like(mean))

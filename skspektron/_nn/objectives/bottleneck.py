"""Separation of chemistry and instrument by a variational information bottleneck."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..heads.decoders import BasisDecoder
from ..heads.latents import Gaussian
from ..heads.reversal import reversal_strength, reverse_gradient

D_HIDDEN, N_BASIS = 128, 64
BANDWIDTHS = (0.25, 1.0, 4.0)  # squared, relative to the mean squared distance
LINEAR_KERNEL_WEIGHT = 0.2
WHITENING_RIDGE = 0.1  # added to the diagonal of the correlation matrix


class Bottleneck(nn.Module):
    r"""Remove instrument effects from the chemistry part of a variational bottleneck [1]_.

    The loss is the weighted sum of five terms: the divergence of both parts of the latent from a
    standard normal distribution, with weight :math:`\beta`; the error of a reconstruction from
    both parts (`RECONSTRUCTION_WEIGHT`); the error of classifying the instrument from the
    instrument part (`CLASSIFIER_WEIGHT`); the same error from the chemistry part with gradient
    reversal [2]_ (`ADVERSARY_WEIGHT`); and the statistical dependence between chemistry part and
    instrument (`INDEPENDENCE_WEIGHT`).

    Parameters
    ----------
    network : nn.Module
        Network whose latent is a bottleneck of widths `d_latent` and `d_instrument`.
    n_instruments : int
        Number of instruments.

    Notes
    -----
    The divergence alone is minimal for a latent without information. The reconstruction keeps
    the chemistry in the latent, and the instrument part holds the instrument effects that the
    reconstruction needs. The weight of the dependence rises as :math:`\beta` falls: from the
    start, it would remove instrument effects from the encoder before the instrument part has
    learnt them. The weight of the adversary is small, because the encoder learns faster than
    its classifier; the measure of dependence needs no classifier.

    Dependence is removed over the batch. If instruments measured different kinds of samples,
    differences between these samples are removed as well.

    References
    ----------
    .. [1] Alemi, Fischer, Dillon & Murphy, ICLR (2017), arXiv:1612.00410.
    .. [2] Ganin & Lempitsky, ICML (2015) 1180-1189, arXiv:1409.7495.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"instruments", "bottleneck"})
    RECONSTRUCTION_WEIGHT: ClassVar[float] = 20.0
    CLASSIFIER_WEIGHT: ClassVar[float] = 5.0
    ADVERSARY_WEIGHT: ClassVar[float] = 0.1
    INDEPENDENCE_WEIGHT: ClassVar[float] = 100.0

    def __init__(self, network: nn.Module, n_instruments: int):
        super().__init__()
        d_chemistry, d_instrument = network.d_latent, network.d_instrument
        self.decoder = BasisDecoder(d_chemistry + d_instrument, D_HIDDEN, N_BASIS)
        self.classifier = nn.Linear(d_instrument, n_instruments)
        self.adversary = nn.Sequential(
            nn.Linear(d_chemistry, D_HIDDEN),
            nn.GELU(),
            nn.Linear(D_HIDDEN, D_HIDDEN),
            nn.GELU(),
            nn.Linear(D_HIDDEN, n_instruments),
        )

    def forward(self, views) -> Tensor:
        """Return the sum of all terms for a batch."""
        batch, latent = views.batch, views.latent
        instrument, progress = batch["instrument"], batch["progress"]
        hidden = reverse_gradient(latent.chemistry.sample, reversal_strength(progress))
        divergence = kl_divergence(latent.chemistry) + kl_divergence(latent.instrument)
        return (
            beta(progress) * divergence
            + self.RECONSTRUCTION_WEIGHT * self._reconstruction_error(batch, latent)
            + self.CLASSIFIER_WEIGHT
            * F.cross_entropy(self.classifier(latent.instrument.sample), instrument)
            + self.ADVERSARY_WEIGHT * F.cross_entropy(self.adversary(hidden), instrument)
            + self.INDEPENDENCE_WEIGHT
            * (1 - fade(progress))
            * dependence(latent.chemistry.mean, instrument)
        )

    def _reconstruction_error(self, batch, latent) -> Tensor:
        """Return the mean squared error of the good channels over the variance of the spectra."""
        values, valid = batch["values"], batch["valid"]
        both = torch.cat([latent.chemistry.sample, latent.instrument.sample], dim=1)
        decoded = self.decoder(both, batch["wavenumber"], batch["grid"])
        count = valid.sum(1, keepdim=True).clamp(min=1)
        mean = values.masked_fill(~valid, 0).sum(1, keepdim=True) / count
        variance = (values - mean)[valid].square().mean()
        return (decoded - values)[valid].square().mean() / variance.clamp(min=1e-12)


def kl_divergence(gaussian: Gaussian) -> Tensor:
    r"""Return :math:`-\frac12 \sum (1 + \log\sigma^2 - \mu^2 - \sigma^2)`, averaged over rows."""
    mean, logvar, _ = gaussian
    return (mean.square() + logvar.exp() - 1 - logvar).sum(1).mean() / 2


def fade(progress: Tensor) -> Tensor:
    """Return a half cosine that falls from 1 at the first step to 0 at 60 % of the steps."""
    return (1 + torch.cos(math.pi * (progress / 0.6).clamp(max=1))) / 2


def beta(progress: Tensor) -> Tensor:
    """Return the weight of the divergence, which falls from 0.1 to 0.001."""
    start, end = 0.1, 1e-3
    return end + (start - end) * fade(progress)


def dependence(z: Tensor, label: Tensor) -> Tensor:
    r"""Return the dependence of latents (B, d) on labels (B,), 0 on average if independent.

    This is the unbiased Hilbert-Schmidt independence criterion [1]_ of a kernel on the latents
    and the kernel of equal labels. Gaussian kernels of standardized latents detect any
    dependence. A linear kernel of whitened latents detects mean shifts along directions of
    small variance. The value does not depend on the scale of the latents.

    References
    ----------
    .. [1] Song, Smola, Gretton, Bedo & Borgwardt, JMLR 13 (2012) 1393-1434, eq. 4.
    """
    m = len(z)
    if m < 4:  # not defined for smaller batches
        return 0 * z.sum()
    different = ~torch.eye(m, dtype=torch.bool, device=z.device)
    K = _kernels(z) * different
    L = ((label[:, None] == label) & different).to(K)
    total = (K * L).sum() + K.sum() * L.sum() / ((m - 1) * (m - 2))
    return (total - 2 * (K.sum(0) @ L.sum(0)) / (m - 2)) / (m * (m - 3))


def _kernels(z: Tensor) -> Tensor:
    """Return Gaussian kernels of standardized plus a linear kernel of whitened latents, (B, B)."""
    variance = z.var(0, correction=0)
    z = (z - z.mean(0)) / torch.where(variance > 0, variance, 1).sqrt()
    # The matrix product would lose digits by cancellation, and under autocast.
    mode = "donot_use_mm_for_euclid_dist"
    distance = torch.cdist(z, z, compute_mode=mode).square()
    distance = distance / distance.mean().clamp(min=torch.finfo(z.dtype).tiny)
    gaussian = sum(torch.exp(-distance / width) for width in BANDWIDTHS)
    with torch.autocast(z.device.type, enabled=False):
        correlation = z.T @ z / len(z)
        ridge = WHITENING_RIDGE * torch.eye(z.shape[1], device=z.device)
        return gaussian + LINEAR_KERNEL_WEIGHT * z @ torch.linalg.solve(correlation + ridge, z.T)

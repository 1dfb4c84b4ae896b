"""Chemistry apart from the instrument, by an information bottleneck."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..heads.decoders import BasisDecoder
from ..heads.latents import Gaussian
from ..heads.reversal import reversal_strength, reverse_gradient

D_HIDDEN, N_BASIS = 128, 64
BANDWIDTHS = (0.25, 1.0, 4.0)  # squared, in units of the mean squared distance
LINEAR, RIDGE = 0.2, 0.1  # weight of the linear kernel; added to correlations before whitening


class Bottleneck(nn.Module):
    r"""Keep what a spectrum says of its sample, and not of its instrument, in the chemistry.

    A variational bottleneck [1]_ with two parts, a sum of terms:
    :math:`\beta` times the divergence of both parts from a standard normal distribution;
    reconstruction from both parts, times `FIDELITY`; the instrument, classified from its part,
    times `RECOGNITION`; the instrument, classified from the chemistry behind a reversed
    gradient [2]_, times `ADVERSARY`; dependence of chemistry and instrument, times `INDEPENDENCE`.

    Parameters
    ----------
    network : nn.Module
        Its latent is a bottleneck of widths `d_latent` and `d_instrument`.
    n_instruments : int
        Number of instruments, any.

    Notes
    -----
    Divergence alone is least where the latent says nothing: the reconstruction is what keeps the
    chemistry readable, and the part of the instrument is what lets it do without the instrument.
    Independence is asked for as :math:`\beta` fades: from the start it would take
    the instrument out of the encoder before its part has learnt to read it.
    The adversary is weak, since the encoder outruns it; the measure of dependence has no
    classifier to outrun.

    Chemistry is made independent of the instrument over the batch: instruments that measured
    different kinds of samples lose what tells those apart.

    References
    ----------
    .. [1] Alemi, Fischer, Dillon & Murphy, ICLR (2017), arXiv:1612.00410.
    .. [2] Ganin & Lempitsky, ICML (2015) 1180-1189, arXiv:1409.7495.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"instruments", "bottleneck"})
    FIDELITY: ClassVar[float] = 20.0
    RECOGNITION: ClassVar[float] = 5.0
    ADVERSARY: ClassVar[float] = 0.1
    INDEPENDENCE: ClassVar[float] = 100.0

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
            + self.FIDELITY * self._infidelity(batch, latent)
            + self.RECOGNITION
            * F.cross_entropy(self.classifier(latent.instrument.sample), instrument)
            + self.ADVERSARY * F.cross_entropy(self.adversary(hidden), instrument)
            + self.INDEPENDENCE
            * (1 - fade(progress))
            * dependence(latent.chemistry.mean, instrument)
        )

    def _infidelity(self, batch, latent) -> Tensor:
        """Return the squared error of the good channels, in units of a spectrum's variance."""
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
    """Return half a cosine: 1 at the first step, 0 from 60 % of the steps on."""
    return (1 + torch.cos(math.pi * (progress / 0.6).clamp(max=1))) / 2


def beta(progress: Tensor) -> Tensor:
    """Return the weight of the divergence: it fades from 0.1 to 0.001."""
    start, end = 0.1, 1e-3
    return end + (start - end) * fade(progress)


def dependence(z: Tensor, label: Tensor) -> Tensor:
    r"""Return how far latents (B, d) depend on labels (B,): 0 on average where they do not.

    The unbiased Hilbert-Schmidt independence criterion [1]_ of the latents' kernels with the
    kernel of equal labels. Gaussian kernels of standardised latents see any dependence; a
    linear kernel of whitened ones sees a shift of the mean along a direction of little
    variance, which a linear probe finds first. No shrinking of the latents makes it smaller.

    References
    ----------
    .. [1] Song, Smola, Gretton, Bedo & Borgwardt, JMLR 13 (2012) 1393-1434, eq. 4.
    """
    m = len(z)
    if m < 4:  # the smallest batch it is defined for
        return 0 * z.sum()
    different = ~torch.eye(m, dtype=torch.bool, device=z.device)
    K = _kernels(z) * different
    L = ((label[:, None] == label) & different).to(K)
    total = (K * L).sum() + K.sum() * L.sum() / ((m - 1) * (m - 2))
    return (total - 2 * (K.sum(0) @ L.sum(0)) / (m - 2)) / (m * (m - 3))


def _kernels(z: Tensor) -> Tensor:
    """Return Gaussian kernels of standardised, and a linear one of whitened, latents, (B, B)."""
    variance = z.var(0, correction=0)
    z = (z - z.mean(0)) / torch.where(variance > 0, variance, 1).sqrt()
    mode = "donot_use_mm_for_euclid_dist"  # which cancels, and rounds under autocast
    distance = torch.cdist(z, z, compute_mode=mode).square()
    distance = distance / distance.mean().clamp(min=torch.finfo(z.dtype).tiny)
    gaussian = sum(torch.exp(-distance / width) for width in BANDWIDTHS)
    with torch.autocast(z.device.type, enabled=False):
        correlation = z.T @ z / len(z)
        ridge = RIDGE * torch.eye(z.shape[1], device=z.device)
        return gaussian + LINEAR * z @ torch.linalg.solve(correlation + ridge, z.T)

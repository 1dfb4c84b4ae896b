"""Equal latents for the same sample on two instruments."""

import copy
import math
from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..views import spectra_of

D_HIDDEN, D_PROJECTED = 256, 128


class BYOL(nn.Module):
    r"""Bootstrap Your Own Latent, on pairs of spectra of one sample on two instruments [1]_.

    A predictor maps projections of the network in training (*online*) to those of a target
    network, a moving average of network and projector without gradients. No negative pairs are
    needed.

    Parameters
    ----------
    network : nn.Module
        Network in training. The target network is initialized as its copy.
    n_instruments : int
        Not used: the batch holds the pairs.

    Notes
    -----
    The loss is :math:`2 - 2\cos(q(g(z_1)), g'(z'_2))`, averaged over both directions, in [0, 4].
    LayerNorm replaces the batch norm of [1]_, so that the loss of a spectrum does not depend on
    its batch.

    References
    ----------
    .. [1] Grill, Strub, Altché et al., NeurIPS (2020), arXiv:2006.07733.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"pairs"})
    MOMENTUM: ClassVar[float] = 0.996  # tau of the first step

    def __init__(self, network: nn.Module, n_instruments: int):
        super().__init__()
        self.projector = _perceptron(network.d_latent)
        self.predictor = _perceptron(D_PROJECTED)
        self.target = copy.deepcopy(network).requires_grad_(False)
        self.target_projector = copy.deepcopy(self.projector).requires_grad_(False)

    def forward(self, views) -> Tensor:
        """Return the mean loss of the rows with a partner, 0 without any."""
        batch, paired = views.batch, views.batch["paired"]
        if not paired.any():
            return _zero_loss(self, views.latent.z)
        p1, p2 = (
            self.predictor(self.projector(latent.z[paired]))
            for latent in (views.latent, views.partner_latent)
        )
        z1, z2 = (self._target_projection(spectra)[paired] for spectra in (batch, batch["partner"]))
        cosine = F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)
        return (2 - cosine).mean()

    @torch.no_grad()
    def _target_projection(self, spectra) -> Tensor:
        """Return the projected latents of the target network, (B, D_PROJECTED)."""
        self.target.eval()  # targets without dropout and sampling noise
        latent = self.target.latent_of(**spectra_of(spectra))
        return self.target_projector(latent.z)

    @torch.no_grad()
    def after_step(self, network: nn.Module, progress: float) -> None:
        """Update the target network: xi <- tau xi + (1 - tau) theta."""
        tau = momentum(progress, self.MOMENTUM)
        for target, online in ((self.target, network), (self.target_projector, self.projector)):
            for xi, theta in zip(target.parameters(), online.parameters(), strict=True):
                xi.lerp_(theta, 1 - tau)
            for xi, theta in zip(target.buffers(), online.buffers(), strict=True):
                xi.copy_(theta)


class InfoNCE(nn.Module):
    """Identify a sample's spectrum on another instrument among those of other samples [1]_.

    Parameters
    ----------
    network : nn.Module
        Network with latents of width `d_latent`.
    n_instruments : int
        Not used: the batch holds the pairs.

    Notes
    -----
    The loss is NT-Xent over both directions: the cross-entropy of cosine similarities divided
    by a temperature of 0.1. Other rows of the same `sample` are not negatives. Without negatives
    the loss is 0.

    References
    ----------
    .. [1] van den Oord, Li & Vinyals, arXiv:1807.03748 (2018); Chen, Kornblith, Norouzi &
       Hinton, ICML (2020), arXiv:2002.05709.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"pairs"})
    TEMPERATURE: ClassVar[float] = 0.1

    def __init__(self, network: nn.Module, n_instruments: int):
        super().__init__()
        self.projector = _perceptron(network.d_latent)

    def forward(self, views) -> Tensor:
        """Return the mean loss of the rows with a partner, 0 without any."""
        paired = views.batch["paired"]
        if not paired.any():
            return _zero_loss(self, views.latent.z)
        z1, z2 = (
            F.normalize(self.projector(latent.z[paired]).float(), dim=1)
            for latent in (views.latent, views.partner_latent)
        )
        return nt_xent(z1, z2, views.batch["sample"][paired], self.TEMPERATURE)


def nt_xent(z1: Tensor, z2: Tensor, sample: Tensor, temperature: float) -> Tensor:
    """Return the NT-Xent loss of pairs of unit vectors (K, d) of the samples `sample` (K,)."""
    K = len(z1)
    z, sample = torch.cat([z1, z2]), torch.cat([sample, sample])
    similarity = z @ z.T / temperature  # (2 K, 2 K)
    row = torch.arange(2 * K, device=z.device)
    partner = (row + K) % (2 * K)
    candidate = (sample[:, None] != sample) | (partner[:, None] == row)
    return F.cross_entropy(similarity.masked_fill(~candidate, -torch.inf), partner)


def momentum(progress: float, start: float) -> float:
    """Return tau = 1 - (1 - start) (cos(pi p) + 1) / 2, from `start` at p = 0 to 1 at p = 1."""
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2


def _perceptron(d_in: int) -> nn.Sequential:
    """Return two linear layers with LayerNorm and GELU between them."""
    layers = OrderedDict(
        widen=nn.Linear(d_in, D_HIDDEN),
        norm=nn.LayerNorm(D_HIDDEN),  # "norm" in the name excludes it from weight decay
        bend=nn.GELU(),
        narrow=nn.Linear(D_HIDDEN, D_PROJECTED),
    )
    return nn.Sequential(layers)


def _zero_loss(module: nn.Module, z: Tensor) -> Tensor:
    """Return 0 with a zero gradient for `z` and every trained parameter of `module`."""
    trained = (parameter.sum() for parameter in module.parameters() if parameter.requires_grad)
    return 0 * (z.sum() + sum(trained))

"""The same sample on two instruments shall have one latent."""

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
    r"""Predict a slowly moving network's latent of the same sample on another instrument [1]_.

    Projections of the online network are mapped by a predictor to those of the target, a
    running average of network and projector that gradients do not reach. Needs no negatives.

    Parameters
    ----------
    network : nn.Module
        The network in training; the target begins as its copy.
    n_instruments : int
        Not read: partners are told by the batch.

    Notes
    -----
    The loss is :math:`2 - 2\cos(q(g(z_1)), g'(z'_2))`, the mean of both directions, in [0, 4].
    LayerNorm takes the place of the batch norm of [1]_: a spectrum's loss does not depend on its
    batch.

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
        """Return the loss of the rows that have a partner; 0 without any."""
        batch, paired = views.batch, views.batch["paired"]
        if not paired.any():
            return _zero(self, views.latent.z)
        p1, p2 = (
            self.predictor(self.projector(latent.z[paired]))
            for latent in (views.latent, views.partner_latent)
        )
        z1, z2 = (self._goal(spectra)[paired] for spectra in (batch, batch["partner"]))
        cosine = F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)
        return (2 - cosine).mean()

    @torch.no_grad()
    def _goal(self, spectra) -> Tensor:
        """Project latents of the target network, (B, D_PROJECTED)."""
        self.target.eval()  # its dropout and its bottleneck's noise would move the goal
        latent = self.target.latent_of(**spectra_of(spectra))
        return self.target_projector(latent.z)

    @torch.no_grad()
    def after_step(self, network: nn.Module, progress: float) -> None:
        """Move the target towards the online network: xi <- tau xi + (1 - tau) theta."""
        tau = momentum(progress, self.MOMENTUM)
        for target, online in ((self.target, network), (self.target_projector, self.projector)):
            for xi, theta in zip(target.parameters(), online.parameters(), strict=True):
                xi.lerp_(theta, 1 - tau)
            for xi, theta in zip(target.buffers(), online.buffers(), strict=True):
                xi.copy_(theta)


class InfoNCE(nn.Module):
    """Find a sample's spectrum on the other instrument among those of other samples [1]_.

    Parameters
    ----------
    network : nn.Module
        Its `d_latent` is the width of what is projected.
    n_instruments : int
        Not read: partners are told by the batch.

    Notes
    -----
    NT-Xent over both directions: cross-entropy of cosines over a temperature of 0.1, where rows
    of the same `sample` are no negatives. Without other samples there is nothing to tell apart:
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
        """Return the loss of the rows that have a partner; 0 without any."""
        paired = views.batch["paired"]
        if not paired.any():
            return _zero(self, views.latent.z)
        z1, z2 = (
            F.normalize(self.projector(latent.z[paired]).float(), dim=1)
            for latent in (views.latent, views.partner_latent)
        )
        return nt_xent(z1, z2, views.batch["sample"][paired], self.TEMPERATURE)


def nt_xent(z1: Tensor, z2: Tensor, sample: Tensor, temperature: float) -> Tensor:
    """Return the NT-Xent loss of pairs of unit vectors (K, d), rows of samples (K,)."""
    K = len(z1)
    z, sample = torch.cat([z1, z2]), torch.cat([sample, sample])
    similarity = z @ z.T / temperature  # (2 K, 2 K)
    row = torch.arange(2 * K, device=z.device)
    partner = (row + K) % (2 * K)
    candidate = (sample[:, None] != sample) | (partner[:, None] == row)
    return F.cross_entropy(similarity.masked_fill(~candidate, -torch.inf), partner)


def momentum(progress: float, start: float) -> float:
    """Return tau = 1 - (1 - start) (cos(pi p) + 1) / 2: `start` at progress p = 0, 1 at p = 1."""
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2


def _perceptron(d_in: int) -> nn.Sequential:
    """Two layers with LayerNorm between them."""
    layers = OrderedDict(
        widen=nn.Linear(d_in, D_HIDDEN),
        norm=nn.LayerNorm(D_HIDDEN),  # the engine knows a norm, which does not decay, by its name
        bend=nn.GELU(),
        narrow=nn.Linear(D_HIDDEN, D_PROJECTED),
    )
    return nn.Sequential(layers)


def _zero(module: nn.Module, z: Tensor) -> Tensor:
    """Return 0 with a gradient, of zeros, for every trained parameter behind it."""
    trained = (parameter.sum() for parameter in module.parameters() if parameter.requires_grad)
    return 0 * (z.sum() + sum(trained))

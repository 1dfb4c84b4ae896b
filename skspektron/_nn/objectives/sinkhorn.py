"""Optimal transport between the latents of instruments."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIN_VARIANCE = 1e-24  # keeps the gradient finite for a batch of equal latents


class Sinkhorn(nn.Module):
    """Debiased Sinkhorn divergence between the latents of all pairs of instruments of a batch.

    It assumes that all instruments measured samples of the same population, and makes the
    distributions of their latents equal.

    Parameters
    ----------
    network, n_instruments
        Not used.
    reg : float, default=1.0
        Entropic regularization relative to the total variance of the latents of a batch, which
        is half their mean squared distance. Large values compare little more than means. Small
        values match single spectra, so that in a batch of 32 the sampling error outweighs
        the instrument effect.
    n_iterations : int, default=50
        Number of updates of the potentials.

    Notes
    -----
    The value is relative to the total variance as well, so it does not depend on the scale of
    the latents. Instruments with a single row are ignored; a batch with fewer than two others
    gives 0. All pairs are solved at once, in O(B^2) for a batch of B rows and any number of
    instruments. If the samples of the instruments differ in composition, these differences are
    reduced as well.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"instruments"})

    def __init__(self, network, n_instruments: int, *, reg: float = 1.0, n_iterations: int = 50):
        super().__init__()
        self.reg, self.n_iterations = reg, n_iterations

    def forward(self, views) -> Tensor:
        """Return the mean over pairs of instruments with at least two rows."""
        z, instrument = views.latent.z.float(), views.batch["instrument"]
        z = z - z.mean(0)
        z = z / (z.square().sum(1).mean() + MIN_VARIANCE).sqrt()
        _, label, counts = instrument.unique(return_inverse=True, return_counts=True)
        several = counts[label] > 1
        labels, label = label[several].unique(return_inverse=True)
        K = len(labels)
        if K < 2:
            return 0 * z.sum()
        D = divergences(z[several], F.one_hot(label, K), self.reg, self.n_iterations)
        return D.sum() / (K * (K - 1))


def sinkhorn_divergence(x: Tensor, y: Tensor, reg: float, n_iterations: int = 50) -> Tensor:
    r"""Return the debiased Sinkhorn divergence of two point clouds, 0 for equal clouds.

    :math:`S = OT(x, y) - OT(x, x)/2 - OT(y, y)/2` with
    :math:`OT = \min_P \langle P, C\rangle + \varepsilon\, KL(P \| \mu \otimes \nu)` and
    :math:`C_{ij} = |x_i - y_j|^2` [1]_. It interpolates between the squared Wasserstein-2
    distance at :math:`\varepsilon = 0` and the squared distance of the means at infinity.

    Parameters
    ----------
    x, y : Tensor of shape (N, D) and (M, D)
        Points of equal weight.
    reg : float
        :math:`\varepsilon`, in the squared unit of the points; positive.
    n_iterations : int, default=50
        Number of updates of the potentials.

    Notes
    -----
    It is computed in the log domain and in float32, under autocast too. Without the two self
    terms, the minimum over x would be a cloud that is shrunk. A small `reg` needs more updates.

    References
    ----------
    .. [1] Feydy, Sejourne, Vialard, Amari, Trouve & Peyre, AISTATS (2019) 2681-2690.
    """
    z, which = torch.cat([x, y]), torch.cat([x.new_zeros(len(x)), x.new_ones(len(y))])
    return divergences(z, F.one_hot(which.long(), 2), reg, n_iterations)[0, 1]


def divergences(z: Tensor, membership: Tensor, reg: float, n_iterations: int) -> Tensor:
    """Return the divergences (K, K) of K clouds of points (N, D), given `membership` (N, K)."""
    with torch.autocast(z.device.type, enabled=False):
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        membership = membership.to(z)
        f = potentials(z, membership, reg, n_iterations)
        # Row a: mean potential of the points of cloud a towards every cloud. S = D + D^T.
        means = (membership / membership.sum(0)).T @ f
        D = means - means.diagonal()[:, None]
        return D + D.T


def potentials(z: Tensor, membership: Tensor, reg: float, n_iterations: int) -> Tensor:
    """Return the potential of every point towards every cloud, (N, K).

    Between clouds a and b, potential f is column b at the points of a, potential g is column a
    at the points of b, and their means add up to OT(a, b). Both are updated at the same time and
    averaged with their previous values, so that self terms need no separate code and S(x, x) is
    0 after any number of updates. The regularization starts at the largest cost and is halved
    until it reaches `reg`. By the envelope theorem, only the last update needs gradients, of
    each potential with respect to its own point.
    """
    C = cost(z, z.detach())
    with torch.no_grad():
        epsilon = C.max().clamp(min=reg)
        f = soft_minima(C, C.new_zeros(membership.shape), membership, epsilon)
        for _ in range(n_iterations):
            epsilon = (epsilon / 2).clamp(min=reg)
            f = (f + soft_minima(C, f, membership, epsilon)) / 2
    return soft_minima(C, f, membership, reg)


def soft_minima(C: Tensor, f: Tensor, membership: Tensor, epsilon: Tensor | float) -> Tensor:
    """Return -epsilon log mean_j exp((f_ja - C_ij) / epsilon) over the j of every cloud, (N, K).

    Here a is the cloud of point i, C the cost matrix (N, N) and f the potentials (N, K).
    """
    cloud = membership.argmax(1)
    exponent = (f.T[cloud] - C) / epsilon  # (N, N)
    largest = torch.full_like(f, -torch.inf)
    largest = largest.scatter_reduce(1, cloud.expand_as(C), exponent.detach(), "amax")
    # A matrix product, because scatter-add is not deterministic on a GPU.
    total = (exponent - largest[:, cloud]).exp() @ membership
    return -epsilon * (largest + (total / membership.sum(0)).log())


def cost(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances of points, (N, M), from differences to avoid cancellation."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()

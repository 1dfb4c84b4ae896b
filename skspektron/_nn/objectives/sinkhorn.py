"""Optimal transport between the latents of instruments."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TINY = 1e-24  # keeps the gradient of a collapsed batch finite


class Sinkhorn(nn.Module):
    """Debiased Sinkhorn divergence between the latents of every two instruments of a batch.

    Instruments that measure samples of one population shall spread their latents alike.

    Parameters
    ----------
    network, n_instruments
        Not used.
    reg : float, default=1.0
        Entropic regularisation over the total variance of a batch's latents, half the mean
        squared distance of two. Larger values compare little but means; smaller ones match
        single spectra, and chance in the choice of 32 samples outweighs the instrument.
    n_iterations : int, default=50
        Updates of the potentials.

    Notes
    -----
    The value is relative to the total variance too, so that shrinking latents is no way out.
    Instruments with a single row are left out; a batch with fewer than two others gives 0.
    All pairs are solved at once: a batch of B rows costs O(B^2), however many the instruments.
    Instruments whose samples differ in composition are pulled together all the same: that
    costs chemistry.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"instruments"})

    def __init__(self, network, n_instruments: int, *, reg: float = 1.0, n_iterations: int = 50):
        super().__init__()
        self.reg, self.n_iterations = reg, n_iterations

    def forward(self, views) -> Tensor:
        """Return the mean over pairs of instruments with two rows or more."""
        z, instrument = views.latent.z.float(), views.batch["instrument"]
        z = z - z.mean(0)
        z = z / (z.square().sum(1).mean() + TINY).sqrt()
        _, label, counts = instrument.unique(return_inverse=True, return_counts=True)
        several = counts[label] > 1
        labels, label = label[several].unique(return_inverse=True)
        K = len(labels)
        if K < 2:
            return 0 * z.sum()
        D = divergences(z[several], F.one_hot(label, K), self.reg, self.n_iterations)
        return D.sum() / (K * (K - 1))


def sinkhorn_divergence(x: Tensor, y: Tensor, reg: float, n_iterations: int = 50) -> Tensor:
    r"""Return how far apart two clouds of points are, 0 for equal ones.

    :math:`S = OT(x, y) - OT(x, x)/2 - OT(y, y)/2` with
    :math:`OT = \min_P \langle P, C\rangle + \varepsilon\, KL(P \| \mu \otimes \nu)` and
    :math:`C_{ij} = |x_i - y_j|^2` [1]_. From the squared Wasserstein-2 distance at
    :math:`\varepsilon = 0` it goes to the squared distance of the means.

    Parameters
    ----------
    x, y : Tensor of shape (N, D) and (M, D)
        Points of equal weight.
    reg : float
        :math:`\varepsilon`, in the squared unit of the points; positive.
    n_iterations : int, default=50
        Updates of the potentials.

    Notes
    -----
    In the log domain and float32, whatever the autocast. Without its two self terms the
    minimum over x of OT(x, y) is a collapsed cloud. Small `reg` needs more updates.

    References
    ----------
    .. [1] Feydy, Sejourne, Vialard, Amari, Trouve & Peyre, AISTATS (2019) 2681-2690.
    """
    z, which = torch.cat([x, y]), torch.cat([x.new_zeros(len(x)), x.new_ones(len(y))])
    return divergences(z, F.one_hot(which.long(), 2), reg, n_iterations)[0, 1]


def divergences(z: Tensor, member: Tensor, reg: float, n_iterations: int) -> Tensor:
    """Return the divergences (K, K) of K clouds; `member` (N, K) says whose a point (N, D) is."""
    with torch.autocast(z.device.type, enabled=False):
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        member = member.to(z)
        f = potentials(z, member, reg, n_iterations)
        # Row a: the mean over its points of their potentials towards every cloud, S = D + D^T.
        means = (member / member.sum(0)).T @ f
        D = means - means.diagonal()[:, None]
        return D + D.T


def potentials(z: Tensor, member: Tensor, reg: float, n_iterations: int) -> Tensor:
    """Return the potential of every point towards every cloud, (N, K).

    Between clouds a and b, f is column b at the points of a and g column a at those of b; their
    means add up to OT(a, b). Both are updated at once and averaged with their last values: a
    self term then needs no code of its own, and S(x, x) is 0 however few the updates. The
    regularisation falls from the largest cost by halves. By the envelope theorem only the last
    update needs gradients, each potential's to its own point.
    """
    C = cost(z, z.detach())
    with torch.no_grad():
        epsilon = C.max().clamp(min=reg)
        f = soft_minima(C, C.new_zeros(member.shape), member, epsilon)
        for _ in range(n_iterations):
            epsilon = (epsilon / 2).clamp(min=reg)
            f = (f + soft_minima(C, f, member, epsilon)) / 2
    return soft_minima(C, f, member, reg)


def soft_minima(C: Tensor, f: Tensor, member: Tensor, epsilon: Tensor | float) -> Tensor:
    """Return -epsilon log mean_j exp((f_ja - C_ij) / epsilon) over the j of every cloud, (N, K).

    a is the cloud of point i, C are the costs (N, N) and f the potentials (N, K).
    """
    cloud = member.argmax(1)
    exponent = (f.T[cloud] - C) / epsilon  # (N, N)
    largest = torch.full_like(f, -torch.inf)
    largest = largest.scatter_reduce(1, cloud.expand_as(C), exponent.detach(), "amax")
    # Sums by a product of matrices: adding up by index is not reproducible on a GPU.
    total = (exponent - largest[:, cloud]).exp() @ member
    return -epsilon * (largest + (total / member.sum(0)).log())


def cost(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances of points, (N, M); as differences: no digits cancel."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()

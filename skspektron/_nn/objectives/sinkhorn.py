"""Optimal transport between the latents of instruments."""

import math
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor, nn

TOLERANCE = 1e-4  # of reg: potentials that change by less have converged
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
        Upper bound; it stops where the potentials have converged.

    Notes
    -----
    The value is relative to the total variance too, so that shrinking latents is no way out.
    Instruments with a single row are left out; a batch with fewer than two others gives 0.
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
        labels, counts = instrument.unique(return_counts=True)
        clouds = [z[instrument == label] for label in labels[counts > 1]]
        if len(clouds) < 2:
            return 0 * z.sum()
        divergences = [
            sinkhorn_divergence(x, y, self.reg, self.n_iterations)
            for x, y in combinations(clouds, 2)
        ]
        return torch.stack(divergences).mean()


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
        Upper bound of the number of updates of the potentials.

    Notes
    -----
    In the log domain and float32, whatever the autocast. Without its two self terms the
    minimum over x of OT(x, y) is a collapsed cloud. Small `reg` needs more updates.

    References
    ----------
    .. [1] Feydy, Sejourne, Vialard, Amari, Trouve & Peyre, AISTATS (2019) 2681-2690.
    """
    with torch.autocast(x.device.type, enabled=False):
        dtype = torch.promote_types(x.dtype, torch.float32)
        x, y = x.to(dtype), y.to(dtype)
        f, g = dual_potentials(x, y, reg, n_iterations)
        p, _ = dual_potentials(x, x, reg, n_iterations)
        q, _ = dual_potentials(y, y, reg, n_iterations)
        return (f - p).mean() + (g - q).mean()


def dual_potentials(x: Tensor, y: Tensor, reg: float, n_iterations: int) -> tuple[Tensor, Tensor]:
    """Return f (N,) and g (M,) of OT(x, y), whose means add up to it.

    Both are updated at once and averaged with their last values: a self term then needs no
    code of its own, and S(x, x) is 0 however few the updates. The regularisation falls from
    the largest cost by halves. By the envelope theorem only the last update needs gradients,
    f's to x and g's to y.
    """
    with torch.no_grad():
        C = cost(x, y)
        epsilon = max(C.max().item(), reg)
        f = soft_minimum(C, C.new_zeros(len(y)), epsilon)
        g = soft_minimum(C.T, C.new_zeros(len(x)), epsilon)
        for _ in range(n_iterations):
            epsilon = max(epsilon / 2, reg)
            previous = f
            f, g = (
                (f + soft_minimum(C, g, epsilon)) / 2,
                (g + soft_minimum(C.T, f, epsilon)) / 2,
            )
            if epsilon == reg and (f - previous).abs().max() < TOLERANCE * reg:
                break
    return (
        soft_minimum(cost(x, y.detach()), g, reg),
        soft_minimum(cost(y, x.detach()), f, reg),
    )


def soft_minimum(C: Tensor, g: Tensor, epsilon: float) -> Tensor:
    """Return -epsilon log mean_j exp((g_j - C_ij) / epsilon) of costs (N, M), as (N,)."""
    return -epsilon * (((g - C) / epsilon).logsumexp(1) - math.log(C.shape[1]))


def cost(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances of points, (N, M); as differences: no digits cancel."""
    return (x[:, None] - y).square().sum(-1)

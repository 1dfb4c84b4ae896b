"""Expectation-maximization for mixtures of von Mises-Fisher distributions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ._concentration import estimate_concentration, log_normalizer
from ._lloyd import best_partition


@dataclass(frozen=True)
class Mixture:
    """Weights (k,), unit means (k, d) and concentrations (k,)."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    concentrations: NDArray[np.float64]

    def log_joint(self, U: NDArray[Any]) -> NDArray[np.float64]:
        """Return log(weight) + log(density) of unit rows, (n, k)."""
        kappa = self.concentrations
        with np.errstate(divide="ignore"):  # log(0) of a component without rows
            constant = np.log(self.weights) + log_normalizer(kappa, U.shape[1])
        return constant - kappa * (1.0 - U @ self.means.T)


@dataclass(frozen=True)
class Prior:
    """Prior: `weight` rows around each mean direction; the norm of their mean is `length`."""

    weight: float
    length: float


@dataclass(frozen=True)
class Solution:
    """Result of one initialization; `log_likelihood` is the mean over rows."""

    mixture: Mixture
    log_likelihood: float
    converged: bool
    n_iter: int


def maximize_likelihood(
    U: NDArray[Any], n_components: int, *, n_init, max_iter, tol, prior_weight, random
) -> Solution:
    """Return the best of `n_init` solutions, initialized by partitions of the unit rows `U`."""
    prior = Prior(prior_weight, float(np.linalg.norm(U.mean(axis=0))))
    solutions = []
    for _ in range(n_init):
        seed = best_partition(U, n_components, n_init=1, max_iter=20, tol=1e-3, random=random)
        mixture = Mixture(np.ones(n_components), seed.centres, np.ones(n_components))
        responsibilities = np.eye(n_components)[seed.labels]
        solutions.append(_iterate(U, responsibilities, mixture, max_iter, tol, prior))
    # If likelihoods differ by rounding only, the first is kept, so that labels are reproducible.
    return max(solutions, key=lambda solution: round(solution.log_likelihood, 9))


def _iterate(U, responsibilities, mixture, max_iter, tol, prior):
    """Alternate both steps until the likelihood changes by less than `tol`.

    `responsibilities` (n, k) are the initial probabilities of the components for each row.
    """
    previous, converged = -np.inf, False
    for n_iter in range(1, max_iter + 1):  # noqa: B007
        mixture = _maximize(U, responsibilities, mixture, prior)
        log_joint = mixture.log_joint(U)
        log_density = logsumexp(log_joint, axis=1, keepdims=True)
        responsibilities = np.exp(log_joint - log_density)
        log_likelihood = float(log_density.mean())
        converged = abs(log_likelihood - previous) < tol
        if converged:
            break
        previous = log_likelihood
    return Solution(mixture, log_likelihood, bool(converged), n_iter)


def _maximize(U, responsibilities, previous, prior):
    """Return the mixture of maximum posterior probability, given `responsibilities`."""
    counts = responsibilities.sum(axis=0)
    sums = responsibilities.T @ U
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    # A component without rows, or whose rows cancel, keeps its previous direction.
    has_mean = norms > len(U) * np.finfo(float).eps
    means = np.where(has_mean, sums / np.where(has_mean, norms, 1.0), previous.means)
    lengths = np.where(has_mean, norms, 0.0)[:, 0] + prior.weight * prior.length
    mean_lengths = lengths / np.maximum(counts + prior.weight, np.finfo(float).tiny)
    return Mixture(counts / len(U), means, estimate_concentration(mean_lengths, U.shape[1]))

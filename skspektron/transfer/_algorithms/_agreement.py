"""How far each standard is from what the others predict, and the weight that it deserves.

Spectra: the part of a difference spectrum that the difference spectra of the others do not span.
Numbers (the difference of two predictions, the error of a prediction): their distance from what
kernel ridge regression, with a free intercept, predicts from the others. Both follow from the
inverse of one matrix. They are compared to the median over the other standards, each held out
together with the standard itself, so that a bad standard does not enlarge the scale that it is
compared to. Weights bound the influence of bad standards, and are found by iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as t_distribution

# Variance along the slope over that of single standards; a slope needs some standards to be useful.
SLOPES = (0.0, 0.1, 1.0, 10.0, 100.0)
MIN_FOR_SLOPE = 6
MAX_EXTRAPOLATION = 9.0  # largest variance of a prediction, in units of that of one standard
# Of a disagreement in units of its limit: full weight below, none above; half weight at the limit.
FULL_WEIGHT, NO_WEIGHT = 0.7, 1.25
MAX_ITERATIONS, CONVERGED = 6, 0.01
SMALLEST_WEIGHT = 1e-6
MAX_NOISE = 2.0  # of the standards that count: the others have less than half weight
PRIOR_DOF = 10  # number of standards whose deviations outweigh an expected variance
NORMAL_MAD = 1.4826  # standard deviation of a normal distribution whose median deviation is 1

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spectra:
    """Difference spectra of n standards, by their inner products `gram` (n, n).

    The part counts that is left of one in ridge regression on the others, with a penalty of `cost`
    times half the median squared distance between two of them. It is relative to what is left of
    the others; `limit` is the largest that is accepted. A mean square below `floor` does not count.
    """

    gram: Array
    floor: float
    cost: float
    limit: float

    def deviation(self, precisions: Sequence[Array], noise: Array) -> Array:
        """Return what is left of each, in units of the limit."""
        penalty = self.floor + self.cost * self._half_distance(noise)
        inverse = np.linalg.inv(self.gram + np.diag(penalty * noise))
        own = penalty * (noise - 1)
        d = np.diag(inverse)
        left = np.maximum(1 / d - own, penalty)
        others = np.maximum(d[:, None] / _determinants(inverse) - own, penalty)
        return np.sqrt(left / _median_of_others(others, noise)) / self.limit

    def _half_distance(self, noise):
        """Return half the median squared distance between two of the spectra that count."""
        counts = noise < MAX_NOISE
        gram = self.gram[np.ix_(counts, counts)]
        squares = np.diag(gram)
        distances = squares[:, None] + squares - 2 * gram
        return max(np.median(distances[np.triu_indices(len(gram), 1)]), 0.0) / 2


@dataclass(frozen=True)
class Numbers:
    """One number `values` (n,) of each standard, whose noise has the known variance `floor`.

    That variance has `dof` degrees of freedom. The variance of the numbers is the sum of it and of
    what the standards show, or with `is_prior` a mean of both. `limit` is that of a normal
    distribution for the largest deviation of all standards and all `n_tests` such numbers.
    """

    values: Array
    floor: float
    limit: float
    dof: float
    n_tests: int = 1
    is_prior: bool = False

    def deviation(self, precisions: Sequence[Array], noise: Array) -> Array:
        """Return the distance of each from its prediction, in units of the limit."""
        counts = noise < MAX_NOISE
        residuals = [P @ self.values / np.diag(P) for P in precisions]
        errors = [np.log(r[counts] ** 2 + self.floor).mean() for r in residuals]
        chosen = int(np.argmin(np.round(errors, 9)))
        P, residual = precisions[chosen], residuals[chosen]
        new = np.clip(1 / np.diag(P) - noise + 1, 1, MAX_EXTRAPOLATION)
        shown, shown_dof = NORMAL_MAD**2 * self._scale(P, noise) * new, max(counts.sum() - 2, 1)
        if self.is_prior:  # the moderated t statistic of Smyth
            dof = shown_dof + min(self.dof, PRIOR_DOF)
            variance = (shown_dof * shown + (dof - shown_dof) * self.floor * new) / dof
        else:  # Welch and Satterthwaite: degrees of freedom of a sum of two variances
            variance = shown + self.floor
            dof = variance**2 / (shown**2 / shown_dof + self.floor**2 / self.dof)
        ratio = np.abs(residual) / np.sqrt(variance)
        tail = t_distribution.sf(ratio, dof) * len(P) * self.n_tests
        return np.clip(norm.isf(np.clip(tail, 1e-300, 0.5)), 0, ratio) / self.limit

    def _scale(self, P, noise):
        """Return the median squared deviation of the others, over the variance of a prediction."""
        a, d, determinant = P @ self.values, np.diag(P), _determinants(P)
        # Row i: the deviations of all others from predictions that use neither them nor i.
        deviation = (d[:, None] * a - P * a[:, None]) / determinant
        variance = d[:, None] / determinant - noise + 1
        return _median_of_others(deviation**2 / variance, noise)


def agreement(X: Array, evidence: Sequence[Spectra | Numbers], base: Array | None = None) -> Array:
    """Return the largest disagreement of each standard, in units of its limit.

    `X` (n, p) are the spectra that the slope is on; `base` (n,) are weights from elsewhere.
    """
    n, gram = len(X), _unit_gram(X)
    slopes = SLOPES if n >= MIN_FOR_SLOPE else SLOPES[:1]
    base = np.ones(n) if base is None else base
    weights, disagreement = base, np.zeros(n)
    for _ in range(MAX_ITERATIONS):
        noise = 1 / np.maximum(weights, SMALLEST_WEIGHT)
        precisions = [_precision(slope * gram, noise) for slope in slopes]
        found = np.max([each.deviation(precisions, noise) for each in evidence], axis=0)
        counts = noise < MAX_NOISE
        # The scale is the deviation of a second standard from a third.
        disagreement = np.where(counts.sum() - counts >= 2, found, disagreement)
        before, weights = weights, base * weight(disagreement)
        if np.abs(weights - before).max() < CONVERGED:
            break
    return disagreement


def weight(disagreement: Array) -> Array:
    """Return Tukey's biweight of a disagreement: 1 up to a point, then falling to 0."""
    excess = np.clip((disagreement - FULL_WEIGHT) / (NO_WEIGHT - FULL_WEIGHT), 0, 1)
    return np.asarray((1 - excess**2) ** 2)


def leverage(X: Array) -> Array:
    """Return how much each standard determines the prediction of its own values, 1 / n to 1."""
    return 1 - np.diag(_precision(_unit_gram(X), np.ones(len(X))))


def _unit_gram(X):
    """Return the inner products of centred spectra of unit mean square."""
    X = X - X.mean(axis=0)
    gram = X @ X.T
    return gram / (np.trace(gram) / len(X) or 1.0)


def _precision(gram, noise):
    """Return the inverse covariance of the values, their common offset eliminated."""
    inverse = np.linalg.inv(gram + np.diag(noise))
    total = inverse.sum(axis=1)
    return inverse - np.outer(total, total) / total.sum()


def _determinants(P):
    """Return the determinants (n, n) of all 2 x 2 blocks of `P`, above 0 on the diagonal too."""
    product = np.outer(np.diag(P), np.diag(P))
    return np.maximum(product - P**2, np.finfo(float).eps * product)


def _median_of_others(values, noise):
    """Return the median of each row (n, n) over the other standards that count."""
    values = np.where(noise < MAX_NOISE, values, np.nan)
    np.fill_diagonal(values, np.nan)
    values[np.isnan(values).all(axis=1)] = 0
    return np.nanmedian(values, axis=1)

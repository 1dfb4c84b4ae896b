"""Weights of the regressions of an ensemble, from the errors of held-out samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ..metrics._variance import nonzero_variance

# Chosen on the development sets of benchmarks/bench_calibration.py with 10 to 200 samples.
EXPONENT = 0.4  # times the square root of the number of samples
FLOOR = 1e-12  # in units of the variance of y; errors below it are equal


@dataclass(frozen=True)
class Average:
    """Weights (g, s) of regressions for one target, and their mean for held-out samples.

    `held_out` (n,) are predictions for the training rows, and `spread` (n,) the variance of the
    predictions of the g members about them. The weights for a row do not use its own sample.
    """

    weights: NDArray[Any]
    held_out: NDArray[Any]
    spread: NDArray[Any]


def error_weights(errors: NDArray[Any], n_samples: int) -> NDArray[Any]:
    """Return weights (m, ...) that add up to 1 along the first axis.

    A weight is the mean squared error of held-out samples, in units of the variance of y, to the
    power of ``-0.4 * sqrt(n_samples)`` [1]_.

    References
    ----------
    .. [1] Yang, J. Am. Stat. Assoc. 96 (2001) 574-588.
    """
    return softmax(-EXPONENT * np.sqrt(n_samples) * np.log(errors + FLOOR), axis=0)


def average(held_out: NDArray[Any], y: NDArray[Any], samples: NDArray[np.intp]) -> Average:
    """Return the weighted mean of regressions from predictions (g, s, n) of held-out samples.

    `y` (n,) are the reference values and `samples` (n,) the numbers of the samples, from 0.
    """
    n_members, n_strengths, n = held_out.shape
    flat = held_out.reshape(-1, n)
    squares = (flat - y) ** 2 / nonzero_variance(y)
    rows = np.bincount(samples)  # of every sample
    sums = np.stack([np.bincount(samples, row) for row in squares])
    weights = error_weights(squares.mean(axis=1), len(rows))
    rest = np.maximum(squares.sum(axis=1)[:, None] - sums, 0.0) / (n - rows)
    without = error_weights(rest, len(rows) - 1)[:, samples]  # (g s, n)
    parts = (without * flat).reshape(held_out.shape).sum(axis=1)
    shares = without.reshape(held_out.shape).sum(axis=1)
    mean = parts.sum(axis=0)
    spread = (shares * (_divide(parts, shares) - mean) ** 2).sum(axis=0)
    return Average(weights.reshape(n_members, n_strengths), mean, spread)


def _divide(parts: NDArray[Any], shares: NDArray[Any]) -> NDArray[Any]:
    """Return the quotient, and 0 where both are 0."""
    return np.divide(parts, shares, out=np.zeros_like(parts), where=shares > 0)

"""Alignment of the embeddings of unlabelled target spectra with those of the source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

# Of the covariances, in units of the mean variance of the source tokens: with 0.1, other samples
# on the target than on the source are predicted worse; with 10, equal ones are. Development tasks.
RIDGE = 1.0


class AlignTokens(TransformerMixin, BaseEstimator):
    """Replace the mean of embeddings, and multiply deviations of every token by a matrix."""

    def __init__(self, target_mean, source_mean, matrix):
        self.target_mean = target_mean
        self.source_mean = source_mean
        self.matrix = matrix

    def fit(self, X, y=None):
        """Return the transformer unchanged; nothing is learnt."""
        return self

    def transform(self, X):
        """Return aligned embeddings."""
        X = np.asarray(X, dtype=np.float64)
        tokens = (X - self.target_mean).reshape(len(X), -1, len(self.matrix))
        return self.source_mean + (tokens @ self.matrix).reshape(X.shape)

    def __sklearn_is_fitted__(self):
        return True


def align_tokens(Z_source: NDArray[Any], Z_target: NDArray[Any], width: int) -> AlignTokens:
    r"""Return the alignment of the mean and of the covariance of tokens with `width` outputs.

    Deviations of a token from its mean over the spectra are multiplied by
    :math:`(C_t + r I)^{-1/2} (C_s + r I)^{1/2}`, with the covariances of all tokens together, as in
    correlation alignment [1]_.

    References
    ----------
    .. [1] Sun, Feng & Saenko, Proc. AAAI Conf. Artif. Intell. 30 (2016) 2058-2065.
    """
    means = [Z.mean(axis=0) for Z in (Z_source, Z_target)]
    C_source, C_target = (
        _covariance((Z - mean).reshape(-1, width))
        for Z, mean in zip((Z_source, Z_target), means, strict=True)
    )
    ridge = RIDGE * (np.trace(C_source) / width or 1.0) * np.eye(width)
    matrix = _power(C_target + ridge, -0.5) @ _power(C_source + ridge, 0.5)
    return AlignTokens(means[1], means[0], matrix)


def _covariance(deviations):
    """Return the covariance of deviations from their means, (width, width)."""
    return deviations.T @ deviations / len(deviations)


def _power(matrix, exponent):
    """Return a power of a positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T

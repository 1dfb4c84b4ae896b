"""Canonical correlation analysis of two instruments."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..._fitting import unfitted_on_failure
from ..._parameters import check_parameters
from .._algorithms._svd import centred, principal_axes
from ._base import LowRankMap, check_pairs


class CCAMap(LowRankMap):
    r"""Map target spectra to the source by canonical correlation analysis.

    The standards of both instruments are reduced to `n_components` principal components each.
    Canonical variates :math:`L_s, L_t` are the pairs of combinations of components that correlate
    most. A target spectrum is mapped to its variates, these to the variates of the source, and
    these to a source spectrum [1]_:
    :math:`\hat x = \bar x_s + (x_t - \bar x_t) B_t\, L_t^+ L_s\, L_s^+ (X_s - \bar x_s)`.

    Parameters
    ----------
    n_components : int or None, default=None
        Largest number of principal components and of canonical pairs, at least 1; lower if the
        centred standards have a lower rank. None: the rank of the standards; if all standards are
        linearly independent, all canonical correlations are then 1 and the map is that of `DS`.

    Attributes
    ----------
    correlations_ : ndarray of shape (k,)
        Canonical correlations, largest first.
    coef_ : ndarray of shape (n_features_in_, n_features_source)
        Transfer matrix, computed on access.
    intercept_ : ndarray of shape (n_features_source,)
        Offset in the unit of the source spectra.
    left_, right_ : ndarray of shape (n_features_in_, k) and (k, n_features_source)
        Thin factors of the transfer matrix.
    n_features_in_ : int
        Number of channels of the target instrument.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the target spectra, if they are all strings.

    See Also
    --------
    sklearn.cross_decomposition.CCA : The analysis without the reduction and the map.
    DS : Without the reduction of the source spectra.
    CCATransfer : This map before a calibration, with the choice of standards.

    Notes
    -----
    The two instruments may have different channels. A single standard maps every spectrum to its
    source spectrum. Cost: O(n^2 p) for n standards and p channels.

    References
    ----------
    .. [1] Fan, Liang, Yuan & Wang, Anal. Chim. Acta 623 (2008) 22-29.

    Examples
    --------
    >>> from skspektron.transfer import CCAMap
    >>> cca = CCAMap(n_components=1)
    >>> cca = cca.fit([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [[3.0], [5.0], [4.0]])
    >>> cca.correlations_.round(6), cca.transform([[3.0, 6.0]]).round(6)
    (array([0.5]), array([[4.5]]))
    """

    def __init__(self, *, n_components: int | None = None):
        self.n_components = n_components

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike) -> CCAMap:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_parameters(self)
        target, source = check_pairs(self, X, y)
        X, y = centred(target), centred(source)
        values, U_t = principal_axes(X, self.n_components)
        U_s = principal_axes(y, self.n_components)[1]
        # Whitened scores are orthonormal, so the singular values are the correlations, and the
        # pseudo-inverse of a block of variates is its transpose.
        R, self.correlations_, Qt = np.linalg.svd(U_t.T @ U_s, full_matrices=False)
        L_t, L_s = U_t @ R, U_s @ Qt.T
        self.left_ = X.T @ (U_t / values) @ R
        self.right_ = (L_t.T @ L_s) @ (L_s.T @ y)
        self.intercept_ = source.mean(axis=0) - self._linear(target.mean(axis=0))
        return self

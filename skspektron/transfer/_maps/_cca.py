"""Canonical correlation analysis of two instruments."""

from __future__ import annotations

import numpy as np

from ..._decompositions import thin_svd
from .._algorithms._pairs import shrinkage
from ._base import LowRankRegression


class CCAMap(LowRankRegression):
    r"""Map target spectra to the source by canonical correlation analysis.

    The standards of both instruments are reduced to `n_components` principal components each.
    Canonical variates :math:`L_s, L_t` are the pairs of combinations of components that correlate
    most. A target spectrum is mapped to its variates, these to the variates of the source, and
    these to the difference between the instruments, which is added to the spectrum:
    :math:`\hat x = x_t + \bar d + (x_t - \bar x_t) B_t R\, L_s^+ D`, where :math:`R` holds the
    canonical correlations, :math:`D` the centred differences of the standards, source minus target,
    and :math:`\bar d` is their mean. A ridge penalty on both instruments shrinks the correlations
    [2]_. As published [1]_, the variates are mapped to the source spectrum, without a penalty:
    :math:`\hat x = \bar x_s + (x_t - \bar x_t) B_t\, L_t^+ L_s\, L_s^+ (X_s - \bar x_s)`.

    Parameters
    ----------
    learns : {"difference", "spectrum"}, default="difference"
        What the variates are mapped to. "difference": the difference between source and target,
        with a ridge penalty. "spectrum": the source spectrum, as published.
    penalty : float or "auto", default="auto"
        Ridge penalty of ``learns="difference"`` as a multiple of the mean squared norm of the
        centred spectra of the standards of each instrument; at least 0. ``inf`` corrects an offset
        alone. "auto": 0.1.
    n_components : int or None, default=None
        Largest number of principal components and of canonical pairs, at least 1; lower if the
        centred standards have a lower rank. None: the rank of the standards; if all standards are
        linearly independent, the map is then that of `DS`.
    target_axis, source_axis : array-like of shape (n_features,), default=None
        Axes of both instruments in one unit, nm or cm-1, strictly monotonic, for the interpolation
        of ``learns="difference"``; source channels must lie within the range of the target. None:
        both span the same range.

    Attributes
    ----------
    correlations_ : ndarray of shape (k,)
        Canonical correlations, largest first.
    coef_ : ndarray of shape (n_features_in_, n_features_source)
        Transfer matrix, computed on access.
    intercept_ : ndarray of shape (n_features_source,)
        Offset in the unit of the source spectra.
    left_, right_ : ndarray of shape (n_features_in_, k) and (k, n_features_source)
        Thin factors of the regression.
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
    The two instruments may have different channels: the target spectrum that the difference is
    added to is then interpolated linearly at those of the source.
    A single standard gives the offset between its two spectra; with ``learns="spectrum"``, it maps
    every spectrum to its source spectrum. Cost: O(n^2 p) for n standards and p channels.

    References
    ----------
    .. [1] Fan, Liang, Yuan & Wang, Anal. Chim. Acta 623 (2008) 22-29.
    .. [2] Vinod, J. Econometrics 4 (1976) 147-166.

    Examples
    --------
    >>> from skspektron.transfer import CCAMap
    >>> cca = CCAMap(learns="spectrum", n_components=1)
    >>> cca = cca.fit([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [[3.0], [5.0], [4.0]])
    >>> cca.correlations_.round(6), cca.transform([[3.0, 6.0]]).round(6)
    (array([0.5]), array([[4.5]]))
    """

    def _factors(self, pairs, penalty, n_components):
        """Return the factors, from target spectra to variates and from those to the response."""
        left, variates = self._variates(pairs, penalty, n_components)[:2]
        return left, np.linalg.pinv(variates) @ self._response(pairs)

    def _solve(self, pairs):
        """Set the factors and the correlations."""
        super()._solve(pairs)
        self.correlations_ = self._variates(pairs, self._used_penalty, self.n_components)[2]

    def _variates(self, pairs, penalty, n_components):
        """Return coefficients from target spectra to source variates, these and correlations."""
        roots, axes = [], []
        for values, U in (pairs.target_axes, pairs.source_axes):
            kept = shrinkage(values, penalty, values.sum() / pairs.size)
            roots.append(np.sqrt(kept[:n_components]))
            axes.append(U[:, :n_components])
        # Without a penalty, the scores are orthonormal, so the singular values are correlations.
        scores = [U * root for U, root in zip(axes, roots, strict=True)]
        R, correlations, Qt = thin_svd(scores[0].T @ scores[1])
        whitened = axes[0] * (roots[0] / pairs.target_axes[0][:n_components])
        return pairs.X.T @ whitened @ (R * correlations), scores[1] @ Qt.T, correlations

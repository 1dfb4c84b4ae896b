"""Spectral space transformation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..._fitting import unfitted_on_failure
from ..._parameters import check_parameters
from .._algorithms._svd import centred, principal_axes
from ._base import LowRankMap, check_pairs


class SST(LowRankMap):
    r"""Map target spectra to the source by spectral space transformation.

    The joint loadings :math:`P = [P_s\; P_t]` of the concatenated, centred spectra of the standards
    relate the two instruments. A target spectrum is changed by the difference between their source
    and target parts; what lies outside the loadings is not changed [1]_:
    :math:`\hat x = \bar x_s + z + z P_t^+ (P_s - P_t)` with :math:`z = x_t - \bar x_t`.

    Parameters
    ----------
    n_components : int or None, default=None
        Largest number of joint components, at least 1; lower if the centred standards have a lower
        rank. None: the rank of the standards.

    Attributes
    ----------
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
    DS : Loses variation that the standards do not span.
    SSTTransfer : This map before a calibration, with the choice of standards.

    Notes
    -----
    If the instruments have different numbers of channels, what lies outside the loadings is lost.
    A single standard gives the offset between its two spectra. Cost: O(n^2 p) for n standards and
    p channels.

    References
    ----------
    .. [1] Du, Chen, Zhong, Wang, Li, Nordon, Littlejohn & Holden, Anal. Chim. Acta 690 (2011)
       64-70.

    Examples
    --------
    >>> from skspektron.transfer import SST
    >>> sst = SST(n_components=1).fit([[1.0, 2.0], [3.0, 2.0]], [[2.0, 5.0], [6.0, 5.0]])
    >>> sst.transform([[2.5, 2.5]]).round(6)
    array([[5. , 5.5]])
    """

    def __init__(self, *, n_components: int | None = None):
        self.n_components = n_components

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike) -> SST:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_parameters(self)
        target, source = check_pairs(self, X, y)
        X, y = centred(target), centred(source)
        values, U = principal_axes(np.hstack([X, y]), self.n_components)
        U = U / np.sqrt(values)
        P_t, P_s = U.T @ X, U.T @ y
        self.left_ = P_t.T @ np.linalg.pinv(P_t @ P_t.T, hermitian=True)
        self._adds_identity = target.shape[1] == source.shape[1]
        self.right_ = P_s - P_t if self._adds_identity else P_s
        self.intercept_ = source.mean(axis=0) - self._linear(target.mean(axis=0))
        return self

"""External parameter orthogonalization."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin

from ..._fitting import unfitted_on_failure
from ..._interpolation import interpolate_linear
from ..._parameters import check_parameters
from .._algorithms._pairs import Interpolation
from .._algorithms._svd import principal_axes
from ._base import LowRankMap, check_pairs


class EPO(OneToOneFeatureMixin, LowRankMap):
    r"""Remove the directions in which two instruments differ from spectra.

    The leading right singular vectors V of the difference spectra of the standards, not centred,
    span the differences between the instruments. Every spectrum gets the scores of the mean source
    spectrum in these directions [1]_: :math:`\hat x = x - (x - \bar x_s) V V^\top`. Spectra of both
    instruments are projected, and the calibration is fitted on projected spectra.

    Parameters
    ----------
    n_components : int or None, default=1
        Number of directions, at least 1; the first is close to the mean difference if that is
        large. More directions remove more of the signal that the calibration uses. Typical: 1 to 6.
        None: all directions of the differences.

    Attributes
    ----------
    components_ : ndarray of shape (k, n_features_in_)
        Orthonormal directions that are removed; none if the instruments agree.
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
    EPOTransfer : Recalibrates on projected source spectra.

    Notes
    -----
    Source spectra with another number of channels are assumed to cover the same range and are
    interpolated linearly at the channels of the target. The projection is idempotent and symmetric.
    Cost: O(n^2 p) for n standards and p channels.

    References
    ----------
    .. [1] Roger, Chauchard & Bellon-Maurel, Chemom. Intell. Lab. Syst. 66 (2003) 191-204.

    Examples
    --------
    >>> from skspektron.transfer import EPO
    >>> epo = EPO(n_components=1).fit([[1.0, 5.0], [2.0, 5.0]], [[1.0, 1.0], [2.0, 1.0]])
    >>> epo.transform([[3.0, 7.0], [4.0, 8.0]]).round(6)
    array([[3., 1.],
           [4., 1.]])
    """

    _interpolation = Interpolation(None)

    def __init__(self, *, n_components: int | None = 1):
        self.n_components = n_components

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike) -> EPO:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_parameters(self)
        target, source = check_pairs(self, X, y)
        if source.shape[1] != target.shape[1]:
            axes = (np.linspace(0.0, 1.0, X.shape[1]) for X in (source, target))
            source = interpolate_linear(source, *axes)
        D = source - target
        size = np.hypot(np.linalg.norm(source), np.linalg.norm(target))
        values, U = principal_axes(D, self.n_components, size)
        self.components_ = (U / np.sqrt(values)).T @ D
        self.left_, self.right_ = -self.components_.T, self.components_
        self.intercept_ = -(source.mean(axis=0) @ self.left_) @ self.right_
        return self

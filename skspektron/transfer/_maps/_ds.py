"""Direct standardization."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..._fitting import unfitted_on_failure
from ..._parameters import check_parameters
from .._algorithms._svd import centred, principal_axes
from ._base import LowRankMap, check_pairs


class DS(LowRankMap):
    r"""Map target spectra to the source by direct standardization.

    All source channels are regressed on all target channels with a pseudo-inverse of rank
    `n_components`, both centred by the means of the standards [1]_:
    :math:`\hat x = \bar x_s + (x_t - \bar x_t)(X_t - \bar x_t)^+ (X_s - \bar x_s)`.

    Parameters
    ----------
    n_components : int or None, default=None
        Largest rank of the pseudo-inverse, at least 1; lower if the centred standards have a lower
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
    PDS : Regresses on a window of target channels instead.
    DSTransfer : This map before a calibration, with the choice of standards.

    Notes
    -----
    The two instruments may have different channels. Variation that the standards do not span is
    lost: a mapped spectrum is a combination of their source spectra, so predictions shrink towards
    their mean. A single standard maps every spectrum to its source spectrum. Cost: O(n^2 p) for n
    standards and p channels.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.

    Examples
    --------
    >>> from skspektron.transfer import DS
    >>> ds = DS().fit([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]], [[3.0, 0.0], [7.0, 2.0], [8.0, 4.0]])
    >>> ds.transform([[4.0, 4.0]]).round(6)
    array([[12.,  6.]])
    """

    def __init__(self, *, n_components: int | None = None):
        self.n_components = n_components

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike) -> DS:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_parameters(self)
        target, source = check_pairs(self, X, y)
        X, y = centred(target), centred(source)
        values, vectors = principal_axes(X, self.n_components)
        self.left_ = X.T @ (vectors / values)  # the k columns of the pseudo-inverse of X
        self.right_ = vectors.T @ y
        self.intercept_ = source.mean(axis=0) - self._linear(target.mean(axis=0))
        return self

"""Piecewise direct standardization."""

from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

# Squared singular values below this share of the largest are rounding noise.
RANK_TOLERANCE = 1e-12


class PDS(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Turn spectra of a target instrument into spectra of the source instrument.

    Every source channel `j` is regressed on a window of target channels around it by
    principal component regression, both centred on the standards [1]_, [2]_:
    :math:`\hat x_j = \bar x_{s,j} + (x_t - \bar x_t)_{W_j} b_j`.

    Parameters
    ----------
    window_length : int, default=11
        Number of target channels behind one source channel; odd. Typical: 3 to 15. 1 corrects
        every channel by itself; a window over all channels is direct standardization.
    n_components : int or None, default=3
        Largest rank of a window's regression, at least 1. Typical: 1 to 4; more follow the
        noise of the standards. None: as many as the standards support.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_, n_features_source)
        Transfer matrix; column `j` is zero outside the window of source channel `j`.
    intercept_ : ndarray of shape (n_features_source,)
        Background correction, in the unit of the source spectra.
    n_features_in_ : int
        Number of channels of the target instrument.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the target spectra, where they are all strings.

    See Also
    --------
    PDSTransfer : The same map around a calibration, with the choice of standards.

    Notes
    -----
    Two instruments with different numbers of channels are taken to span the same range. Windows
    are cut at the edges. A constant channel gets an offset only; a single standard gives the
    offset between its two spectra. Cost: O(p n w min(n, w)) for p channels, n standards and
    windows of w.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.
    .. [2] Wang, Lysaght & Kowalski, Anal. Chem. 64 (1992) 562-564.

    Examples
    --------
    >>> from skspektron.transfer import PDS
    >>> pds = PDS(window_length=1).fit([[1.0, 2.0], [3.0, 6.0]], [[2.0, 2.5], [4.0, 4.5]])
    >>> pds.transform([[2.0, 4.0], [5.0, 8.0]])
    array([[3. , 3.5],
           [6. , 5.5]])
    """

    def __init__(self, *, window_length: int = 11, n_components: int | None = 3):
        self.window_length = window_length
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: ArrayLike):
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_window(self.window_length, self.n_components)
        target, source = validate_data(self, X, y, dtype=np.float64, multi_output=True)
        source = source.astype(np.float64, copy=False).reshape(len(source), -1)
        n_standards, n_target = target.shape
        # Both grids span one range, so source channel j lies opposite this target channel.
        centres = np.rint(np.linspace(0, n_target - 1, source.shape[1])).astype(int)
        half = min(self.window_length // 2, n_target - 1)
        if n_standards == 1:  # it knows the offset between two instruments, no slope
            banded = np.tile(np.arange(-half, half + 1) == 0.0, (len(centres), 1))
        else:
            rank = min(n_standards - 1, 2 * half + 1, self.n_components or n_standards)
            banded = _window_coefficients(_centred(target), _centred(source), centres, half, rank)
        self.coef_ = _unband(banded, centres, half, n_target)
        self.intercept_ = source.mean(axis=0) - target.mean(axis=0) @ self.coef_
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Return `X` as the source instrument would have measured it."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_ + self.intercept_

    @property
    def _n_features_out(self):
        """Number of source channels, for the names of the columns."""
        return self.coef_.shape[1]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def check_window(window_length: int, n_components: int | None) -> None:
    """Refuse a window without a centre and a rank below one."""
    if not isinstance(window_length, Integral) or window_length < 1 or window_length % 2 == 0:
        raise ValueError(
            f"window_length must be an odd int of at least 1, got {window_length!r}. "
            "Pass 11, or 1 for every channel by itself."
        )
    if n_components is not None and (not isinstance(n_components, Integral) or n_components < 1):
        raise ValueError(
            f"n_components must be an int of at least 1 or None, got {n_components!r}. "
            "Pass 3, or None for the largest rank."
        )


def _centred(X):
    """Return `X` less its column means, exactly zero in a constant column."""
    return np.where(np.ptp(X, axis=0) == 0, 0.0, X - X.mean(axis=0))


def _window_coefficients(X, y, centres, half, rank):
    """Return the regression of every `y` column on its window, (n_source, 2 half + 1)."""
    # Channels beyond the edge are zero: they add nothing to a Gram matrix and get coefficient 0.
    windows = sliding_window_view(np.pad(X, ((0, 0), (half, half))), 2 * half + 1, axis=1)
    Z = windows.transpose(1, 0, 2)[centres]  # (n_source, n, w)
    Zt, columns = Z.swapaxes(1, 2), y.T[:, :, None]  # (n_source, w, n), (n_source, n, 1)
    if Z.shape[1] < Z.shape[2]:  # fewer standards than channels: the smaller Gram matrix
        return (Zt @ _solve(Z @ Zt, columns, rank))[:, :, 0]
    return _solve(Zt @ Z, Zt @ columns, rank)[:, :, 0]


def _solve(gram, right, rank):
    """Return the pseudo-inverse of stacked Gram matrices, cut to `rank`, times `right`."""
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[:, -rank:, None], vectors[:, :, -rank:]
    keep = values > RANK_TOLERANCE * values[:, -1:]
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=keep)
    return vectors @ (inverse * (vectors.swapaxes(1, 2) @ right))


def _unband(banded, centres, half, n_target):
    """Spread window coefficients over the dense matrix (n_target, n_source)."""
    rows = centres[:, None] + np.arange(-half, half + 1)
    inside = (rows >= 0) & (rows < n_target)
    columns = np.broadcast_to(np.arange(len(centres))[:, None], rows.shape)
    coef = np.zeros((n_target, len(centres)))
    coef[rows[inside], columns[inside]] = banded[inside]
    return coef

"""The default calibration: PLS with the number of components chosen by cross-validation."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GroupKFold

MAX_COMPONENTS = 15
N_FOLDS = 5  # as everywhere in scikit-learn


def cross_validated_pls(X: ArrayLike, y: NDArray, groups: NDArray) -> PLSRegression:
    """Fit PLS with the number of components of the smallest RMSECV.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Spectra.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Reference values; with several, each counts in units of its own variance.
    groups : ndarray of shape (n_samples,)
        Sample ids: replicate spectra of one sample stay in one fold.

    Returns
    -------
    pls : PLSRegression
        Fitted with ``scale=False`` and between 1 and 15 components.
    """
    n_components = choose_n_components(np.asarray(X), y, groups)
    return PLSRegression(n_components, scale=False).fit(X, y)


def choose_n_components(X: NDArray, y: NDArray, groups: NDArray, *, n_folds: int = N_FOLDS) -> int:
    """Return the number of components of the smallest RMSECV; the smaller one on ties."""
    n_groups = len(np.unique(groups))
    if n_groups < 3:
        return 1
    folds = list(GroupKFold(min(n_folds, n_groups)).split(X, groups=groups))
    smallest = min(len(train) for train, _ in folds)
    limit = min(MAX_COMPONENTS, X.shape[1], smallest - 1)
    if limit <= 1:
        return 1
    y = y.reshape(len(y), -1)
    variance = y.var(axis=0, ddof=0)
    press = sum(_press(X, y, train, test, limit) for train, test in folds)  # (limit, n_targets)
    return 1 + int(np.argmin((press / (variance + (variance == 0))).sum(axis=1)))


def _press(X, y, train, test, limit):
    """Return the squared errors on `test` of PLS with 1 to `limit` components."""
    with warnings.catch_warnings():
        # Fewer components than `limit` may already explain y; the rest are then zero.
        warnings.filterwarnings("ignore", message="y residual is constant")
        pls = PLSRegression(limit, scale=False).fit(X[train], y[train])
    # The components are nested, so their contributions add up: one fit serves all counts.
    steps = pls.transform(X[test])[:, :, None] * pls.y_loadings_.T  # (n_test, limit, n_targets)
    predictions = np.cumsum(steps, axis=1) + pls.intercept_
    return ((predictions - y[test, None]) ** 2).sum(axis=0)

"""The default calibration: PLS with the number of components chosen by cross-validation."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import assert_all_finite

MAX_COMPONENTS = 15
N_FOLDS = 5  # as everywhere in scikit-learn


def cross_validated_pls(X: ArrayLike, y: NDArray, groups: NDArray) -> RegressorMixin:
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
        Fitted with ``scale=False`` and between 1 and 15 components; where no channel
        varies with `y`, a `DummyRegressor` that predicts its mean, with a warning.
    """
    values = np.asarray(X)
    assert_all_finite(values, input_name="X")
    if len(values) > 1 and not _covary(values, y):
        warnings.warn(
            f"The {len(values)} spectra that the calibration is fitted on do not vary with y: it "
            "predicts the mean of y. Check the spectra and the steps before the calibration.",
            stacklevel=2,
        )
        return DummyRegressor().fit(X, y)
    n_components = choose_n_components(values, y, groups)
    return PLSRegression(n_components, scale=False).fit(X, y)


def choose_n_components(X: NDArray, y: NDArray, groups: NDArray, *, n_folds: int = N_FOLDS) -> int:
    """Return the number of components of the smallest RMSECV; the smaller one on ties."""
    n_groups = len(np.unique(groups))
    if n_groups < 3:
        return 1
    folds = list(GroupKFold(min(n_folds, n_groups)).split(X, groups=groups))
    limit = min(MAX_COMPONENTS, *(_rank(X[train]) for train, _ in folds))
    if limit <= 1:
        return 1
    y = y.reshape(len(y), -1)
    variance = y.var(axis=0, ddof=0)
    press = sum(_press(X, y, train, test, limit) for train, test in folds)  # (limit, n_targets)
    return 1 + int(np.argmin((press / (variance + (variance == 0))).sum(axis=1)))


def _covary(X, y):
    """Tell whether any channel varies with `y` by more than rounding does."""
    y = y - y.mean(axis=0)
    covariance = np.linalg.norm((X - X.mean(axis=0)).T @ y)
    rounding = len(X) * np.finfo(np.float64).eps * np.linalg.norm(X) * np.linalg.norm(y)
    return covariance > rounding


def _rank(X):
    """Return the rank of the centred spectra, from their Gram matrix: there are few rows."""
    centred = np.asarray(X - X.mean(axis=0), dtype=np.float64)
    eigenvalues = np.linalg.eigvalsh(centred @ centred.T)
    tolerance = len(X) * np.finfo(np.float64).eps * np.sum(X**2)
    return int(np.count_nonzero(eigenvalues > tolerance))


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

"""Calibrations: the default, PLS with a cross-validated number of components, and any other."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.utils.validation import assert_all_finite

from ._folds import N_FOLDS, sample_folds
from ._variance import target_variance

MAX_COMPONENTS = 15


def cross_validated_pls(X: ArrayLike, y: NDArray[Any], groups: NDArray[Any]) -> RegressorMixin:
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
    if not covary(values, y):
        warnings.warn(
            f"The {len(values)} spectra that the calibration is fitted on do not vary with y: it "
            "predicts the mean of y. Check the spectra and the steps before the calibration.",
            stacklevel=2,
        )
        return DummyRegressor().fit(X, y)
    n_components = choose_n_components(values, y, groups)
    return _fit_pls(X, y, n_components)


def choose_n_components(
    X: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], *, n_folds: int = N_FOLDS
) -> int:
    """Return the number of components of the smallest RMSECV; the smaller one on ties."""
    limit = component_limit(X, groups, n_folds=n_folds)
    if limit <= 1:
        return 1
    folds = sample_folds(groups, n_folds)
    y = y.reshape(len(y), -1)
    press = sum(_press(X, y, train, test, limit) for train, test in folds)  # (limit, n_targets)
    return 1 + int(np.argmin((press / target_variance(y)).sum(axis=1)))


def component_limit(
    X: NDArray[Any], groups: NDArray[Any], *, n_folds: int = N_FOLDS, n_removed: int = 0
) -> int:
    """Return the most components, at most 15, that every training fold supports; at least 1.

    `n_removed` is the number of directions that will be taken out of the spectra first.
    """
    if len(np.unique(groups)) < 3:
        return 1
    rank = min(_rank(X[train]) for train, _ in sample_folds(groups, n_folds)) - n_removed
    return max(1, min(MAX_COMPONENTS, rank))


def covary(X: NDArray[Any], y: NDArray[Any], size: float | None = None) -> bool:
    """Tell whether any channel varies with `y` by more than rounding does.

    `size` is the norm of the spectra that `X` was computed from, by default that of `X`.
    """
    y = y - y.mean(axis=0)
    covariance = np.linalg.norm((X - X.mean(axis=0)).T @ y)
    size = np.linalg.norm(X) if size is None else size
    rounding = len(X) * np.finfo(np.float64).eps * size * np.linalg.norm(y)
    return bool(covariance > rounding)


def _rank(X):
    """Return the rank of the centred spectra, from the smaller of their Gram matrices."""
    centred = np.asarray(X - X.mean(axis=0), dtype=np.float64)
    is_wide = len(X) < X.shape[1]
    eigenvalues = np.linalg.eigvalsh(centred @ centred.T if is_wide else centred.T @ centred)
    tolerance = len(X) * np.finfo(np.float64).eps * np.sum(X**2)
    return int(np.count_nonzero(eigenvalues > tolerance))


def _press(X, y, train, test, limit):
    """Return the squared errors on `test` of PLS with 1 to `limit` components."""
    predict = fit_pls_path(X[train], y[train], limit)
    return ((predict(X[test]) - y[test]) ** 2).sum(axis=1)


def fit_pls_path(
    X: NDArray[Any], y: NDArray[Any], limit: int, size: float | None = None
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a function from spectra to the predictions of PLS with 1 to `limit` components.

    Its value has the shape (limit, n, n_targets), or (limit, n) where `y` is flat. Spectra that
    do not vary with `y` give its mean; `size` is as in `covary`.
    """
    if not covary(X, y, size):
        mean = y.mean(axis=0)
        return lambda X: np.broadcast_to(mean, (limit, len(X), *y.shape[1:]))
    pls = _fit_pls(X, y, limit)
    counts = np.minimum(np.arange(limit), pls.n_components - 1)

    def predict(X):
        # The components are nested, so their contributions add up: one fit serves all counts.
        steps = np.asarray(pls.transform(X)).T[:, :, None] * pls.y_loadings_.T[:, None]
        predictions = (np.cumsum(steps, axis=0) + pls.intercept_)[counts]
        return predictions.reshape(limit, len(X), *y.shape[1:])

    return predict


def _fit_pls(X, y, limit: int) -> PLSRegression:
    """Return PLS with `limit` components, or with as many as can be told from rounding.

    A component that finds nothing left in the spectra that varies with y is 0 / 0.
    """
    with warnings.catch_warnings():
        # Fewer components than `limit` may already explain y; the rest are then zero.
        warnings.filterwarnings("ignore", message="y residual is constant")
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        for n_components in range(limit, 1, -1):
            try:
                pls = PLSRegression(n_components, scale=False).fit(X, y)
            except ValueError:  # what NaN is to some versions of SciPy, LinAlgError to others
                continue
            if np.isfinite(pls.coef_).all():
                return pls
        return PLSRegression(1, scale=False).fit(X, y)

"""PLS with a cross-validated number of components, the default calibration."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.utils.validation import assert_all_finite

from ..._warnings import warn_user
from ...metrics._variance import nonzero_variance, target_scale
from ._folds import N_FOLDS, sample_folds

MAX_COMPONENTS = 15
# Singular values below this multiple of the rounding unit, relative to the norm of the spectra
# before they are centred, are rounding error of the spectra themselves.
ROUNDING_UNITS = 4
VERY_WIDE = 20  # more channels than this for each row: the rows are rotated to fewer before PLS


class TargetScaledPLS(PLSRegression):
    """PLS of scaled targets, with all attributes and results in the unit of `y`.

    Several targets are divided by their standard deviations, so that none has a larger weight
    because of its unit. A single target is divided by a power of 2, which changes no digit, but
    scikit-learn counts values of `y` below 2e-15 as zero.
    """

    def fit(self, X, y):
        """Fit on the targets divided by their scales."""
        y = np.asarray(y, dtype=np.float64)
        self.y_scale_ = np.atleast_1d(target_scale(y))
        super().fit(X, y / self.y_scale_)
        rows = self.y_scale_[:, None]  # one for each target
        in_unit_of_y = {
            "coef_": rows,
            "intercept_": self.y_scale_,
            "y_loadings_": rows,
            "y_weights_": rows,
            "y_rotations_": 1 / rows,
        }
        for name, factor in in_unit_of_y.items():
            setattr(self, name, getattr(self, name) * factor)
        return self

    def transform(self, X, y=None, copy=True):
        """Return scores of `X`, and of `y` if it is given."""
        if y is not None:
            y = np.reshape(y, (len(y), -1)) - self._added_mean()
        return super().transform(X, y, copy=copy)

    def inverse_transform(self, X, y=None):
        """Return spectra, and reference values if `y` is given, from their scores."""
        if y is None:
            return super().inverse_transform(X)
        spectra, values = super().inverse_transform(X, y)
        return spectra, values + self._added_mean()

    def _added_mean(self):
        """Return the mean of `y` minus that of the scaled targets, which scikit-learn subtracts."""
        return self.intercept_ - self.intercept_ / self.y_scale_


def cross_validated_pls(X: ArrayLike, y: NDArray[Any], groups: NDArray[Any]) -> RegressorMixin:
    """Fit PLS with the number of components that minimizes RMSECV.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Spectra.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Reference values; several targets and their errors are scaled by their variances.
    groups : ndarray of shape (n_samples,)
        Sample ids: replicate spectra of one sample stay in one fold.

    Returns
    -------
    pls : TargetScaledPLS
        Fitted with ``scale=False`` and 1 to 15 components, with RMSECV as `rmsecv_` (n_targets,)
        in the unit of `y` where there was a choice; if no channel varies with `y`, a
        `DummyRegressor` that predicts its mean, with a warning.
    """
    values = np.asarray(X)
    assert_all_finite(values, input_name="X")
    if not covary(values, y):
        warn_user(
            f"The {len(values)} spectra that the calibration is fitted on do not vary with y: it "
            "predicts the mean of y. Check the spectra and the steps before the calibration.",
        )
        return DummyRegressor().fit(X, y)
    press = _press_path(values, y, groups)
    n_components = _least(press, y)
    pls = _fit_pls(X, y, n_components)
    if len(press) > 1:
        pls.rmsecv_ = np.sqrt(press[n_components - 1] / len(y))
    return pls


def choose_n_components(
    X: NDArray[Any],
    y: NDArray[Any],
    groups: NDArray[Any],
    *,
    n_folds: int = N_FOLDS,
    refit: Callable[[NDArray[np.intp]], NDArray[Any]] | None = None,
) -> int:
    """Return the number of components that minimizes RMSECV, the smallest of ties.

    ``refit(train)`` returns all spectra after steps that are fitted to `y` on the rows `train`.
    """
    return _least(_press_path(X, y, groups, n_folds, refit), y)


def _press_path(X, y, groups, n_folds=N_FOLDS, refit=None) -> NDArray[Any]:
    """Return the sums of squared held-out errors (limit, n_targets) of 1 to `limit` components.

    With a single number of components, nothing is held out, and they are 0.
    """
    X = X if refit is not None else as_few_channels(X)
    limit = component_limit(X, groups, n_folds=n_folds)
    y = y.reshape(len(y), -1)
    press = np.zeros((limit, y.shape[1]))
    for train, test in sample_folds(groups, n_folds) if limit > 1 else ():
        spectra = X if refit is None else refit(train)
        press = press + _press(spectra, y, train, test, limit)
    return press


def _least(press: NDArray[Any], y: NDArray[Any]) -> int:
    """Return the number of components with the smallest sum of squares over scaled targets."""
    variance = nonzero_variance(y.reshape(len(y), -1))
    return 1 + int(np.argmin((press / variance).sum(axis=1)))


def as_few_channels(X: NDArray[Any]) -> NDArray[Any]:
    """Return rows in an orthonormal basis of their span if they are very wide, as embeddings are.

    PLS depends on inner products of rows only, so that its predictions are equal.
    """
    n_rows, n_channels = X.shape
    if n_channels <= VERY_WIDE * n_rows or X.dtype != np.float64:
        return X
    rotated: NDArray[Any] = np.ascontiguousarray(np.linalg.qr(X.T)[1].T)
    return rotated


def component_limit(
    X: NDArray[Any], groups: NDArray[Any], *, n_folds: int = N_FOLDS, n_removed: int = 0
) -> int:
    """Return the largest number of components that every training fold supports, from 1 to 15.

    `n_removed` is the number of directions that will be removed from the spectra first.
    """
    if len(np.unique(groups)) < 3:
        return 1
    rank = min(spectral_rank(X[train]) for train, _ in sample_folds(groups, n_folds)) - n_removed
    return max(1, min(MAX_COMPONENTS, rank))


def covary(X: NDArray[Any], y: NDArray[Any], size: float | None = None) -> bool:
    """Return whether any channel varies with a target by more than rounding error.

    `size` is the norm of the spectra that `X` was computed from, by default that of `X`.
    """
    y = (y - y.mean(axis=0)) / target_scale(y)
    spectra = np.asarray(X, dtype=np.float64)
    covariance = np.linalg.norm((spectra - spectra.mean(axis=0)).T @ y)
    size = np.linalg.norm(spectra) if size is None else size
    rounding = max(len(X) * np.finfo(np.float64).eps, ROUNDING_UNITS * rounding_unit(X))
    return bool(covariance > rounding * size * np.linalg.norm(y))


def rounding_unit(X: NDArray[Any]) -> float:
    """Return the distance of 1 from the next number in the precision of `X`."""
    return float(np.finfo(X.dtype if X.dtype.kind == "f" else np.float64).eps)


def spectral_rank(X: NDArray[Any]) -> int:
    """Return the rank of the centred spectra, from the smaller of their Gram matrices."""
    spectra = np.asarray(X, dtype=np.float64)
    centred = spectra - spectra.mean(axis=0)
    centred -= centred.mean(axis=0)  # the first mean has the rounding error of an offset
    is_wide = len(X) < X.shape[1]
    eigenvalues = np.linalg.eigvalsh(centred @ centred.T if is_wide else centred.T @ centred)
    of_eigenvalues = len(X) * np.finfo(np.float64).eps * np.sum(centred**2)
    of_spectra = (ROUNDING_UNITS * rounding_unit(X)) ** 2 * np.sum(spectra**2)
    return int(np.count_nonzero(eigenvalues > max(of_eigenvalues, of_spectra)))


def _press(X, y, train, test, limit):
    """Return the squared errors on `test` of PLS with 1 to `limit` components."""
    predict = fit_pls_path(X[train], y[train], limit)
    return ((predict(X[test]) - y[test]) ** 2).sum(axis=1)


def fit_pls_path(
    X: NDArray[Any], y: NDArray[Any], limit: int, size: float | None = None
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a function from spectra to the predictions of PLS with 1 to `limit` components.

    They have the shape (limit, n, n_targets), or (limit, n) for one-dimensional `y`. Spectra that
    do not vary with `y` give its mean; `size` is as in `covary`.
    """
    if not covary(X, y, size):
        mean = y.mean(axis=0)
        return lambda X: np.broadcast_to(mean, (limit, len(X), *y.shape[1:]))
    pls = _fit_pls(X, y, limit)
    counts = np.minimum(np.arange(limit), pls.n_components - 1)

    def predict(X):
        # Components are nested, so one fit gives the predictions for all numbers of components.
        steps = np.asarray(pls.transform(X)).T[:, :, None] * pls.y_loadings_.T[:, None]
        predictions = (np.cumsum(steps, axis=0) + pls.intercept_)[counts]
        return predictions.reshape(limit, len(X), *y.shape[1:])

    return predict


def _fit_pls(X, y, limit: int) -> TargetScaledPLS:
    """Return PLS with `limit` components, or with as many as can be computed.

    A component that finds no covariance with y left is 0 / 0.
    """
    with warnings.catch_warnings():
        # Fewer components than `limit` may already explain y; the others are then zero.
        warnings.filterwarnings("ignore", message="y residual is constant")
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        for n_components in range(limit, 1, -1):
            try:
                pls = TargetScaledPLS(n_components, scale=False).fit(X, y)
            except ValueError:  # or its subclass LinAlgError: NaN in SciPy
                continue
            if np.isfinite(pls.coef_).all():
                return pls
        return TargetScaledPLS(1, scale=False).fit(X, y)

"""Source rows and labels that a low-rank adapter is trained on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from ...metrics._variance import nonzero_variance
from .._core._standards import Rows, Standards, channel_means

ROUNDING_STEPS = 32  # values that differ by up to this number of units of rounding are equal
RIDGE_PENALTIES = np.logspace(-6, 3, 19)  # in units of the variance of the embeddings


def as_on_target(
    X: NDArray[Any],
    X_source_std: NDArray[Any],
    X_target_std: NDArray[Any],
    weights: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Return source rows `X` shifted by the weighted mean difference of the standards.

    All spectra are on the channels of the target.
    """
    return X + channel_means(X_target_std - X_source_std, weights)


def what_to_learn(
    Z_source: NDArray[Any], source: Rows, standards: Standards, expected: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Return what an adapter learns from its examples, the standards first, as arrays by name.

    `Z_source` are the embeddings of the same samples on the source, and `expected` the predictions
    for the standards there.
    """
    y_source, y_standards = standardize(source.y, standards.y, expected)
    coef, intercept = linear_head(Z_source[len(standards) :], y_source)
    return {
        "z_source": Z_source,
        "labels": np.concatenate([y_standards, y_source]),
        "weights": standards.weights,
        "label_weights": standards.label_weights,
        "coef": coef,
        "intercept": intercept,
    }


def standardize(
    y: NDArray[Any], y_std: NDArray[Any], expected: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return standardized labels (n, n_targets) of source rows and of standards.

    Both are centred and scaled by the source rows. Missing labels of standards are replaced by
    their `expected` values.
    """
    y, y_std, expected = (values.reshape(len(values), -1) for values in (y, y_std, expected))
    mean, scale = y.mean(axis=0), np.sqrt(nonzero_variance(y))
    return (y - mean) / scale, (np.where(np.isfinite(y_std), y_std, expected) - mean) / scale


def linear_head(Z: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return coefficients (n_outputs, n_targets) and intercepts of a ridge on embeddings.

    The penalty with the smallest leave-one-out error on the source rows is taken. Embeddings that
    do not vary give coefficients of zero.
    """
    variance = Z.var(axis=0, ddof=0).sum()
    if variance == 0:
        return np.zeros((Z.shape[1], y.shape[1])), y.mean(axis=0)
    ridge = RidgeCV(RIDGE_PENALTIES * variance).fit(Z, y)
    return ridge.coef_.reshape(y.shape[1], -1).T, np.atleast_1d(ridge.intercept_)


def without_rounding(Z: NDArray[Any]) -> NDArray[Any]:
    """Return embeddings, constant where an output varies by rounding errors only.

    A head that scales every output would otherwise fit them.
    """
    if len(Z) == 0:
        return Z
    flat = np.ptp(Z, axis=0) <= rounding_error(Z)
    return np.where(flat, Z[0], Z) if flat.any() else Z


def rounding_error(X: NDArray[Any]) -> float:
    """Return the difference up to which values of the network, in single precision, are equal."""
    largest = np.abs(np.nan_to_num(X)).max(initial=0.0)
    return float(ROUNDING_STEPS * np.finfo(np.float32).eps * largest)


def vary(X: NDArray[Any]) -> bool:
    """Return whether rows differ by more than rounding errors; NaN is ignored."""
    deviation = np.abs(np.nan_to_num(X - X[:1])).max(initial=0.0)
    return bool(deviation > rounding_error(X))


@contextmanager
def equal_rows_refused(X: NDArray[Any], kind: str) -> Iterator[None]:
    """Explain a ValueError of a fit on rows that are equal, which not every regressor accepts."""
    try:
        yield
    except ValueError as error:
        if vary(X):
            raise
        raise ValueError(
            f"The {len(X)} {kind} that the calibration is fitted on are equal within single "
            f"precision, and it cannot be fitted on them ({error}). Pass spectra that vary with y."
        ) from error

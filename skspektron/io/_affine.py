"""Coefficients of a fitted regressor, computed from its predictions."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted

from .._frames import as_frame, installed_kind
from .._pipelines import unwrap

BATCH_SIZE = 256  # spectra in one call of predict; one for each channel may not fit in memory
TOLERANCE = 1e-8  # relative to the largest prediction of each target


@dataclass(frozen=True)
class Predictor:
    """A fitted regressor as a function of the spectra of one instrument, (n, n_channels)."""

    estimator: Any
    channels: NDArray[np.intp]  # columns of the X of fit that this instrument measures
    n_columns: int
    names: NDArray[Any] | None  # of the columns
    instrument: Any  # passed to predict for each row; None: not passed

    @classmethod
    def of(cls, estimator: BaseEstimator, instrument: Any, n_given: int | None) -> "Predictor":
        """Return the predictor of spectra of `instrument`, by default of the target."""
        check_is_fitted(estimator)
        n_columns = getattr(estimator, "n_features_in_", n_given)
        if n_columns is None:
            raise ValueError(
                f"{type(estimator).__name__} has no n_features_in_, so its number of channels is "
                "unknown. Pass X=, a few of its spectra."
            )
        channels = _own_channels(_innermost(estimator), instrument, n_columns)
        names = getattr(estimator, "feature_names_in_", None)
        return cls(estimator, channels, n_columns, names, instrument)

    @property
    def channel_names(self) -> NDArray[Any] | None:
        """Column names of the channels, or None if the estimator was fitted without."""
        return None if self.names is None else self.names[self.channels]

    def own_channels(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return spectra on the channels of this instrument."""
        X = check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", input_name="X")
        if X.shape[1] == self.n_columns:
            X = X[:, self.channels]
        return np.asarray(check_array(X, input_name="X"))

    def __call__(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return predictions, (n,) or (n, n_targets)."""
        rows = X
        if len(self.channels) < self.n_columns:
            rows = np.full((len(X), self.n_columns), np.nan)
            rows[:, self.channels] = X
        metadata = {} if self.instrument is None else {"instrument": [self.instrument] * len(X)}
        y = self.estimator.predict(_named(rows, self.names), **metadata)
        return np.asarray(y, dtype=np.float64)


def affine_coefficients(
    predict: Predictor, X: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return coefficients, (n_targets, n_channels) or (n_channels,), and intercepts.

    ``f(0)`` is the intercept and ``(f(s e_j) - f(0)) / s`` the coefficient of channel j. Random
    spectra, and `X`, then check that predictions are this linear function.
    """
    n_channels = len(predict.channels)
    size = 1.0 if X is None else np.abs(X).max()
    # A power of 2, so that division is exact.
    scale = 2.0 ** np.ceil(np.log2(size if size > 0 else 1.0))
    X_random = _random_spectra(n_channels, scale)
    blocks = np.array_split(scale * np.eye(n_channels), -(-n_channels // BATCH_SIZE))
    try:
        with np.errstate(all="ignore"):
            intercept = predict(np.zeros((1, n_channels)))[0]
            coef = np.concatenate([(predict(rows) - intercept) / scale for rows in blocks]).T
            y = predict(X_random)
    except ValueError as error:
        raise ValueError(
            f"The coefficients of {type(predict.estimator).__name__} cannot be computed, since it "
            f"does not predict a synthetic spectrum ({error})."
            f"{_explain_nonlinearity(predict)}"
        ) from error
    _check_linear(predict, y, X_random @ coef.T + intercept)
    if X is not None:
        _check_linear(predict, predict(X), X @ coef.T + intercept)
    return coef, intercept


def _check_linear(predict: Predictor, y: NDArray[Any], y_linear: NDArray[Any]) -> None:
    """Raise ValueError if predictions differ from those of the coefficients."""
    gaps, sizes = (np.atleast_1d(np.abs(part).max(axis=0)) for part in (y - y_linear, y))
    if (gaps <= TOLERANCE * sizes).all():
        return
    worst = np.argmin(gaps <= TOLERANCE * sizes)  # the first target that is not linear
    raise ValueError(
        f"Predictions of {type(predict.estimator).__name__} differ by up to {gaps[worst]:.3g} from "
        f"a linear function of the spectra; the largest prediction is {sizes[worst]:.3g}."
        f"{_explain_nonlinearity(predict)}"
    )


def _explain_nonlinearity(predict: Predictor) -> str:
    """Return the first step that is not linear, if one is found, and the way out."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about synthetic spectra
        step = _first_nonlinear(predict.estimator) or _interpolated_source(predict)
    found = "" if step is None else f" {step[0].upper()}{step[1:]} is not linear."
    return (
        f"{found} Only weighted sums of channels can be written as coefficients: use a derivative "
        "or centring instead of a step that scales each spectrum by itself, or save the estimator "
        "with joblib."
    )


def _first_nonlinear(estimator: Any) -> str | None:
    """Return a description of the first step of a calibration that is not linear, or None."""
    estimator = _innermost(estimator)
    if isinstance(estimator, Pipeline):
        return _first_nonlinear_step(estimator)
    inner = None
    if _is_transfer(estimator):
        inner = _first_nonlinear(getattr(estimator, "target_estimator_", estimator.estimator_))
    X = _probe_spectra(estimator)
    if inner is not None or not _is_nonlinear(estimator.predict, X, estimator):
        return inner
    return type(estimator).__name__ + _interpolation(estimator)


def _first_nonlinear_step(pipeline: Pipeline) -> str | None:
    """Return a description of the first step of a pipeline that is not linear, or None."""
    X = _probe_spectra(pipeline)
    for name, step in pipeline.steps[:-1]:
        if step in (None, "passthrough"):
            continue
        if _is_nonlinear(step.transform, X, step):
            return f"the step {name!r} ({type(step).__name__})"
        X = np.asarray(step.transform(_named(X, getattr(step, "feature_names_in_", None))))
    name, last = pipeline.steps[-1]
    inner = _innermost(last)
    if isinstance(inner, Pipeline) or _is_transfer(inner):
        return _first_nonlinear(inner)
    is_nonlinear = _is_nonlinear(last.predict, X, last)
    return f"the step {name!r} ({type(last).__name__})" if is_nonlinear else None


def _is_nonlinear(function: Callable[..., Any], X: NDArray[Any], estimator: Any) -> bool:
    """Return whether f(a) + f(b) differs from f(a + b) + f(0)."""
    try:
        y = np.asarray(function(_named(X, getattr(estimator, "feature_names_in_", None))))
    except ValueError:
        return True
    gap = np.abs(y[1] + y[2] - y[3] - y[0]).max()
    return not gap <= TOLERANCE * np.abs(y).max()


def _probe_spectra(estimator: Any) -> NDArray[np.float64]:
    """Return the spectra 0, a, b and a + b on the channels that the estimator predicts."""
    columns = getattr(estimator, "target_channels_", None)
    n_channels = estimator.n_features_in_ if columns is None else len(columns)
    a, b = _random_spectra(n_channels, 1.0)[3:5]
    return np.array([np.zeros(n_channels), a, b, a + b])


def _own_channels(estimator: Any, instrument: Any, n_columns: int) -> NDArray[np.intp]:
    """Return the columns of an instrument of a fitted transfer, by default of the target."""
    if not _is_transfer(estimator):
        return np.arange(n_columns)
    return np.asarray(estimator._columns_of(instrument))


def _interpolation(estimator: Any) -> str:
    """Return why a transfer between different channels is not linear, if that is the reason."""
    n_source = len(getattr(estimator, "source_channels_", []))
    n_target = len(getattr(estimator, "target_channels_", []))
    if n_source == n_target:
        return ""
    return (
        f" (which may interpolate {n_target} channels at {n_source} others with monotone cubics; "
        "DSTransfer, PDSTransfer, SSTTransfer and CCATransfer map different channels linearly)"
    )


def _interpolated_source(predict: Predictor) -> str | None:
    """Return why predictions for one of several sources are not linear, if its channels differ."""
    transfer = _innermost(predict.estimator)
    sources, used = getattr(transfer, "source_", None), getattr(transfer, "source_channels_", [])
    is_source = isinstance(sources, list) and predict.instrument in sources
    if not is_source or len(predict.channels) == len(used):
        return None
    return (
        f"the interpolation of the {len(predict.channels)} channels of {predict.instrument!r} at "
        f"{len(used)} others, with monotone cubics,"
    )


def _is_transfer(estimator: Any) -> bool:
    """Return whether an estimator is a fitted ``*Transfer``."""
    return hasattr(estimator, "source_channels_") and hasattr(estimator, "estimator_")


def _innermost(estimator: Any) -> Any:
    """Return the fitted estimator inside a search or a FrozenEstimator."""
    inner = unwrap(getattr(estimator, "best_estimator_", estimator))
    return inner if inner is estimator else _innermost(inner)


def _random_spectra(n_channels: int, scale: float) -> NDArray[np.float64]:
    """Return 4 spectra of uncorrelated and 4 of correlated channels."""
    rough = np.random.default_rng(0).normal(scale=scale, size=(8, n_channels))
    smooth = np.cumsum(rough[4:], axis=1)
    rough[4:] = scale * smooth / np.abs(smooth).max(axis=1, keepdims=True)
    return rough


def _named(X: NDArray[Any], names: NDArray[Any] | None) -> Any:
    """Return spectra as a data frame with the given column names, if they fit."""
    if names is None or len(names) != X.shape[1]:
        return X
    return as_frame(X, names, installed_kind())

"""A fitted regressor as coefficients, found by asking it for predictions."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted

from .._frames import as_frame, installed_kind

BLOCK = 256  # spectra in one call of predict: a probe of every channel at once may not fit
TOLERANCE = 1e-8  # of the largest prediction


@dataclass(frozen=True)
class Predictor:
    """A fitted regressor as a function of the spectra of one instrument, (n, n_channels)."""

    estimator: Any
    channels: NDArray[np.intp]  # columns of the X of fit that this instrument measures
    n_columns: int
    names: NDArray[Any] | None  # of the columns
    instrument: Any  # what predict is told of every row; None: nothing

    @classmethod
    def of(cls, estimator: BaseEstimator, instrument: Any, n_given: int | None) -> "Predictor":
        """Return how `estimator` predicts spectra of `instrument`, by default of the target."""
        check_is_fitted(estimator)
        n_columns = getattr(estimator, "n_features_in_", n_given)
        if n_columns is None:
            raise ValueError(
                f"{type(estimator).__name__} does not tell how many channels it was fitted on. "
                "Pass X=, a few of its spectra."
            )
        transfer = _inside(estimator)
        is_source = instrument is not None and instrument == getattr(transfer, "source_", None)
        which = "source_channels_" if is_source else "target_channels_"
        channels = getattr(transfer, which, np.arange(n_columns))
        names = getattr(estimator, "feature_names_in_", None)
        return cls(estimator, channels, n_columns, names, instrument)

    @property
    def channel_names(self) -> NDArray[Any] | None:
        """Column names of the channels, None where fit saw none."""
        return None if self.names is None else self.names[self.channels]

    def own_channels(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return given spectra on the channels of this instrument."""
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
        told = {} if self.instrument is None else {"instrument": [self.instrument] * len(X)}
        y = self.estimator.predict(_named(rows, self.names), **told)
        return np.asarray(y, dtype=np.float64)


def affine_coefficients(
    predict: Predictor, X: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return coefficients (n_targets, n_channels) or (n_channels,) and intercepts.

    ``f(0)`` is the intercept and ``(f(s e_j) - f(0)) / s`` the coefficient of channel j. That the
    predictor is no more than those is then checked on random spectra, and on `X`.
    """
    n_channels = len(predict.channels)
    size = 1.0 if X is None else np.abs(X).max()
    scale = 2.0 ** np.ceil(np.log2(size if size > 0 else 1.0))  # a power of 2: division is exact
    made_up = _random_spectra(n_channels, scale)
    blocks = np.array_split(scale * np.eye(n_channels), -(-n_channels // BLOCK))
    try:
        with np.errstate(all="ignore"):
            intercept = predict(np.zeros((1, n_channels)))[0]
            coef = np.concatenate([(predict(rows) - intercept) / scale for rows in blocks]).T
            y = predict(made_up)
    except ValueError as error:
        raise ValueError(
            f"{type(predict.estimator).__name__} cannot be asked for its coefficients: it refuses "
            f"a made-up spectrum ({error}).{_blame(predict.estimator)}"
        ) from error
    _check(predict, y, made_up @ coef.T + intercept)
    if X is not None:
        _check(predict, predict(X), X @ coef.T + intercept)
    return coef, intercept


def _check(predict: Predictor, y: NDArray[Any], y_linear: NDArray[Any]) -> None:
    """Refuse a predictor whose predictions are not those of its coefficients."""
    gap, size = np.abs(y - y_linear).max(), np.abs(y).max()
    if gap <= TOLERANCE * size:
        return
    raise ValueError(
        f"Predictions of {type(predict.estimator).__name__} differ by up to {gap:.3g} from a "
        f"linear function of the spectra, where predictions reach {size:.3g}."
        f"{_blame(predict.estimator)}"
    )


def _blame(estimator: Any) -> str:
    """Return which step is at fault, where one can be found, and the way out."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about spectra that nobody has measured
        step = _first_bent(estimator)
    found = "" if step is None else f" What is not linear is {step}."
    return (
        f"{found} Only steps that weigh and add channels can become coefficients: take a "
        "derivative or centring instead of a step that divides a spectrum by what it finds in "
        "it, or save the estimator with joblib."
    )


def _first_bent(estimator: Any) -> str | None:
    """Return the first step of a calibration that is not affine, in words."""
    estimator = _inside(estimator)
    if isinstance(estimator, Pipeline):
        return _first_bent_step(estimator)
    inner = None
    if _is_transfer(estimator):
        inner = _first_bent(getattr(estimator, "target_estimator_", estimator.estimator_))
    if inner is not None or not _bends(estimator.predict, _corners(estimator), estimator):
        return inner
    return type(estimator).__name__ + _interpolation(estimator)


def _first_bent_step(pipeline: Pipeline) -> str | None:
    """Return the first step of a pipeline that is not affine, in words."""
    X = _corners(pipeline)
    for name, step in pipeline.steps[:-1]:
        if step in (None, "passthrough"):
            continue
        if _bends(step.transform, X, step):
            return f"the step {name!r} ({type(step).__name__})"
        X = np.asarray(step.transform(_named(X, getattr(step, "feature_names_in_", None))))
    name, last = pipeline.steps[-1]
    inner = _inside(last)
    if isinstance(inner, Pipeline) or _is_transfer(inner):
        return _first_bent(inner)
    return f"the step {name!r} ({type(last).__name__})" if _bends(last.predict, X, last) else None


def _bends(function: Callable[..., Any], corners: NDArray[Any], estimator: Any) -> bool:
    """Tell whether f(a) + f(b) is not f(a + b) + f(0)."""
    try:
        y = np.asarray(function(_named(corners, getattr(estimator, "feature_names_in_", None))))
    except ValueError:
        return True
    gap = np.abs(y[1] + y[2] - y[3] - y[0]).max()
    return not gap <= TOLERANCE * np.abs(y).max()


def _corners(estimator: Any) -> NDArray[np.float64]:
    """Return the spectra 0, a, b and a + b, on the channels that the estimator predicts."""
    columns = getattr(estimator, "target_channels_", None)
    n_channels = estimator.n_features_in_ if columns is None else len(columns)
    a, b = _random_spectra(n_channels, 1.0)[3:5]
    return np.array([np.zeros(n_channels), a, b, a + b])


def _interpolation(estimator: Any) -> str:
    """Return why a transfer between different channels is not affine, where it is one."""
    n_source = len(getattr(estimator, "source_channels_", []))
    n_target = len(getattr(estimator, "target_channels_", []))
    if n_source == n_target:
        return ""
    return (
        f", which may interpolate spectra at {n_source} channels from {n_target} by a monotone "
        "curve (DSTransfer, PDSTransfer and CCATransfer go between channels linearly)"
    )


def _is_transfer(estimator: Any) -> bool:
    """Tell a fitted ``*Transfer``, whose calibration is looked into."""
    return hasattr(estimator, "source_channels_") and hasattr(estimator, "estimator_")


def _inside(estimator: Any) -> Any:
    """Return what a search or a FrozenEstimator has fitted."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    is_frozen = isinstance(estimator, FrozenEstimator)
    return _inside(estimator.estimator) if is_frozen else estimator


def _random_spectra(n_channels: int, scale: float) -> NDArray[np.float64]:
    """Return spectra without and with a likeness of neighbouring channels."""
    rough = np.random.default_rng(0).normal(scale=scale, size=(8, n_channels))
    smooth = np.cumsum(rough[4:], axis=1)
    rough[4:] = scale * smooth / np.abs(smooth).max(axis=1, keepdims=True)
    return rough


def _named(X: NDArray[Any], names: NDArray[Any] | None) -> Any:
    """Return spectra under the column names that an estimator was fitted with, where all are."""
    if names is None or len(names) != X.shape[1]:
        return X
    return as_frame(X, names, installed_kind())

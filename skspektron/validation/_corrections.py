"""Corrections of predictions: nothing, a bias, or a slope and a bias."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import slope
from ..metrics._variance import is_constant


def _no_correction(y_true: NDArray[Any], y_pred: NDArray[Any]) -> tuple[float, float]:
    """Return the line that keeps predictions."""
    return 1.0, 0.0


def _bias_correction(y_true: NDArray[Any], y_pred: NDArray[Any]) -> tuple[float, float]:
    """Return the line that subtracts the mean error."""
    return 1.0, float(np.mean(y_true - y_pred))


def _line_correction(y_true: NDArray[Any], y_pred: NDArray[Any]) -> tuple[float, float]:
    """Return the regression of reference values on predictions."""
    if is_constant(y_pred):
        return _bias_correction(y_true, y_pred)
    steepness = float(slope(y_pred, y_true))  # exchanged: of reference on predicted values
    return steepness, float(np.mean(y_true) - steepness * np.mean(y_pred))


CORRECTIONS: dict[str, Callable[[NDArray[Any], NDArray[Any]], tuple[float, float]]] = {
    "nothing": _no_correction,
    "bias": _bias_correction,
    "slope and bias": _line_correction,
}

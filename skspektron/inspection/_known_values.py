"""Reference and predicted values as they are drawn, and their figures of merit."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from ..metrics import bias, r2, rmsep, slope


def known_values(
    y_true: ArrayLike, y_pred: ArrayLike, intervals: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return values and intervals of the samples whose reference value is known."""
    y_true, y_pred = (np.asarray(y, dtype=np.float64) for y in (y_true, y_pred))
    for which, values in (("y_true", y_true), ("y_pred", y_pred)):
        if values.ndim != 1:
            raise ValueError(
                f"{which} has shape {values.shape}. Pass one value a sample; of several "
                "targets, from_predictions draws the one that target= names."
            )
    check_consistent_length(y_true, y_pred)
    known = ~np.isnan(y_true)
    if not known.any():
        raise ValueError(
            f"All {len(y_true)} reference values are NaN. Pass samples with known values."
        )
    if intervals is not None:
        intervals = _check_intervals(intervals, len(y_true))[known]
    return y_true[known], y_pred[known], intervals


def merits(
    y_true: NDArray[Any], y_pred: NDArray[Any], intervals: NDArray[Any] | None
) -> dict[str, Any]:
    """Return the figures of merit of known values."""
    figures = {
        "bias": bias(y_true, y_pred),
        "slope": slope(y_true, y_pred),
        "rmsep": rmsep(y_true, y_pred),
        "r2": r2(y_true, y_pred),
        "n": len(y_true),
    }
    if intervals is not None:
        inside = (intervals[:, 0] <= y_true) & (y_true <= intervals[:, 1])
        figures["coverage"] = float(inside.mean())
    return figures


def _check_intervals(intervals: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    """Return intervals as an array of one lower and one upper end a sample."""
    intervals = np.asarray(intervals, dtype=np.float64)
    if intervals.shape != (n_samples, 2):
        raise ValueError(
            f"intervals has shape {intervals.shape}, expected ({n_samples}, 2). Pass the lower and "
            "the upper end of every sample."
        )
    return intervals


def one_target(y: ArrayLike, target: int | None) -> NDArray[np.float64]:
    """Return one column of the values."""
    y = np.asarray(y, dtype=np.float64)
    if y.ndim == 1:
        return y
    if target is None and y.shape[1] != 1:
        raise ValueError(
            f"There are {y.shape[1]} targets, and one is drawn. Pass its column as target=."
        )
    column = 0 if target is None else target
    if not -y.shape[1] <= column < y.shape[1]:
        raise ValueError(
            f"target={target} names no column of the {y.shape[1]} targets. "
            f"Pass a number from 0 to {y.shape[1] - 1}."
        )
    return y[:, column]

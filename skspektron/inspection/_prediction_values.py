"""Reference and predicted values of a display, and their figures of merit."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from ..metrics import bias, r2, rmsep, slope


def prediction_values(
    y_true: ArrayLike, y_pred: ArrayLike, intervals: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return values and intervals of samples whose reference value is known."""
    y_true, y_pred = (np.asarray(y, dtype=np.float64) for y in (y_true, y_pred))
    for which, values in (("y_true", y_true), ("y_pred", y_pred)):
        if values.ndim != 1:
            raise ValueError(
                f"{which} must have shape (n_samples,), got {values.shape}. Pass one value per "
                "sample, or use from_predictions with target= to select one of several targets."
            )
    check_consistent_length(y_true, y_pred)
    known = ~np.isnan(y_true)
    if not known.any():
        raise ValueError(
            f"All {len(y_true)} reference values are NaN. Pass samples with reference values."
        )
    if intervals is not None:
        intervals = _check_intervals(intervals, len(y_true))[known]
    return y_true[known], y_pred[known], intervals


def figures_of_merit(
    y_true: NDArray[Any], y_pred: NDArray[Any], intervals: NDArray[Any] | None
) -> dict[str, Any]:
    """Return the figures of merit, and the coverage of the intervals."""
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
    """Return intervals as an array of shape (n_samples, 2)."""
    intervals = np.asarray(intervals, dtype=np.float64)
    if intervals.shape != (n_samples, 2):
        raise ValueError(
            f"intervals must have shape ({n_samples}, 2), got {intervals.shape}. Pass the lower "
            "and upper end of the interval of each sample."
        )
    n_invalid = np.count_nonzero(~(intervals[:, 0] <= intervals[:, 1]))
    if n_invalid:
        raise ValueError(
            f"{n_invalid} of the {n_samples} intervals are NaN, or their lower end is above the "
            "upper one. Pass the lower end first."
        )
    return intervals


def one_target(y: ArrayLike, target: int | None) -> NDArray[np.float64]:
    """Return the values of one target."""
    y = np.asarray(y, dtype=np.float64)
    if y.ndim == 1:
        return y
    if target is None and y.shape[1] != 1:
        raise ValueError(
            f"y has {y.shape[1]} targets and only one is plotted. Pass target=, its column."
        )
    column = 0 if target is None else target
    if not -y.shape[1] <= column < y.shape[1]:
        raise ValueError(
            f"target must be a column of the {y.shape[1]} targets, got {target!r}. "
            f"Pass an int from 0 to {y.shape[1] - 1}."
        )
    return y[:, column]

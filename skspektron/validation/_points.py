"""One point of a control chart for each check sample, from the rows of its scans."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from .._frames import as_frame, frame_kind
from .._validation import check_labels, count_rows


class Points(NamedTuple):
    """Means over the scans of each sample, in the order in which the samples first appear."""

    X: Any  # (n_points, n_features), array or data frame
    y: NDArray[np.float64]  # (n_points,), NaN where unknown
    error: NDArray[np.float64]  # (n_points,), predicted minus reference
    labels: list[str] | None  # None where samples have no ids


def average_scans(
    X: Any,
    y_true: ArrayLike | None,
    y_pred: ArrayLike | None,
    sample_id: ArrayLike | None,
    owner: str,
) -> Points:
    """Return one point for each sample."""
    n_rows = count_rows(X, owner)
    if frame_kind(X) is None and np.ndim(X) != 2:
        raise ValueError(
            f"X must have shape (n_rows, n_features), got {np.shape(X)}. Pass X[[k]] instead of "
            "X[k] for one spectrum."
        )
    y = _check_column(y_true, n_rows, "y_true")
    predicted = _check_column(y_pred, n_rows, "y_pred")
    ids = np.arange(n_rows) if sample_id is None else check_labels(sample_id, n_rows, "sample_id")
    names, first, sample = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    sample = np.argsort(order)[sample]
    reference = _mean(y, sample, ~np.isnan(y))
    known = ~np.isnan(reference)[sample]
    _check_predictions(predicted, known)
    return Points(
        X=X if len(names) == n_rows else _mean_spectra(X, sample),
        y=reference,
        error=_mean(predicted, sample, known) - reference,
        labels=None if sample_id is None else [str(name) for name in names[order]],
    )


def _check_column(values: ArrayLike | None, n_rows: int, name: str) -> NDArray[np.float64]:
    """Return one number for each row, NaN where unknown."""
    if values is None:
        return np.full(n_rows, np.nan)
    column: NDArray[np.float64] = check_array(
        values,
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        ensure_2d=False,
        ensure_min_samples=0,
        input_name=name,
    )
    if column.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(
            f"{name} must have one value for each of the {n_rows} rows of X, got shape "
            f"{column.shape}. Make one ControlChart for each property."
        )
    return column.ravel()


def _check_predictions(predicted: NDArray[np.float64], known: NDArray[np.bool_]) -> None:
    """Raise ValueError if a sample with a reference value has a scan without a prediction."""
    n_missing = np.count_nonzero(np.isnan(predicted) & known)
    if n_missing:
        raise ValueError(
            f"y_pred is missing on {n_missing} of the {np.count_nonzero(known)} rows of samples "
            "with a reference value. Pass a prediction for each of them."
        )


def _mean(
    values: NDArray[np.float64], sample: NDArray[np.intp], used: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the mean of the used values of each sample, NaN where there are none."""
    n_samples = sample.max(initial=-1) + 1
    total = np.bincount(sample[used], values[used], minlength=n_samples)
    count = np.bincount(sample[used], minlength=n_samples)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean_spectra(X: Any, sample: NDArray[np.intp]) -> Any:
    """Return the mean spectrum of each sample, in the container of `X`."""
    spectra = check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", input_name="X")
    means = np.stack([spectra[sample == k].mean(axis=0) for k in range(sample.max() + 1)])
    kind = frame_kind(X)
    if kind is None:
        return means
    frame = as_frame(means, X.columns, kind)
    return frame.set_axis(X.columns, axis=1) if kind == "pandas" else frame

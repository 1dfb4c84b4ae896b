"""Fits without some of the samples, and the jackknife+ intervals computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._frames import take_rows
from .._pipelines import last_step
from .._samples import number_samples
from ..model_selection._transfer_curve import find_prefix, route_metadata


@dataclass(frozen=True)
class StackedRows:
    """Training rows: `X` (n, p), `y` (n,), sample `ids` (n,) and the `metadata` for `fit`."""

    X: Any
    y: NDArray[Any]
    ids: NDArray[Any]
    metadata: dict[str, NDArray[Any]]

    def without(self, ids: NDArray[Any]) -> StackedRows:
        """Return the rows of all other samples."""
        kept = np.flatnonzero(~np.isin(self.ids, ids))
        metadata = {name: values[kept] for name, values in self.metadata.items()}
        return StackedRows(take_rows(self.X, kept), self.y[kept], self.ids[kept], metadata)


def jackknife_plus(
    predictions: NDArray[np.float64], errors: NDArray[np.float64], confidence_level: float
) -> NDArray[np.float64]:
    """Return the interval of each new row, (m, 2): equation 7 of Barber et al., 2021.

    `predictions` (n, m) are those of the fit without each standard, `errors` (n,) the absolute
    errors of the same fits for the standards themselves.
    """
    n = len(errors)
    # Without the tolerance, rounding could raise the rank: 0.95 * (19 + 1) must be 19.
    rank = ceil(confidence_level * (n + 1) - 1e-9)
    lower = np.sort(predictions - errors[:, None], axis=0)[n - rank]
    upper = np.sort(predictions + errors[:, None], axis=0)[rank - 1]
    return np.column_stack([lower, upper])


def fit_rows(estimator: Any, rows: StackedRows) -> Any:
    """Fit on stacked rows; an estimator that is not a transfer is not given the ids."""
    is_transfer = any(name.split("__")[-1] == "n_transfer" for name in estimator.get_params())
    if not rows.metadata or ("instrument" not in rows.metadata and not is_transfer):
        return estimator.fit(rows.X, rows.y)
    find_prefix(estimator)  # raises for an estimator that is not a transfer
    return estimator.fit(rows.X, rows.y, **route_metadata(estimator, rows.metadata))


def fit_without(estimator: Any, full_fit: Any, rows: StackedRows, ids: NDArray[Any]) -> Any:
    """Fit a clone on the rows of all samples except `ids`."""
    kept = rows.without(ids)
    return fit_rows(clone(estimator).set_params(**limit_n_transfer(full_fit, kept)), kept)


def labelled_targets(full_fit: Any, rows: StackedRows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return one labelled target row of each sample, sorted by id, and its turn to be held out.

    The turns, from 0, follow the spectra.
    """
    is_target = np.ones(len(rows.y), dtype=bool)
    if "instrument" in rows.metadata:
        is_target = rows.metadata["instrument"] == _fitted_transfer(full_fit).target_
    spectra = np.asarray(rows.X, dtype=np.float64)
    numbers, _, order = number_samples(spectra, rows.ids, rows.y, is_target=is_target)
    at = order[(is_target & np.isfinite(rows.y))[order]]
    at = at[np.unique(numbers[at], return_index=True)[1]]
    turn = np.argsort(rows.ids[at])
    return at[turn], turn


def limit_n_transfer(full_fit: Any, rows: StackedRows) -> dict[str, int]:
    """Return the parameter `n_transfer`, limited to the number of candidates in `rows`."""
    if "instrument" not in rows.metadata:
        return {}
    name = f"{find_prefix(full_fit)}n_transfer"
    n_transfer = full_fit.get_params()[name]
    if not n_transfer:  # None means all candidates, 0 none
        return {}
    return {name: min(n_transfer, max(_count_candidates(_fitted_transfer(full_fit), rows), 1))}


def _fitted_transfer(estimator: Any) -> Any:
    """Return the fitted transfer, which may be the last step of a pipeline."""
    transfer = last_step(estimator)
    if not hasattr(transfer, "target_"):
        raise ValueError(
            "estimator must be a *Transfer or a Pipeline that ends in one when instrument is "
            f"given, got {type(transfer).__name__}. Pass the best_estimator_ of a search."
        )
    return transfer


def _count_candidates(transfer: Any, rows: StackedRows) -> int:
    """Return how many samples a fitted transfer can choose its standards from."""
    instrument = rows.metadata["instrument"]
    is_target = instrument == transfer.target_
    if transfer._needs_labels:
        is_target &= np.isfinite(rows.y)
    ids = np.unique(rows.ids[is_target])
    if transfer._needs_pairs:
        is_source = np.isin(instrument, np.atleast_1d(transfer.source_))
        ids = np.intersect1d(ids, rows.ids[is_source])
    return len(ids)

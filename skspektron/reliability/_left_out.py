"""A regressor that is fitted without some samples, as cross-conformal prediction asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.pipeline import Pipeline

from .._frames import take_rows
from ..model_selection._transfer_curve import find_prefix, route_metadata


@dataclass(frozen=True)
class StackedRows:
    """Training rows: `X` (n, p), `y` (n,), `ids` (n,) of the samples, `metadata` for `fit`."""

    X: Any
    y: NDArray[Any]
    ids: NDArray[Any]
    metadata: dict[str, NDArray[Any]]

    def without(self, ids: NDArray[Any]) -> StackedRows:
        """Return the rows of all other samples."""
        kept = np.flatnonzero(~np.isin(self.ids, ids))
        metadata = {name: values[kept] for name, values in self.metadata.items()}
        return StackedRows(take_rows(self.X, kept), self.y[kept], self.ids[kept], metadata)


class LeftOut(RegressorMixin, BaseEstimator):
    """Fit a transfer on the stacked rows of all samples but the standards that are missing in `X`.

    Cross-conformal prediction knows rows of one table, and hands the estimator some of them.
    Its rows are standards here, numbered in their first column (`number_rows`); the others that
    a transfer learns from come beside, so that a standard leaves with all its rows.
    """

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(
        self, X: Any, y: ArrayLike, *, rows: StackedRows, standards: NDArray[Any], whole: Any
    ) -> LeftOut:
        """Fit without the `standards`, ids, that `X` lacks; `whole` is fitted on all of them."""
        missing = np.delete(standards, np.asarray(X)[:, 0].astype(int))
        if missing.size == 0:
            self.estimator_ = whole
            return self
        kept = rows.without(missing)
        self.estimator_ = fit_rows(clone(self.estimator).set_params(**fewer(whole, kept)), kept)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict numbered spectra."""
        spectra = X.iloc[:, 1:] if hasattr(X, "iloc") else X[:, 1:]
        return np.ravel(self.estimator_.predict(spectra))


def as_table(X: Any, values: NDArray[Any]) -> Any:
    """Return `values`, those of `X`, in a pandas frame where `X` names its columns."""
    return _frame(values, X.columns) if hasattr(X, "columns") else values


def number_rows(X: Any, numbers: ArrayLike) -> Any:
    """Return the spectra with the numbers of standards, -1 for none, as their first column."""
    values = np.column_stack([numbers, np.asarray(X, dtype=np.float64)])
    return _frame(values, ["standard", *X.columns]) if hasattr(X, "columns") else values


def fit_rows(estimator: Any, rows: StackedRows) -> Any:
    """Fit on stacked rows; a regressor that is no transfer gets no ids."""
    is_transfer = any(name.split("__")[-1] == "n_transfer" for name in estimator.get_params())
    if not rows.metadata or ("instrument" not in rows.metadata and not is_transfer):
        return estimator.fit(rows.X, rows.y)
    find_prefix(estimator)  # refuses what is no transfer
    return estimator.fit(rows.X, rows.y, **route_metadata(estimator, rows.metadata))


def labelled_targets(whole: Any, rows: StackedRows) -> NDArray[np.intp]:
    """Return the first labelled target row of every sample, in the order of their ids."""
    labelled = np.isfinite(rows.y)
    if "instrument" in rows.metadata:
        labelled &= rows.metadata["instrument"] == _fitted_transfer(whole).target_
    at = np.flatnonzero(labelled)
    return at[np.unique(rows.ids[at], return_index=True)[1]]


def fewer(whole: Any, rows: StackedRows) -> dict[str, int]:
    """Return `n_transfer` lowered to what `rows` have, where fewer samples are left."""
    if "instrument" not in rows.metadata:
        return {}
    name = f"{find_prefix(whole)}n_transfer"
    n_transfer = whole.get_params()[name]
    if not n_transfer:  # None takes all there are, 0 none
        return {}
    return {name: min(n_transfer, max(_count_candidates(_fitted_transfer(whole), rows), 1))}


def _fitted_transfer(estimator: Any) -> Any:
    """Return the fitted transfer itself, where a pipeline ends in it."""
    if isinstance(estimator, Pipeline):
        return _fitted_transfer(estimator[-1])
    if not hasattr(estimator, "target_"):
        raise ValueError(
            f"{type(estimator).__name__} names no target after fit, so that its standards cannot "
            "be left out. Pass a *Transfer or a Pipeline that ends in one; of a search, its "
            "best_estimator_."
        )
    return estimator


def _count_candidates(transfer: Any, rows: StackedRows) -> int:
    """Return how many target samples may become standards of a fitted transfer."""
    instrument = rows.metadata["instrument"]
    is_target = instrument == transfer.target_
    if transfer._needs_labels:
        is_target &= np.isfinite(rows.y)
    ids = np.unique(rows.ids[is_target])
    if transfer._needs_pairs:
        ids = np.intersect1d(ids, rows.ids[instrument == transfer.source_])
    return len(ids)


def _frame(values: NDArray[Any], columns: Any) -> Any:
    """Return a pandas frame; column names that are no strings stay what they are."""
    import pandas as pd

    return pd.DataFrame(values, columns=list(columns))

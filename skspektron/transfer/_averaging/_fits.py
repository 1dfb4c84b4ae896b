"""The calibrations of one view and their cross-validated errors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...metrics._variance import nonzero_variance
from .._algorithms._folds import sample_folds, standard_folds
from .._algorithms._pls import fit_pls_path
from .._algorithms._ridge_path import RidgePath, RowSpace, scaled_differences
from .._algorithms._svd import principal_axes
from .._core._standards import Rows, Standards

# Weights are relative to 1 for a source row.
DIFFERENCE_PENALTIES = 1.0, 1000.0  # weights of a difference spectrum
LABEL_WEIGHTS = 0.0, 3.0, 30.0  # weights of a labelled standard
SETTINGS = np.meshgrid(DIFFERENCE_PENALTIES, LABEL_WEIGHTS)
SETTING_PENALTIES, SETTING_LABEL_WEIGHTS = (grid.ravel() for grid in SETTINGS)
RIDGE_PENALTIES = 10.0 ** np.arange(-6.5, 0.0, 1.0)  # in units of the mean square norm of spectra
MAX_PLS_COMPONENTS = 6  # of PLS on the labelled target spectra alone
PLS_SPARE_STANDARDS = 3  # PLS has at least this number of components fewer than standards
MAX_STANDARD_FOLDS = 10  # up to this number, standards are held out one by one
MAX_REDECOMPOSED_SAMPLES = 200  # with more, held-out standards stay among the source rows


@dataclass(frozen=True)
class ViewFits:
    """The m linear calibrations of one view, and their cross-validated errors.

    First come ridge regressions on source rows and standards, for every weighting and ridge
    penalty, then PLS regressions on the labelled target spectra alone. Errors (m, q) are mean
    squares in units of the variance of `y`: of held-out source rows (`source_error`), of the
    differences between the predictions for both spectra of held-out standards (`disagreement`),
    and of held-out standards against their reference values (`label_error`). `held_out` (m, n, q)
    are the predictions for the target spectra of held-out standards.
    """

    centre: NDArray[Any]  # (n_channels of the view,)
    basis: NDArray[Any]  # (p, n_channels): the coordinates of a row z are (z - centre) basis'
    offset: NDArray[Any]  # (p,) added to the coordinates of target rows for ridge regression
    path: RidgePath
    target_pls: "TargetPLS"
    source_error: NDArray[Any]
    disagreement: NDArray[Any]
    label_error: NDArray[Any]
    held_out: NDArray[Any]

    def combine(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weighted sum of coefficients (n_channels, q) and intercepts (q,)."""
        pls = self.target_pls
        n_ridges = len(weights) - len(pls.coef)
        shape = len(SETTING_PENALTIES), len(RIDGE_PENALTIES), -1
        coef, intercept = self.path.combine(weights[:n_ridges].reshape(shape))
        intercept = intercept + self.offset @ coef
        coef = coef + np.einsum("kpq,kq->pq", pls.coef, weights[n_ridges:])
        intercept = intercept + (pls.intercept * weights[n_ridges:]).sum(axis=0)
        coef = self.basis.T @ coef
        return coef, intercept - self.centre @ coef


@dataclass(frozen=True)
class TargetPLS:
    """PLS on labelled target spectra alone, with 1 to k components: `coef` (k, p, q)."""

    coef: NDArray[Any]
    intercept: NDArray[Any]  # (k, q)

    @classmethod
    def of(cls, X: NDArray[Any], y: NDArray[Any], limit: int, size: float = 0.0) -> "TargetPLS":
        """Fit PLS with 1 to `limit` components to each target; a limit of 0 fits none.

        Numbers of components above the rank of the spectra give the fit at that rank.
        """
        coef, intercept = np.empty((limit, X.shape[1], y.shape[1])), np.empty((limit, y.shape[1]))
        if limit == 0:
            return cls(coef, intercept)
        rank = np.linalg.matrix_rank(X - X.mean(axis=0)) if X.size else 0
        n_components = max(1, min(limit, rank))
        counts = np.minimum(np.arange(limit), n_components - 1)
        for target, values in enumerate(y.T):
            predict = fit_pls_path(X, values, n_components, max(size, float(np.linalg.norm(X))))
            intercept[:, target] = predict(np.zeros((1, X.shape[1])))[counts, 0]
            coef[:, :, target] = predict(np.eye(X.shape[1]))[counts]
        return cls(coef - intercept[:, None], intercept)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions for every number of components, (k, n, q)."""
        return X @ self.coef + self.intercept[:, None]


def fit_view(
    source: Rows,
    standards: Standards,
    unseen: Sequence[NDArray[Any]] | None = None,
    size: float = 0.0,
) -> ViewFits:
    """Fit the calibrations of one view to rows (n, p) and reference values (n, q).

    Every ridge regression is fitted on three kinds of rows: source rows, difference spectra of the
    standards with the value zero, and target spectra of the standards, corrected by the mean
    difference, with their reference values. A view that was itself learnt from the target spectra
    of the standards passes `unseen`: those spectra in the view learnt without the standards at
    even positions, and in the view learnt without those at odd positions. `size` is the norm of
    the spectra that the view was computed from: variation within their rounding error is ignored.
    """
    spectra = [source.X, standards.X_source, standards.X_target, *(unseen or ())]
    centre, basis = _coordinates(spectra, size)
    X, X_source, X_target, *unseen = ((Z - centre) @ basis.T for Z in spectra)
    source = replace(source, X=X)
    standards = replace(standards, X_source=X_source, X_target=X_target)
    space = RowSpace.of(X, source.y, size)
    path, offset = _fit_ridges(space, standards, np.arange(len(standards)))
    on_target, on_source, by_pls = _predict_held_out_standards(
        space, source, standards, unseen or [X_target], size
    )
    held_out = np.concatenate([_merge_settings(on_target), by_pls])
    residuals = _source_residuals(source, standards, size)
    variance = nonzero_variance(source.y)
    unknown = np.full((len(by_pls), source.y.shape[1]), np.inf)  # PLS predicts no source spectra
    return ViewFits(
        centre,
        basis,
        offset,
        path,
        TargetPLS.of(standards.X_target, standards.y, len(by_pls), size),
        source_error=np.concatenate([_mean_squares(residuals) / variance, unknown]),
        disagreement=np.concatenate([_mean_squares(on_target - on_source) / variance, unknown]),
        label_error=((held_out - standards.y) ** 2).mean(axis=1) / variance,
        held_out=held_out,
    )


def _coordinates(spectra: Sequence[NDArray[Any]], size: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the mean of the first block of rows, and an orthonormal basis (p, n_channels) of all.

    Ridge regression and PLS are invariant to rotations, so these coordinates replace the channels.
    """
    centre = spectra[0].mean(axis=0)
    rows = np.concatenate(spectra) - centre
    values, U = principal_axes(rows, None, size)
    return centre, (U / np.sqrt(values)).T @ rows


def _merge_settings(values: NDArray[Any]) -> NDArray[Any]:
    """Return (c, e, n, q) as (c e, n, q)."""
    return values.reshape(-1, *values.shape[2:])


def _mean_squares(deviations: NDArray[Any]) -> NDArray[Any]:
    """Return the mean squares (c e, q) of deviations (c, e, n, q)."""
    return (_merge_settings(deviations) ** 2).mean(axis=1)


def _fit_ridges(
    space: RowSpace, standards: Standards, labelled: NDArray[Any]
) -> tuple[RidgePath, NDArray[Any]]:
    """Fit every setting on source rows and standards; only `labelled` ones give their labels."""
    offset = (standards.X_source - standards.X_target).mean(axis=0)
    aligned = standards.X_target + offset
    mean_square_norm = space.values.sum() / space.n_rows or 1.0
    differences = scaled_differences(standards.X_source, aligned, mean_square_norm)
    added = np.concatenate([differences, aligned[labelled] - space.mean])
    targets = np.concatenate([np.zeros_like(standards.y), standards.y[labelled] - space.y_mean])
    weights = np.concatenate(
        [
            np.repeat(SETTING_PENALTIES[:, None], len(differences), axis=1),
            np.repeat(SETTING_LABEL_WEIGHTS[:, None], len(labelled), axis=1),
        ],
        axis=1,
    )
    return space.fit_path(added, targets, weights, RIDGE_PENALTIES * mean_square_norm), offset


def _source_residuals(source: Rows, standards: Standards, size: float = 0.0) -> NDArray[Any]:
    """Return residuals (c, e, n, q) of source rows in cross-validation by sample."""
    residuals = np.zeros((len(SETTING_PENALTIES), len(RIDGE_PENALTIES), *source.y.shape))
    for train, test in sample_folds(source.ids):
        # The label of a held-out sample must not enter through its target spectrum either.
        labelled = np.flatnonzero(~np.isin(standards.ids, source.ids[test]))
        space = RowSpace.of(source.X[train], source.y[train], size)
        path, _ = _fit_ridges(space, standards, labelled)
        residuals[:, :, test] = path.predict(source.X[test]) - source.y[test]
    return residuals


def _predict_held_out_standards(
    space: RowSpace,
    source: Rows,
    standards: Standards,
    unseen: Sequence[NDArray[Any]],
    size: float,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return predictions for held-out standards, whose target spectra are those of `unseen`.

    Ridge predictions for target and for source spectra, (c, e, n, q) each, and predictions of PLS
    on target spectra alone, (k, n, q).
    """
    n, n_targets = standards.y.shape
    limit = max(0, min(MAX_PLS_COMPONENTS, n - PLS_SPARE_STANDARDS))
    n_samples = len(np.unique(source.ids))
    shape = len(SETTING_PENALTIES), len(RIDGE_PENALTIES), n, n_targets
    on_target, on_source = np.empty((2, *shape))
    by_pls = np.empty((limit, n, n_targets))
    if n < 2:  # a single standard cannot be held out, and its errors are taken to be zero
        on_target[:] = on_source[:] = standards.y
    for k, (train, test) in enumerate(standard_folds(n, MAX_STANDARD_FOLDS) if n > 1 else ()):
        # Fold k holds the positions k, k + 10, ...: all even or all odd.
        X_target = unseen[k % len(unseen)]
        fold_space, rest = space, replace(standards, X_target=X_target)[train]
        others = ~np.isin(source.ids, standards.ids[test])
        if n_samples <= MAX_REDECOMPOSED_SAMPLES and others.any():
            fold_space = RowSpace.of(source.X[others], source.y[others], size)
        path, offset = _fit_ridges(fold_space, rest, np.arange(len(train)))
        on_target[:, :, test] = path.predict(X_target[test] + offset)
        on_source[:, :, test] = path.predict(standards.X_source[test])
        if limit:
            pls = TargetPLS.of(rest.X_target, rest.y, limit, size)
            by_pls[:, test] = pls.predict(X_target[test])
    return on_target, on_source, by_pls

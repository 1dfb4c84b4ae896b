"""What families of calibrations predict where they have not been fitted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._algorithms._folds import sample_folds, standard_folds
from .._algorithms._pls import fit_pls_path
from .._algorithms._ridge_path import RidgePath, RowSpace, scaled_differences
from .._algorithms._svd import principal_axes
from .._core._standards import Rows, Standards

DIFFERENCE_PENALTIES = 1.0, 1000.0  # weight of a difference spectrum; a source row weighs 1
LABEL_WEIGHTS = 0.0, 3.0, 30.0  # weight of a labelled standard
RIDGES = 10.0 ** np.arange(-6.5, 0.0, 1.0)  # in units of the mean squared length of spectra
PENALTY, LABEL_WEIGHT = (grid.ravel() for grid in np.meshgrid(DIFFERENCE_PENALTIES, LABEL_WEIGHTS))
MAX_OWN_COMPONENTS, FEWEST_OWN = 6, 3  # standards left over of PLS on them alone
MAX_FOLDS = 10  # so many standards are left out one by one
MANY = 200  # source samples, of which one more or less changes next to nothing


@dataclass(frozen=True)
class ViewFits:
    """One view's m linear calibrations, and how they fare where they were not fitted.

    The first of them are ridge regressions on source rows and standards, under every weighting
    and ridge; the last few are PLS regressions on the labelled target spectra alone. Errors (m, q)
    are mean squares in units of the variance of `y`: of left-out source rows, between the
    predictions for both spectra of left-out standards, and of the reference values of left-out
    standards, whose predictions are `left_out` (m, n, q).
    """

    centre: NDArray[Any]  # (n_channels of the view,)
    basis: NDArray[Any]  # (p, n_channels): coordinates of a row z are (z - centre) basis'
    offset: NDArray[Any]  # (p,) what is added to the coordinates of target rows for the ridges
    path: RidgePath
    own: "TargetPLS"
    source_error: NDArray[Any]
    disagreement: NDArray[Any]
    label_error: NDArray[Any]
    left_out: NDArray[Any]

    def combine(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weighted sum of coefficients (n_channels, q) and intercepts (q,)."""
        n_own = len(self.own.coef)
        n_ridges = len(weights) - n_own
        shape = len(PENALTY), len(RIDGES), -1
        coef, intercept = self.path.combine(weights[:n_ridges].reshape(shape))
        intercept = intercept + self.offset @ coef
        coef = coef + np.einsum("kpq,kq->pq", self.own.coef, weights[n_ridges:])
        intercept = intercept + (self.own.intercept * weights[n_ridges:]).sum(axis=0)
        coef = self.basis.T @ coef
        return coef, intercept - self.centre @ coef


@dataclass(frozen=True)
class TargetPLS:
    """PLS on labelled target spectra alone, with 1 to k components: `coef` (k, p, q)."""

    coef: NDArray[Any]
    intercept: NDArray[Any]  # (k, q)

    @classmethod
    def of(cls, X: NDArray[Any], y: NDArray[Any], limit: int, size: float = 0.0) -> "TargetPLS":
        """Fit PLS with up to `limit` components to every target by itself; 0 is none.

        What spectra of lower rank do not support is as with all components that they do.
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
        """Return the predictions of every number of components, (k, n, q)."""
        return X @ self.coef + self.intercept[:, None]


def fit_view(
    source: Rows,
    standards: Standards,
    unseen: Sequence[NDArray[Any]] | None = None,
    size: float = 0.0,
) -> ViewFits:
    """Fit calibrations on rows (n, p) of one view, and y (n, q).

    Every ridge calibration is fitted on the source rows, on the difference spectra of the
    standards, which it is to predict as zero, and on their target spectra, moved by the mean
    difference, which it is to predict as their label. A view that was itself learnt from the
    standards' target spectra passes `unseen`: those spectra through the view as learnt without the
    standards of even places, and without those of odd places. `size` is the norm of the spectra
    that the view was computed from: a view that is flat up to their rounding error has no
    direction to fit.
    """
    # Neither ridge regression nor PLS minds rotations: few rows span few coordinates.
    centre = source.X.mean(axis=0)
    spectra = [source.X, standards.X_source, standards.X_target, *(unseen or ())]
    rows = np.concatenate(spectra) - centre
    values, U = principal_axes(rows, None, size)
    basis = (U / np.sqrt(values)).T @ rows
    X, X_source, X_target, *unseen = ((Z - centre) @ basis.T for Z in spectra)
    source = replace(source, X=X)
    standards = replace(standards, X_source=X_source, X_target=X_target)
    whole = RowSpace.of(X, source.y, size)
    path, offset = _fit(whole, standards, np.arange(len(standards)))
    variance = source.y.var(axis=0) + (np.ptp(source.y, axis=0) == 0)
    on_target, on_source, alone = _left_out(whole, source, standards, unseen or [X_target], size)
    left_out = np.concatenate([_flat(on_target), alone])
    unknown = np.full((len(alone), source.y.shape[1]), np.inf)
    source_error = (_flat(_source_residuals(source, standards, size)) ** 2).mean(axis=1) / variance
    disagreement = (_flat(on_target - on_source) ** 2).mean(axis=1) / variance
    return ViewFits(
        centre,
        basis,
        offset,
        path,
        TargetPLS.of(standards.X_target, standards.y, len(alone), size),
        source_error=np.concatenate([source_error, unknown]),
        disagreement=np.concatenate([disagreement, unknown]),
        label_error=((left_out - standards.y) ** 2).mean(axis=1) / variance,
        left_out=left_out,
    )


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """Return (c, e, n, q) as (c e, n, q)."""
    return values.reshape(-1, *values.shape[2:])


def _fit(
    space: RowSpace, standards: Standards, labelled: NDArray[Any]
) -> tuple[RidgePath, NDArray[Any]]:
    """Fit every setting on source rows and standards, of which `labelled` tell their labels."""
    offset = (standards.X_source - standards.X_target).mean(axis=0)
    aligned = standards.X_target + offset
    length = space.values.sum() / space.n_rows or 1.0
    differences = scaled_differences(standards.X_source, aligned, length)
    added = np.concatenate([differences, aligned[labelled] - space.mean])
    goals = np.concatenate([np.zeros_like(standards.y), standards.y[labelled] - space.level])
    weights = np.concatenate(
        [
            np.repeat(PENALTY[:, None], len(differences), axis=1),
            np.repeat(LABEL_WEIGHT[:, None], len(labelled), axis=1),
        ],
        axis=1,
    )
    return space.fit_path(added, goals, weights, RIDGES * length), offset


def _source_residuals(source: Rows, standards: Standards, size: float = 0.0) -> NDArray[Any]:
    """Return residuals (c, e, n, q) of source rows in cross-validation by sample."""
    residuals = np.zeros((len(PENALTY), len(RIDGES), *source.y.shape))
    for train, test in sample_folds(source.ids):
        # A left-out sample must not be known by its target spectrum either.
        labelled = np.flatnonzero(~np.isin(standards.ids, source.ids[test]))
        path, _ = _fit(RowSpace.of(source.X[train], source.y[train], size), standards, labelled)
        residuals[:, :, test] = path.predict(source.X[test]) - source.y[test]
    return residuals


def _left_out(
    whole: RowSpace,
    source: Rows,
    standards: Standards,
    unseen: Sequence[NDArray[Any]],
    size: float,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return predictions for left-out standards, as `unseen` has their target spectra.

    Those of the ridges for target and source spectra, (c, e, n, q), and those of PLS on target
    spectra alone, (k, n, q).
    """
    n, n_targets = standards.y.shape
    limit = max(0, min(MAX_OWN_COMPONENTS, n - FEWEST_OWN))
    n_samples = len(np.unique(source.ids))
    on_target, on_source = np.empty((2, len(PENALTY), len(RIDGES), n, n_targets))
    alone = np.empty((limit, n, n_targets))
    if n < 2:  # nothing to leave out: no error is known
        on_target[:] = on_source[:] = standards.y
    for k, (train, test) in enumerate(standard_folds(n, MAX_FOLDS) if n > 1 else ()):
        # A fold's standards are all of even or all of odd places: the folds are even in number.
        X_target = unseen[k % len(unseen)]
        space, rest = whole, replace(standards, X_target=X_target)[train]
        others = ~np.isin(source.ids, standards.ids[test])
        if n_samples <= MANY and others.any():
            space = RowSpace.of(source.X[others], source.y[others], size)
        path, offset = _fit(space, rest, np.arange(len(train)))
        on_target[:, :, test] = path.predict(X_target[test] + offset)
        on_source[:, :, test] = path.predict(standards.X_source[test])
        if limit:
            own = TargetPLS.of(rest.X_target, rest.y, limit, size)
            alone[:, test] = own.predict(X_target[test])
    return on_target, on_source, alone

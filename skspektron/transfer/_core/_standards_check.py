"""Check of the standards: what each measures against what the others predict."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ...metrics._variance import target_scale
from .._algorithms._agreement import Numbers, Spectra, agreement, leverage, weight
from ._search_warnings import warn_in_search
from ._standards import Rows, Standards, channel_means

MIN_STANDARDS = 3  # two that disagree do not show which of them is wrong
# Limits: chosen on the development tasks, see benchmarks/results/standards.csv for false alarms.
SPECTRAL_LIMITS = {1.0: 3.0, 0.1: 4.8, 0.01: 7.0}  # by cost: medians of the others
PREDICTION_LIMIT, LABEL_LIMIT = 5.0, 3.6  # standard deviations
SPECTRAL_FLOOR = 0.01  # of the root mean square distance of source spectra from their mean
PREDICTION_FLOOR = 1e-6  # of the scale of y
MAX_SAMPLES = 200  # source samples that the error of the calibration is estimated from
RIDGES = 10.0 ** np.arange(-8.0, 1.0)  # in units of the sum of squares of the spectra
BAD = 0.5  # a standard with less weight is bad

Array = NDArray[Any]


def check_standards(
    transfer: Any, source: Rows, standards: Standards, names: Array
) -> tuple[Standards, Bunch]:
    """Return the standards as `bad_standards` says, and the table of their disagreements.

    `names` are the ids of all samples. With "warn", a warning names the bad standards.
    """
    names = names[standards.ids]
    rows = _CheckedRows.of(transfer, source, standards) if len(names) >= MIN_STANDARDS else None
    if rows is None:
        return standards, unchecked(names)
    table = _examine(rows, names)
    if transfer.bad_standards == "keep":
        return standards, table
    weighted = replace(standards, weights=table.weight, label_weights=table.label_weight)
    if transfer.bad_standards == "warn":
        _warn(transfer, table)
        if transfer._needs_labels:
            weighted = _repaired(weighted, rows)
        if transfer._takes_weights:
            return _used(weighted, np.nextafter(0, 1), transfer._needs_labels), table
    used = _used(weighted, BAD, transfer._needs_labels)
    return replace(used, weights=None, label_weights=None), table


def _used(standards, limit, needs_labels):
    """Return the standards with weights of at least `limit`; reference values below it are NaN.

    A bad reference value is no reason to leave out a standard unless all need one.
    """
    used, has_label = standards.weights >= limit, standards.label_weights >= limit
    if needs_labels:
        used = used & has_label
    if not has_label.all():
        y = np.where(has_label.reshape(-1, *[1] * (standards.y.ndim - 1)), standards.y, np.nan)
        standards = replace(standards, y=y)
    return standards if used.all() or not used.any() else standards[used]


def _repaired(standards, rows):
    """Return labelled standards with what the source measured in place of what is bad.

    A bad reference value becomes that of the source rows if this agrees with the spectra. A bad
    target spectrum becomes the source spectrum and the mean difference of the others, if the
    reference value agrees with the source spectrum.
    """
    weights, label_weights = standards.weights.copy(), standards.label_weights.copy()
    X_target, y = standards.X_target.copy(), standards.y.copy()
    is_wrong = label_weights < BAD
    if is_wrong.any():
        candidates = np.where(is_wrong[:, None], rows.y_source, rows.y)
        found = replace(rows, y=candidates).label_disagreement(weights)
        is_right = is_wrong & np.isfinite(candidates).all(axis=1) & (_weight(found) >= BAD)
        y[is_right], label_weights[is_right] = standards.y_source[is_right], 1.0
    is_paired = np.isfinite(standards.X_source).any(axis=1)
    good, bad = is_paired & (weights >= BAD), is_paired & (weights < BAD) & (label_weights >= BAD)
    if bad.any() and good.any() and X_target.shape == standards.X_source.shape:
        differences = X_target[good] - standards.X_source[good]
        X_target[bad] = standards.X_source[bad] + channel_means(differences, weights[good])
        weights[bad] = 1.0
    return replace(standards, X_target=X_target, y=y, weights=weights, label_weights=label_weights)


def unchecked(names: Array) -> Bunch:
    """Return the table of standards that nothing is known about: all have full weight."""
    columns = ("spectral_disagreement", "label_disagreement", "leverage")
    unknown = {column: np.full(len(names), np.nan) for column in columns}
    return Bunch(id=names, **unknown, weight=np.ones(len(names)), label_weight=np.ones(len(names)))


def _examine(rows, names):
    """Return the table of the standards."""
    table = unchecked(names)
    table.leverage = leverage(rows.X_target)
    table.spectral_disagreement = rows.spectral_disagreement()
    table.weight = _weight(table.spectral_disagreement)
    table.label_disagreement = rows.label_disagreement(table.weight)
    table.label_weight = _weight(table.label_disagreement)
    return table


def _weight(disagreement):
    """Return the weights, 1 where the disagreement is not known."""
    return np.where(np.isnan(disagreement), 1.0, weight(disagreement))


@dataclass(frozen=True)
class _CheckedRows:
    """Spectra of the standards in units of the spread of the source, predictions in those of y.

    Predictions and reference values are (n, n_targets). Spectra that a source has not measured,
    and what is predicted from them, are NaN.
    """

    X_source: Array  # (n_sources, n, n_features)
    X_target: Array
    derivative_spread: float  # of the source spectra, in units of their spread
    on_source: Array  # (n_sources, n, n_targets)
    on_target: Array
    y: Array
    y_source: Array
    variance: Array  # of the error of the calibration, by target
    dof: int

    @classmethod
    def of(cls, transfer, source: Rows, standards: Standards) -> "_CheckedRows | None":
        """Predict all standards; None if no channel is measured in all their spectra."""
        X_target = transfer._layout.at_source(standards.X_target)
        X_source = standards.X_source[None]
        if standards.X_sources is not None:
            X_source = standards.X_sources.swapaxes(0, 1)
        is_paired = np.isfinite(X_source).any(axis=2)
        rows = _one_row_per_sample(source.ids)
        blocks = source.X[rows], X_source[is_paired], X_target
        measured = np.all([np.isfinite(X).all(axis=0) for X in blocks], axis=0)
        if not measured.any() or len(rows) < MIN_STANDARDS:
            return None
        scale = target_scale(source.y)

        def predict(X):
            return (transfer._predict_source(X) / scale).reshape(len(X), -1)

        X = np.asarray(source.X[rows][:, measured], dtype=np.float64)
        spread = _spread(X) or 1.0
        y = (source.y[rows] / scale).reshape(len(rows), -1)
        residuals = np.mean((predict(source.X[rows]) - y) ** 2, axis=0)
        on_source = np.full((*is_paired.shape, y.shape[1]), np.nan)
        if is_paired.any():
            on_source[is_paired] = predict(X_source[is_paired])
        return cls(
            X_source[:, :, measured] / spread,
            X_target[:, measured] / spread,
            _spread(np.diff(X, axis=1)) / spread,
            on_source,
            predict(X_target),
            (standards.y / scale).reshape(len(standards), -1),
            (standards.y_source / scale).reshape(len(standards), -1),
            np.maximum(residuals, _ridge_variance(X, y)) + PREDICTION_FLOOR**2,
            len(rows) - 1,
        )

    def spectral_disagreement(self) -> Array:
        """Return the disagreement of the pairs of spectra in units of the limit, NaN for others.

        With several sources it is that with the source that a target spectrum agrees with best.
        """
        found = np.full(self.on_source.shape[:2], np.nan)
        for k, is_paired in enumerate(np.all(np.isfinite(self.on_source), axis=2)):
            at = np.flatnonzero(is_paired)
            if len(at) >= MIN_STANDARDS:
                found[k, at] = agreement(self.X_source[k, at], list(self._spectral_evidence(k, at)))
        return np.fmin.reduce(found, axis=0)

    def label_disagreement(self, weights: Array) -> Array:
        """Return the disagreement of the reference values in units of the limit, NaN without one.

        It is that with the source spectrum of a standard if there is one. If its spectra disagree,
        it is the smaller of both, because a wrong reference value agrees with neither. That of
        several targets is the largest.
        """
        on_target = self._label_disagreement(self.on_target, self.X_target, weights)
        X = np.zeros((len(self.y), 1))  # the calibration was made on the source: no slope
        on_source = [self._label_disagreement(predictions, X) for predictions in self.on_source]
        found = np.fmin.reduce(on_source)
        is_settled = np.isfinite(found) & (weights[:, None] >= BAD)
        return np.fmax.reduce(np.where(is_settled, found, np.fmin(found, on_target)), axis=1)

    def _label_disagreement(self, predictions, X, weights=None):
        """Return the disagreement (n, n_targets) of the reference values with predictions."""
        found = np.full(self.y.shape, np.nan)
        for target, errors in enumerate((self.y - predictions).T):
            at = np.flatnonzero(np.isfinite(errors))
            if len(at) >= MIN_STANDARDS:
                base = None if weights is None else weights[at]
                evidence = self._numbers(errors[at], target, LABEL_LIMIT, is_prior=base is None)
                found[at, target] = agreement(X[at], [evidence], base)
        return found

    def _spectral_evidence(self, k, at) -> Iterator[Spectra | Numbers]:
        """Yield differences to source k, of the spectra, their derivatives and predictions."""
        D = self.X_source[k, at] - self.X_target[at]
        blocks = [D]
        if self.derivative_spread > 0:
            blocks.append(np.diff(D, axis=1) / self.derivative_spread)
        for block in blocks:
            for cost, limit in SPECTRAL_LIMITS.items():
                yield Spectra(block @ block.T, SPECTRAL_FLOOR**2, cost, limit)
        for target, difference in enumerate((self.on_source[k] - self.on_target)[at].T):
            yield self._numbers(difference, target, PREDICTION_LIMIT)

    def _numbers(self, values, target, limit, *, is_prior=False) -> Numbers:
        """Return the evidence of one number per standard, whose noise is that of a prediction."""
        variance, n_targets = self.variance[target], len(self.variance)
        return Numbers(values, variance, limit, self.dof, n_targets, is_prior)


def _one_row_per_sample(ids):
    """Return one row of each of at most `MAX_SAMPLES` samples, evenly spaced."""
    first = np.unique(ids, return_index=True)[1]
    return first[:: -(-len(first) // MAX_SAMPLES)]


def _spread(X):
    """Return the root mean square distance of spectra from their mean."""
    return float(np.linalg.norm(X - X.mean(axis=0)) / np.sqrt(len(X)))


def _ridge_variance(X, y):
    """Return the mean squared leave-one-out error of ridge regression, the smallest of a path."""
    X, y = X - X.mean(axis=0), y - y.mean(axis=0)
    gram = X @ X.T
    total = np.trace(gram) or 1.0
    # The direction of the ones, of the intercept, becomes the last, and is left out.
    values, U = (part[..., :-1] for part in np.linalg.eigh(gram + 2 * total / len(X)))
    penalties = RIDGES[:, None] * total
    kept = penalties / (np.maximum(values, 0) + penalties)  # (e, n - 1), in residuals
    residuals = U @ (kept[:, :, None] * (U.T @ y))  # (e, n, q)
    one_minus_leverage = (U**2 @ kept.T).T  # (e, n), as tiny as residuals for small penalties
    errors = residuals / np.maximum(one_minus_leverage, np.finfo(float).tiny)[:, :, None]
    return np.mean(errors**2, axis=1).min(axis=0)


def _warn(transfer, table) -> None:
    """Warn of bad standards by their ids, once in a search."""
    uses_labels = transfer._needs_labels or transfer._uses_labels
    findings = []
    for i, name in enumerate(np.asarray(table.id).tolist()):
        if table.weight[i] < BAD:
            size = table.spectral_disagreement[i]
            findings.append(f"{name!r} (spectra, {size:.1f} times the limit)")
        elif uses_labels and table.label_weight[i] < BAD:
            size = table.label_disagreement[i]
            findings.append(f"{name!r} (reference value, {size:.1f} times the limit)")
    if findings:
        warn_in_search(
            f"{len(findings)} of the {len(table.id)} standards disagree with what the others "
            f"predict and have little or no weight: {', '.join(findings)}. Measure them again, and "
            "check their sample_id. bad_standards='drop' leaves them out, 'keep' gives them full "
            "weight; standards_ lists all.",
            key="bad standards",
        )

"""Weights of the calibrations of an ensemble, from their cross-validated errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ..._progress import named_bar
from ...metrics._variance import nonzero_variance
from .._core._standards import Rows, Standards
from ._fits import LABEL_WEIGHTS, RIDGE_PENALTIES, SETTING_LABEL_WEIGHTS, ViewFits, fit_view

# Chosen on sugarcane handhelds, on real spectra with simulated differences between instruments,
# and on simulated spectra, for 2 to 30 standards.
ERROR_EXPONENT = 5.0  # a weight is the expected error to the power of -5
IGNORED_LABELS = 5  # with at most this number of standards, label errors are ignored
HALF_TRUST_LABELS = 15  # with this number more, label errors have half weight
UNLABELLED_LOG_ODDS = 4.0  # of calibrations that use no label, without standards
UNLABELLED_HALVING = 3  # number of standards that halves these log odds
LABEL_ONLY_PRIOR = 0.02  # odds that calibrations on target labels are better than the mean
EVIDENCE_PER_STANDARD = 0.25  # log odds per unit of the log ratio of the two errors
ERROR_FLOOR = 1e-3  # in units of the variance of y; differences below it are ignored


@dataclass(frozen=True)
class ViewedRows:
    """Source rows and both spectra of the standards in one view."""

    Z: NDArray[Any]  # (n_source, n_channels of the view)
    Z_source: NDArray[Any]  # (n, n_channels)
    Z_target: NDArray[Any]  # (n, n_channels)
    size: float  # norm of the rows that the view was computed from, see principal_axes
    unseen: Sequence[NDArray[Any]] | None = None  # see fit_view


@dataclass(frozen=True)
class LinearMember:
    """The weighted sum of the linear calibrations of one view."""

    coef: NDArray[Any]  # (n_channels of the view, q)
    intercept: NDArray[Any]  # (q,)
    weight: float  # sum of the weights of its calibrations, mean over the targets

    def predict(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return this view's part of the predictions for target spectra, (n, q)."""
        return np.asarray(Z) @ self.coef + self.intercept


def fit_members(
    views: Mapping[str, ViewedRows], source: Rows, standards: Standards, verbose: int = 0
) -> dict[str, LinearMember]:
    """Return the members of an ensemble by the names of their views.

    A standard without a label on the target gets the label of its source rows.
    """
    y = np.where(np.isfinite(standards.y), standards.y, standards.y_source)
    standards = replace(standards, y=y.reshape(len(standards), -1))
    source = replace(source, y=source.y.reshape(len(source.y), -1))
    fits = [
        fit_view(
            replace(source, X=np.asarray(view.Z, dtype=np.float64)),
            replace(standards, X_source=view.Z_source, X_target=view.Z_target),
            view.unseen,
            view.size,
        )
        for view in named_bar(views, views.values(), "averaging", unit="view", verbose=verbose)
    ]
    weights = fit_weights(fits, standards.y, source.y)
    return {
        name: LinearMember(*fit.combine(parts), float(parts.sum(axis=0).mean()))
        for name, fit, parts in zip(views, fits, weights, strict=True)
    }


def fit_weights(
    fits: Sequence[ViewFits], y_standards: NDArray[Any], y_source: NDArray[Any]
) -> NDArray[Any]:
    """Return the weights (views, m, q) of all calibrations; they add up to 1 for each target.

    A weight is a power of the expected error of a calibration: its error in cross-validation on
    the source rows, plus its disagreement on held-out standards, plus, the more standards there
    are, its error against their reference values. If the calibrations that rely on target labels
    predict held-out labels much better than the weighted mean, they replace it, as on a target
    that measures a property more precisely than the source does.
    """
    n = len(y_standards)
    source, disagreement, label, held_out = (
        np.stack([getattr(fit, name) for fit in fits])
        for name in ("source_error", "disagreement", "label_error", "held_out")
    )
    label_weight = _label_weights(source.shape[1])
    n_counted = max(0, n - IGNORED_LABELS)
    trust = n_counted / (n_counted + HALF_TRUST_LABELS)
    expected = source + disagreement + trust * label + np.finfo(float).tiny
    log_odds = (label_weight == 0) * UNLABELLED_LOG_ODDS * UNLABELLED_HALVING
    log_odds = log_odds / (n + UNLABELLED_HALVING)
    weights = softmax(log_odds - ERROR_EXPONENT * np.log(expected), axis=(0, 1))
    if n <= IGNORED_LABELS:
        return weights
    relies_on_labels = np.where(label_weight >= max(LABEL_WEIGHTS), 0.0, -np.inf)
    by_labels = softmax(relies_on_labels - n / 4 * np.log(label + ERROR_FLOOR), axis=(0, 1))
    variance = nonzero_variance(y_source)

    def error(weights):
        mean = np.einsum("vmq,vmnq->nq", weights, held_out)
        return ((mean - y_standards) ** 2).mean(axis=0) / variance + ERROR_FLOOR

    evidence = EVIDENCE_PER_STANDARD * n * np.log(error(weights) / error(by_labels))
    probability = expit(np.log(LABEL_ONLY_PRIOR) + evidence)  # (q,)
    return (1 - probability) * weights + probability * by_labels


def _label_weights(n_calibrations: int) -> NDArray[Any]:
    """Return the weight (1, m, 1) of a label in every calibration, infinite for PLS on labels."""
    ridges = np.repeat(SETTING_LABEL_WEIGHTS, len(RIDGE_PENALTIES))
    n_pls = n_calibrations - len(ridges)
    return np.concatenate([ridges, np.full(n_pls, np.inf)])[None, :, None]

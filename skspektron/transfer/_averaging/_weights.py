"""Weights of the calibrations of an ensemble, from how they fare where they were not fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from .._core._standards import Rows, Standards
from ._fits import LABEL_WEIGHT, LABEL_WEIGHTS, RIDGES, ViewFits, fit_view

# Chosen on sugarcane handhelds, on real spectra behind simulated instruments, and on simulated
# spectra, for 2 to 30 standards.
SHARPNESS = 5.0  # weight is error to the power of minus this
FEW_LABELS = 5  # of so few standards the labels are not read
LABELS_FOR_HALF = 15  # so many more, and a label counts as half of what it says
PRIOR_OF_UNLABELLED = 4.0  # log odds that no label should be read, with no standards ...
STANDARDS_FOR_HALF = 3  # ... halved by so many
PRIOR_OF_EXPERTS = 0.02  # odds that calibrations on target labels are better than all together
EXPERT_EVIDENCE = 0.25  # what a standard says of that, in log odds a log ratio of errors
ERROR_FLOOR = 1e-3  # in units of the variance of y: what is better is good


@dataclass(frozen=True)
class ViewedRows:
    """What one view makes of source rows and of both spectra of the standards."""

    Z: NDArray[Any]  # (n_source, n_channels of the view)
    Z_source: NDArray[Any]  # (n, n_channels)
    Z_target: NDArray[Any]  # (n, n_channels)
    size: float  # norm of the rows that the view was computed from, see principal_axes
    unseen: Sequence[NDArray[Any]] | None = None  # see fit_view


@dataclass(frozen=True)
class LinearMember:
    """What an ensemble has behind one view: one weighted sum of linear calibrations."""

    coef: NDArray[Any]  # (n_channels of the view, q)
    intercept: NDArray[Any]  # (q,)
    share: float  # of all weights, mean over the targets

    def predict(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return this view's part of the predictions for target spectra, (n, q)."""
        return np.asarray(Z) @ self.coef + self.intercept


def fit_members(
    seen: Mapping[str, ViewedRows], source: Rows, standards: Standards
) -> dict[str, LinearMember]:
    """Return the members of an ensemble by the names of their views.

    Labels of standards that the target lacks are those of their source rows.
    """
    y = np.where(np.isfinite(standards.y), standards.y, standards.y_source).reshape(
        len(standards), -1
    )
    rows = replace(source, y=source.y.reshape(len(source.y), -1))
    standards = replace(standards, y=y)
    trials = [
        fit_view(
            replace(rows, X=np.asarray(view.Z, dtype=np.float64)),
            replace(standards, X_source=view.Z_source, X_target=view.Z_target),
            view.unseen,
            view.size,
        )
        for view in seen.values()
    ]
    weights = fit_weights(trials, y, rows.y)
    return {
        name: LinearMember(*trial.combine(parts), float(parts.sum(axis=0).mean()))
        for name, trial, parts in zip(seen, trials, weights, strict=True)
    }


def fit_weights(
    trials: Sequence[ViewFits], y_standards: NDArray[Any], y_source: NDArray[Any]
) -> NDArray[Any]:
    """Return the weights (views, m, q) of all calibrations; they add up to 1 for each target.

    A calibration's expected error is that in cross-validation on the source rows, plus its
    disagreement on standards that are left out, plus, by the number of standards, its error in
    their reference values. Weights are a power of it. Where calibrations that lean on the
    standards' labels predict left-out labels so much better than this mean that it is no
    accident, they take over: then the target resolves what the source does not.
    """
    n = len(y_standards)
    source, disagreement, label, left_out = (
        np.stack([getattr(trial, name) for trial in trials])
        for name in ("source_error", "disagreement", "label_error", "left_out")
    )
    label_weight = np.repeat(LABEL_WEIGHT, len(RIDGES))
    label_weight = np.pad(
        label_weight, (0, source.shape[1] - len(label_weight)), constant_values=np.inf
    )[None, :, None]  # that of PLS on the standards alone is infinite
    n_read = max(0, n - FEW_LABELS)
    trust = n_read / (n_read + LABELS_FOR_HALF)
    expected = source + disagreement + trust * label + np.finfo(float).tiny
    log_odds = (label_weight == 0) * PRIOR_OF_UNLABELLED * STANDARDS_FOR_HALF
    log_odds = log_odds / (n + STANDARDS_FOR_HALF)
    weights = softmax(log_odds - SHARPNESS * np.log(expected), axis=(0, 1))
    if n <= FEW_LABELS:
        return weights
    leaning = np.where(label_weight >= max(LABEL_WEIGHTS), 0.0, -np.inf)
    experts = softmax(leaning - n / 4 * np.log(label + ERROR_FLOOR), axis=(0, 1))
    variance = y_source.var(axis=0) + (np.ptp(y_source, axis=0) == 0)

    def error(weights):
        mean = np.einsum("vmq,vmnq->nq", weights, left_out)
        return ((mean - y_standards) ** 2).mean(axis=0) / variance + ERROR_FLOOR

    evidence = EXPERT_EVIDENCE * n * np.log(error(weights) / error(experts))
    takeover = expit(np.log(PRIOR_OF_EXPERTS) + evidence)  # (q,)
    return (1 - takeover) * weights + takeover * experts

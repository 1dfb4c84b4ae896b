"""Weights of the regressions of an ensemble, from their errors on held-out samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ...calibration._weights import error_weights
from ...metrics._variance import nonzero_variance
from .._core._standards import Rows, Standards
from ._members import Member

# Chosen on sugarcane handhelds and on real spectra with simulated second instruments, see
# benchmarks/development.py.
IGNORED_LABELS = 5  # the evidence of so many standards on the use of labels is ignored
LABEL_PRIOR = 0.05  # odds that regressions that use labels are better than those that do not
LABEL_EXPONENT = 0.25  # per standard, of the label error
ERROR_FLOOR = 1e-3  # in units of the variance of y; differences below it are ignored


def member_weights(
    members: Sequence[Member],
    fractions: NDArray[Any],
    source: Rows,
    standards: Standards,
) -> list[NDArray[Any]]:
    """Return the weights (s, q) of the regressions of each member; all add up to 1 per target.

    `fractions` are prior weights of the members.
    """
    sizes = [len(member.label_error) for member in members]
    ends = np.cumsum(sizes)[:-1]
    source_error, disagreement, label, held_out = (
        np.concatenate([getattr(member, name) for member in members])
        for name in ("source_error", "disagreement", "label_error", "held_out")
    )
    uses_labels = np.repeat([member.uses_labels for member in members], sizes)
    prior, n_source = np.repeat(fractions, sizes)[:, None], len(np.unique(source.ids))
    weights, kept = np.zeros_like(label), np.isfinite(source_error).all(axis=1)
    errors = source_error[kept], disagreement[kept]
    weights[kept] = prior[kept] * _error_weights(*errors, len(standards), n_source)
    weights = weights / weights.sum(axis=0)
    if len(standards) > IGNORED_LABELS:
        log_weights = -LABEL_EXPONENT * len(standards) * np.log(label + ERROR_FLOOR)
        by_labels = softmax(np.where(uses_labels[:, None], log_weights, -np.inf), axis=0)
        probability = _label_probability(weights, by_labels, held_out, standards, source.y)
        weights = (1 - probability) * weights + probability * by_labels
    return np.split(weights, ends)


def held_out_error(
    members: Sequence[Member], weights: Sequence[NDArray[Any]], standards: Standards
) -> NDArray[Any]:
    """Return the root mean square error (q,) of the weighted mean for held-out standards."""
    parts = zip(members, weights, strict=True)
    predicted = sum(np.einsum("sq,snq->nq", part, member.held_out) for member, part in parts)
    counts = standards.weights * standards.label_weights
    counts = counts if counts.any() else np.ones_like(counts)
    return np.asarray(np.sqrt(np.average((predicted - standards.y) ** 2, axis=0, weights=counts)))


def _error_weights(source_error, disagreement, n_standards, n_source) -> NDArray[Any]:
    """Return weights (m, q) from expected errors, those of few standards being less certain.

    The errors on source rows are known from more samples than the disagreement. They count with a
    larger power where they exceed the smallest expected error.
    """
    expected = source_error + disagreement
    smallest = expected.min(axis=0)
    n_more = max(np.sqrt(n_source) - np.sqrt(n_standards), 0.0) ** 2
    weights = error_weights(expected, n_standards) * error_weights(source_error + smallest, n_more)
    return np.asarray(weights)


def _label_probability(weights, by_labels, held_out, standards, y_source) -> NDArray[Any]:
    """Return for each target the probability that the mean of `by_labels` is the better one."""
    counts = standards.weights * standards.label_weights
    n_counted = counts.sum() - IGNORED_LABELS
    if n_counted <= 0:
        return np.zeros(held_out.shape[2])
    variance = nonzero_variance(y_source)

    def log_error(weights):
        residuals = np.einsum("mq,mnq->nq", weights, held_out) - standards.y
        error = np.average(residuals**2, axis=0, weights=counts) / variance
        return np.log(error + ERROR_FLOOR)

    evidence = LABEL_EXPONENT * n_counted * (log_error(weights) - log_error(by_labels))
    probability: NDArray[Any] = expit(np.log(LABEL_PRIOR) + evidence)
    return probability

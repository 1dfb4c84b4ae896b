"""Choice of a method's settings by cross-validation over source rows and standards.

Candidates are compared by their disagreement on held-out standards: the difference between the
predictions for the target spectrum and for the source spectrum of a standard. It needs no label
and does not contain the error of the calibration itself.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...metrics._variance import nonzero_variance
from .._algorithms._folds import N_FOLDS, sample_folds, standard_folds
from ._standards import Rows, Standards

TIE_TOLERANCE = 1e-9  # relative
NEGLIGIBLE = 1e-12  # mean squared disagreement, in units of the variance of `y`

# What held-out errors are of, as a summary of the transfer names them.
OF_SOURCE = "source samples, after the transfer"
OF_STANDARDS = "standards, target minus source spectrum"
OF_LABELS = "standards, reference values"


def disagreements(
    map_candidates: Callable[[Standards, NDArray[Any]], NDArray[Any]],
    predict: Callable[[NDArray[Any]], NDArray[Any]],
    standards: Standards,
    y: NDArray[Any],
) -> NDArray[Any] | None:
    """Return the mean squared disagreement (n_candidates, n_targets) on held-out standards.

    ``map_candidates(standards, X)`` returns target spectra `X` under every candidate learnt from
    the standards, (n_candidates, n, n_features_source). Disagreement is divided by the standard
    deviation of `y`. None with fewer than 3 standards.
    """
    if len(standards) < 3:
        return None
    mapped, order = [], []
    for train, test in standard_folds(len(standards)):
        mapped.append(map_candidates(standards[train], standards.X_target[test]))
        order.append(test)
    spectra = np.concatenate(mapped, axis=1)  # (n_candidates, n, n_features_source)
    held_out = standards[np.concatenate(order)]
    expected = predict(held_out.X_source)
    predictions = predict(spectra.reshape(-1, spectra.shape[-1]))
    deviations = predictions.reshape(-1, *expected.shape) - expected
    return _mean_squares(deviations, y, held_out.weights)


def in_unit_of(y: NDArray[Any], mean_squares: NDArray[Any]) -> NDArray[Any]:
    """Return roots of mean squares (n_targets,) in the unit of `y`."""
    return np.sqrt(mean_squares * np.atleast_1d(nonzero_variance(y)))


def likely_penalty(errors: NDArray[Any], size: float) -> tuple[int, int]:
    """Return the map of the largest likelihood, and its penalty at the median of the likelihood.

    `errors` (n_maps, n_penalties) are mean squares over `size` standards, in order of falling
    penalty. The likelihood of a map and penalty is ``errors ** (-size / 2)``, that of normal
    errors, as in averages of models (Buckland, Burnham & Augustin, Biometrics 53 (1997) 603-618);
    that of a map is its sum over penalties. The smallest error of a few standards is often that of
    too small a penalty: DS of raw spectra at five standards is up to 0.26 in R2 below an offset on
    a development set with it, and up to 0.06 with the median (benchmarks/results/maps.csv).
    """
    if errors[0, 0] <= NEGLIGIBLE:
        return 0, 0
    logarithms = -size / 2 * np.log(np.maximum(errors, NEGLIGIBLE))
    likelihoods = np.exp(logarithms - logarithms.max())
    best = int(np.argmax(likelihoods.sum(axis=1)))
    below = np.cumsum(likelihoods[best])
    return best, int(np.argmax(below >= below[-1] / 2))


class Choice(NamedTuple):
    """A candidate, and its held-out errors (n_targets,) in the unit of `y` by what they are of."""

    best: int
    errors: dict[str, NDArray[Any]]


def choose_calibration(
    fit_candidates: Callable[
        [NDArray[Any], NDArray[Any], Standards], Callable[[NDArray[Any]], NDArray[Any]]
    ],
    source: Rows,
    standards: Standards,
    refit: Callable[[NDArray[np.intp]], tuple[Rows, Standards]] | None = None,
) -> Choice:
    """Return the candidate with the smallest expected error on the target.

    ``fit_candidates(X, y, standards)`` returns a function from spectra to the predictions of
    every candidate, (n_candidates, n, ...). The expected error is the mean squared error in
    cross-validation on the source rows plus the mean squared disagreement on held-out standards.
    ``refit(train)`` returns both as steps that are fitted to `y` transform them, if they are fitted
    on the source rows `train` alone. The disagreement needs no refit, because it reads no `y`.
    """
    found = {}
    folds = sample_folds(source.ids)
    if folds:
        found[OF_SOURCE] = _source_error(fit_candidates, source, standards, refit, folds)
    if len(standards) > 1:
        differences, order = [], []
        for train, test in standard_folds(len(standards)):
            predict = fit_candidates(source.X, source.y, standards[train])
            held_out = standards[test]
            differences.append(predict(held_out.X_target) - predict(held_out.X_source))
            order.append(test)
        weights = standards.weights[np.concatenate(order)]
        deviations = np.concatenate(differences, axis=1)
        found[OF_STANDARDS] = _mean_squares(deviations, source.y, weights)
    best = first_smallest(sum((each.sum(axis=1) for each in found.values()), start=0.0))
    return Choice(best, {of: in_unit_of(source.y, each[best]) for of, each in found.items()})


def largest_rank(n_standards: int) -> int:
    """Return the rank that standards have in every fold once centred; at least 1.

    Candidates of a higher rank are all the same map within the folds.
    """
    return max(1, n_standards - -(-n_standards // N_FOLDS) - 1)


def _source_error(fit_candidates, source, standards, refit, folds):
    """Return the mean squared error of every candidate in cross-validation on the source rows."""
    residuals = []
    for train, test in folds:
        rows, pairs = (source, standards) if refit is None else refit(train)
        predict = fit_candidates(rows.X[train], rows.y[train], pairs)
        residuals.append(predict(rows.X[test]) - rows.y[test])
    return _mean_squares(np.concatenate(residuals, axis=1), source.y)


def first_smallest(errors) -> int:
    """Return the first candidate whose error is the smallest up to rounding."""
    errors = np.atleast_1d(errors)
    return int(np.argmax(errors <= errors.min() * (1 + TIE_TOLERANCE)))


def _mean_squares(deviations, y, weights=None):
    """Return the mean squares (n_candidates, n_targets) in units of the variance of `y`."""
    squares = np.average(deviations**2, axis=1, weights=weights) / nonzero_variance(y)
    return squares.reshape(len(squares), -1)

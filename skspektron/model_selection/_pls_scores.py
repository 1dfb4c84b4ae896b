"""Scores of PLS for the selection of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._decompositions import thin_svd
from ..metrics._variance import target_scale

# Of 2, 3, 5 and 8 components, autoscaled or not, none was better than 5 by more than the standard
# error with NAR on 54 development tasks (three repeats, 5 and 10 standards).
N_COMPONENTS = 5
NEGLIGIBLE = 1e-10  # covariance relative to that of the first component: rounding errors remain


def scores_or_spectra(X: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the PLS scores of the spectra, or the spectra if they do not vary with `y`."""
    scores = pls_scores(X, y, N_COMPONENTS)
    return scores if scores.shape[1] else X


def pls_scores(X: NDArray[Any], y: NDArray[Any], n_components: int) -> NDArray[Any]:
    """Return the scores of the spectra on PLS components, (n_samples, at most n_components).

    `y` has the shape (n_samples, n_targets). There are fewer scores if the rest of the spectra
    does not vary with `y`. The units of the targets have no effect; the scores are relative to the
    largest value in the spectra.
    """
    Y = (y - y.mean(axis=0)) / target_scale(y)
    X = X / (np.abs(X).max() or 1.0)
    smallest = len(X) * np.finfo(np.float64).eps * np.linalg.norm(X) * np.linalg.norm(Y)
    E = X - X.mean(axis=0)
    scores: list[NDArray[Any]] = []
    while len(scores) < min(n_components, len(X) - 1):
        # Y needs no deflation: what is left of the spectra is orthogonal to the scores.
        U, s, _ = thin_svd(E.T @ Y)
        if s[0] <= smallest:
            break
        smallest = max(smallest, NEGLIGIBLE * s[0])
        t = E @ U[:, 0]
        E = E - np.outer(t, t @ E / (t @ t))
        scores.append(t)
    return np.column_stack(scores) if scores else np.empty((len(X), 0))

"""Folds of cross-validation over standards and over samples."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

N_FOLDS = 5  # the default of scikit-learn

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def standard_folds(n_standards: int, n_folds: int = N_FOLDS) -> Iterator[Fold]:
    """Yield training and held-out standards of at most `n_folds`, assigned in turn."""
    fold = np.arange(n_standards) % n_folds
    for k in range(min(n_folds, n_standards)):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def sample_folds(ids: NDArray[Any], n_folds: int = N_FOLDS) -> list[Fold]:
    """Return training and held-out rows of at most `n_folds`, all rows of a sample together.

    There is none with a single sample, which cannot be held out. Samples are dealt in the order of
    `ids`, which `number_samples` gives by the spectra.
    """
    n_samples = len(np.unique(ids))
    if n_samples < 2:
        return []
    return list(GroupKFold(min(n_folds, n_samples)).split(ids, groups=ids))

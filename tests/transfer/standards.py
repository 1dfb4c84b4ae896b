"""Spectra of standards, and the error by which a transfer chooses its parameters."""

import numpy as np
from sklearn.model_selection import GroupKFold

from skspektron._samples import number_samples
from skspektron.transfer._core._standards import Rows, Standards


def spectra(n_samples, n_features=40, n_bands=3, seed=0):
    """Return smooth mixtures of a few bands, (n_samples, n_features)."""
    rng = np.random.default_rng(seed)
    position = np.linspace(0.1, 0.9, n_bands)[:, None]
    bands = np.exp(-((np.linspace(0, 1, n_features) - position) ** 2) / 0.02)
    return rng.uniform(0.2, 1, size=(n_samples, n_bands)) @ bands


def noisy_pair(n_samples=12, n_features=40, n_source=None, seed=1):
    """Return target and source spectra of full rank: (n, n_features) and (n, n_source)."""
    rng = np.random.default_rng(seed)
    target = spectra(n_samples, n_features, seed=seed)
    source = 1.1 * spectra(n_samples, n_source or n_features, seed=seed) + 0.2
    noise = [0.05 * rng.normal(size=X.shape) for X in (target, source)]
    return target + noise[0], source + noise[1]


def new_spectra(n_samples=7, n_features=40):
    """Return spectra outside the span of the standards."""
    rng = np.random.default_rng(9)
    return spectra(n_samples, n_features, seed=9) + 0.05 * rng.normal(size=(n_samples, n_features))


def rows_and_standards(n_standards, n_source=14, n_channels=6, n_targets=2, n_unpaired=0):
    """Return source rows and standards, most of them among the source rows."""
    rng = np.random.default_rng(n_standards)
    X = rng.normal(size=(n_source, n_channels)) + 2.0
    y = X @ rng.normal(size=(n_channels, n_targets)) + 0.3 * rng.normal(size=(n_source, n_targets))
    chosen = rng.permutation(n_source)[:n_standards]
    X_target = 1.1 * X[chosen] + 0.5 + 0.1 * rng.normal(size=(n_standards, n_channels))
    y_target = y[chosen] + 0.1 * rng.normal(size=(n_standards, n_targets))
    ids = np.arange(n_source)
    return Rows(X, y, ids), Standards(ids[chosen], X[chosen], X_target, y[chosen], y_target)


def standard_spectra(model, stack):
    """Return target and source spectra of the standards of a fitted transfer."""
    X, _, instrument, sample_id = stack
    rows = [
        [np.flatnonzero((instrument == name) & (sample_id == i))[0] for i in model.transfer_ids_]
        for name in "BA"
    ]
    return X[rows[0]], X[rows[1]]


def sample_numbers(stack):
    """Return the ids by which the folds of a transfer from A to B are dealt."""
    X, y, instrument, sample_id = stack
    return number_samples(X, sample_id, y, is_target=instrument == "B")[0]


def expected_error(candidate, X, y, ids, target, source):
    """Return the cross-validated error plus the disagreement, in units of the variance of y.

    `candidate(X, y, target, source)` returns a fitted function from spectra to predictions.
    """
    squares, differences = [], []
    for train, test in GroupKFold(5).split(X, groups=ids):
        squares.extend((candidate(X[train], y[train], target, source)(X[test]) - y[test]) ** 2)
    for k in range(5):
        fold = np.arange(len(target)) % 5
        predict = candidate(X, y, target[fold != k], source[fold != k])
        differences.extend((predict(target[fold == k]) - predict(source[fold == k])) ** 2)
    return (np.mean(squares) + np.mean(differences)) / np.var(y)


def rmse(X, expected):
    """Return the root mean square difference between spectra."""
    return np.sqrt(np.mean((X - expected) ** 2))

"""Spectra of a few bands, for the tests of the maps."""

import numpy as np


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
    """Return spectra that are no standards and lie outside their span."""
    rng = np.random.default_rng(9)
    return spectra(n_samples, n_features, seed=9) + 0.05 * rng.normal(size=(n_samples, n_features))

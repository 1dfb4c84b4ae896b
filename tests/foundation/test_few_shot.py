"""Few-shot classification of compounds with embeddings."""

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronEmbedder
from skspektron.preprocessing import SNV

N_CLASSES, N_SHOTS, N_TESTED = 10, 5, 20
WAVELENGTH = np.arange(1100, 2500, 10.0)


@pytest.fixture(scope="module")
def classes():
    """Return spectra of ten classes with different bands, and their labels."""
    spectra = [
        make_instruments(
            N_SHOTS + N_TESTED, ("a",), wavelength=WAVELENGTH, spread=0.3, random_state=100 + label
        ).X["a"]
        for label in range(N_CLASSES)
    ]
    return np.concatenate(spectra), np.repeat(np.arange(N_CLASSES), N_SHOTS + N_TESTED)


@pytest.mark.parametrize(
    "readout",
    [
        {"weights": "masked", "pooling": "latent", "n_layers": None},
        {"pooling": "mean"},
        {"pooling": "tokens"},
    ],
    ids=lambda readout: readout["pooling"],
)
def test_nearest_of_ten_centroids_of_five_spectra(classes, readout):
    X, y = classes
    Z = SpektronEmbedder(wavelength=WAVELENGTH, **readout).fit_transform(SNV().fit_transform(X))
    shown = np.arange(len(y)) % (N_SHOTS + N_TESTED) < N_SHOTS
    accuracy = NearestCentroid().fit(Z[shown], y[shown]).score(Z[~shown], y[~shown])
    assert accuracy >= 0.9
    shuffled = np.random.default_rng(0).permutation(y[shown])
    assert NearestCentroid().fit(Z[shown], shuffled).score(Z[~shown], y[~shown]) < 0.5

"""Views fit into spectra of any number of channels, and their rounding errors are known."""

import numpy as np
import pytest

from skspektron.calibration._views import rounding_errors, spectral_views


@pytest.mark.parametrize("n_channels", [1, 2, 5, 8, 50])
def test_views_keep_the_rows(n_channels):
    X = np.random.default_rng(0).normal(size=(4, n_channels))
    for view in spectral_views(n_channels).values():
        Z = view.fit(X).transform(X)
        assert len(Z) == 4
        assert np.isfinite(Z).all()


def test_rounding_error_of_a_derivative_is_that_of_the_spectra():
    X = np.full((5, 40), 1000.0)
    for name, view in spectral_views(40).items():
        view.fit(X)
        Z, error = view.transform(X), rounding_errors(view.transform, X)
        assert (np.abs(Z - Z.mean(axis=0)) <= error).all(), name
        assert (error < 1e-10).all() or name.startswith("SNV")  # which scales noise to 1


def test_a_constant_spectrum_does_not_make_the_others_rounding_errors():
    X = np.random.default_rng(0).normal(size=(8, 40))
    X[3] = 1.0
    for view in spectral_views(40).values():
        assert (rounding_errors(view.fit(X).transform, X) < 1e-10).all()

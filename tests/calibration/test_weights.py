"""Weights of an ensemble follow the formula and ignore units."""

import numpy as np

from skspektron.calibration._weights import error_weights


def test_weights_are_powers_of_the_errors():
    errors = np.array([[1.0, 0.1], [0.5, 0.2], [2.0, 0.3]])
    powers = errors**-2.0
    np.testing.assert_allclose(error_weights(errors, 20), powers / powers.sum(axis=0), rtol=1e-9)


def test_errors_of_zero_have_finite_weights():
    weights = error_weights(np.array([[0.0], [0.0], [1.0]]), 30)
    np.testing.assert_allclose(weights[:, 0], [0.5, 0.5, 0.0], atol=1e-9)

"""Weights of an ensemble follow the formula, and those of a row do not use its sample."""

import numpy as np

from skspektron.calibration._weights import average, error_weights


def test_weights_are_powers_of_the_errors():
    errors = np.array([[1.0, 0.1], [0.5, 0.2], [2.0, 0.3]])
    powers = errors**-2.0
    np.testing.assert_allclose(error_weights(errors, 25), powers / powers.sum(axis=0), rtol=1e-9)


def test_errors_of_zero_have_finite_weights():
    weights = error_weights(np.array([[0.0], [0.0], [1.0]]), 30)
    np.testing.assert_allclose(weights[:, 0], [0.5, 0.5, 0.0], atol=1e-9)


def test_the_mean_for_a_row_equals_the_mean_under_weights_without_its_sample():
    rng = np.random.default_rng(0)
    samples = np.array([0, 1, 1, 2, 3, 3, 3, 4])
    y = rng.normal(size=8)
    held_out = y + rng.normal(size=(3, 2, 8))
    result = average(held_out, y, samples)
    everyone = error_weights(((held_out - y) ** 2).mean(axis=2).ravel() / y.var(), 5)
    np.testing.assert_allclose(result.weights.ravel(), everyone, rtol=1e-9)
    for row, sample in enumerate(samples):
        rest = samples != sample
        errors = ((held_out - y)[..., rest] ** 2).mean(axis=2) / y.var()
        weights = error_weights(errors.ravel(), 4).reshape(3, 2)
        mean = (weights * held_out[..., row]).sum()
        members = (weights * held_out[..., row]).sum(axis=1) / weights.sum(axis=1)
        spread = (weights.sum(axis=1) * (members - mean) ** 2).sum()
        np.testing.assert_allclose(result.held_out[row], mean, rtol=1e-9)
        np.testing.assert_allclose(result.spread[row], spread, rtol=1e-9)


def test_units_of_y_have_no_effect():
    rng = np.random.default_rng(0)
    y, samples = rng.normal(size=9), np.arange(9)
    held_out = y + rng.normal(size=(2, 3, 9))
    small = average(1e-6 * held_out, 1e-6 * y, samples)
    np.testing.assert_allclose(small.weights, average(held_out, y, samples).weights, rtol=1e-9)

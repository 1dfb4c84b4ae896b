"""Bessel functions and concentrations, compared with 40-digit arithmetic."""

import numpy as np
import pytest

from skspektron.cluster._bessel import log_ive
from skspektron.cluster._concentration import estimate_concentration, log_normalizer, mean_cosine
from tests import oracles

DIMENSIONS = [2, 3, 10, 81, 83, 2000]
CONCENTRATIONS = [1e-6, 1e-3, 1.0, 38.0, 41.0, 1e3, 1e6]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_log_bessel_function_is_exact(dimension):
    for order in (dimension / 2 - 1, dimension / 2):
        expected = [oracles.log_ive(order, x) for x in CONCENTRATIONS]
        np.testing.assert_allclose(log_ive(order, CONCENTRATIONS), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_density_is_normalized(dimension):
    order = dimension / 2 - 1
    expected = [
        order * np.log(x) - oracles.log_ive(order, x) - dimension / 2 * np.log(2 * np.pi)
        for x in CONCENTRATIONS
    ]
    np.testing.assert_allclose(log_normalizer(CONCENTRATIONS, dimension), expected, rtol=1e-10)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_mean_cosine_equals_ratio_of_bessel_functions(dimension):
    order = dimension / 2 - 1
    expected = [
        np.exp(oracles.log_ive(order + 1, x) - oracles.log_ive(order, x)) for x in CONCENTRATIONS
    ]
    np.testing.assert_allclose(mean_cosine(CONCENTRATIONS, dimension), expected, rtol=1e-10)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_concentration_is_recovered(dimension):
    found = estimate_concentration(mean_cosine(CONCENTRATIONS, dimension), dimension)
    np.testing.assert_allclose(found, CONCENTRATIONS, rtol=1e-7)


def test_concentration_grows_with_the_norm_of_the_mean_and_stays_finite():
    lengths = np.array([0.0, 1e-9, 0.1, 0.5, 0.9, 0.999999, 1.0])
    for dimension in DIMENSIONS:
        kappa = estimate_concentration(lengths, dimension)
        assert np.all(np.diff(kappa) >= 0)
        assert (kappa[0], kappa[-1]) == (1e-6, 1e8)

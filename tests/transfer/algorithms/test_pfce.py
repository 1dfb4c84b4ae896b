"""fit_near against a general solver, and at the edges of its bound."""

import numpy as np
import pytest

from skspektron.transfer._algorithms._pfce import fit_near
from tests import oracles


def problem(n_samples, seed, p=8):
    """Return centred spectra, responses that `b1` does not fit, and `b1`."""
    rng = np.random.default_rng(seed)
    A, b1 = rng.normal(size=(n_samples, p)), 1 + rng.normal(size=p)
    c = A @ (b1 + rng.normal(size=p)) + rng.normal(size=n_samples)
    return A - A.mean(axis=0), c - c.mean(), b1


def correlation(b, b1):
    return np.corrcoef(b, b1)[0, 1]


@pytest.mark.parametrize("min_correlation", [0.3, 0.9, 0.98, 0.999])
@pytest.mark.parametrize("n_samples", [3, 6, 20])
def test_equals_a_general_solver(n_samples, min_correlation):
    A, c, b1 = problem(n_samples, seed=n_samples)
    b = fit_near(A, c, b1, min_correlation)
    loss, expected = (
        np.sum((c - A @ x) ** 2) for x in (b, oracles.pfce(A, c, b1, min_correlation))
    )
    assert loss == pytest.approx(expected, rel=1e-6, abs=1e-9 * np.sum(c**2))
    assert correlation(b, b1) >= min_correlation - 1e-9


@pytest.mark.parametrize("min_correlation", [0.5, 0.98])
@pytest.mark.parametrize("sign", [1, -1])
def test_is_optimal_within_the_bound(min_correlation, sign):
    A, c, b1 = problem(20, seed=1)
    c, rng = sign * c, np.random.default_rng(0)
    b = fit_near(A, c, b1, min_correlation)
    u = (b1 - b1.mean()) / np.linalg.norm(b1 - b1.mean())
    least = np.sum((c - A @ b) ** 2)
    for _ in range(300):
        other, constant, w = rng.uniform(0, 9) * u, rng.normal(), rng.normal(size=8)
        w -= w.mean() + (w @ u) * u
        w *= rng.uniform() * np.linalg.norm(other) / np.linalg.norm(w)
        other += constant + w * np.sqrt(min_correlation**-2 - 1)
        assert correlation(other, b1) >= min_correlation - 1e-12
        step = 10 ** rng.uniform(-4, 0)  # the feasible coefficients are a convex set
        assert least <= np.sum((c - A @ ((1 - step) * b + step * other)) ** 2) + 1e-9


def test_opposite_responses_leave_constant_coefficients():
    A, c, b1 = problem(20, seed=1)
    c = A @ -b1
    b = fit_near(A, c - c.mean(), b1, 0.98)
    total = A.sum(axis=1)
    np.testing.assert_allclose(b, total @ c / (total @ total))


def test_an_inactive_bound_gives_least_squares():
    A, c, b1 = problem(20, seed=1)
    expected = np.linalg.lstsq(A, c, rcond=None)[0]
    loose = 0.5 * correlation(expected, b1)
    np.testing.assert_allclose(fit_near(A, c, b1, loose), expected, rtol=1e-6)


def test_takes_the_nearest_of_equally_good_solutions():
    A, c, b1 = problem(3, seed=0)
    nearest = b1 + np.linalg.pinv(A) @ (c - A @ b1)
    assert correlation(nearest, b1) > 0.5
    np.testing.assert_allclose(fit_near(A, c, b1, 0.5), nearest, rtol=1e-6)


def test_a_correlation_of_one_fits_a_gain_and_a_constant():
    A, c, b1 = problem(20, seed=2)
    design = np.column_stack([A @ b1, A.sum(axis=1)])
    gain, constant = np.linalg.lstsq(design, c, rcond=None)[0]
    assert gain > 0
    np.testing.assert_allclose(fit_near(A, c, b1, 1.0), gain * b1 + constant, rtol=1e-6)


@pytest.mark.parametrize("b1", [np.zeros(8), np.full(8, 0.3)])
def test_keeps_coefficients_that_do_not_vary_over_the_channels(b1):
    A, c, _ = problem(20, seed=0)
    np.testing.assert_array_equal(fit_near(A, c, b1, 0.98), b1)


def test_one_and_two_channels():
    A, c, b1 = problem(20, seed=0, p=1)
    np.testing.assert_array_equal(fit_near(A, c, b1, 0.98), b1)
    A, c, b1 = problem(20, seed=0, p=2)  # any two coefficients correlate by 1 or -1
    b = fit_near(A, c, b1, 0.98)
    assert np.sign(np.diff(b)) == np.sign(np.diff(b1))

"""Ridge paths against refits without each group, and their invariances."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skspektron.calibration._ridge import RidgePath

STRENGTHS = np.array([1e-3, 0.1, 10.0])


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(14, 9)) + 2.0, rng.normal(size=(14, 2)) + np.array([5.0, -3.0])


def solve(Phi, y, strength, weights, free):
    """Return coefficients (k, q) and those without penalty (f, q) of the problem written out."""
    A = np.column_stack([Phi, free])
    penalty = np.diag([strength] * Phi.shape[1] + [0.0] * free.shape[1])
    both = np.linalg.solve(A.T @ (weights[:, None] * A) + penalty, A.T @ (weights[:, None] * y))
    return both[: Phi.shape[1]], both[Phi.shape[1] :]


def predict(path, Phi):
    """Return the predictions (s, n, q) of a path."""
    coef, intercept = path.coefficients()
    return Phi @ coef + intercept[:, None]


def test_equals_ridge_of_scikit_learn(rows):
    Phi, y = rows
    new = np.random.default_rng(1).normal(size=(4, 9))
    expected = [Ridge(alpha=s).fit(Phi, y).predict(new) for s in STRENGTHS]
    np.testing.assert_allclose(predict(RidgePath.fit(Phi, y, STRENGTHS), new), expected, rtol=1e-9)


@pytest.mark.parametrize("n_features", [9, 40])
def test_held_out_groups_equal_fits_without_them(n_features):
    rng = np.random.default_rng(0)
    Phi, y = rng.normal(size=(14, n_features)), rng.normal(size=(14, 2))
    groups = np.array([0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 7, 8])
    held_out = RidgePath.fit(Phi, y, STRENGTHS).held_out(groups)
    for group in np.unique(groups):
        out = groups == group
        for s, strength in enumerate(STRENGTHS):
            refit = Ridge(alpha=strength).fit(Phi[~out], y[~out])
            np.testing.assert_allclose(held_out[s, out], refit.predict(Phi[out]), atol=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_columns_without_penalty_may_have_any_size(rows, unit):
    Phi, y = rows
    free = np.column_stack([np.ones(14), np.arange(14.0)])
    expected = RidgePath.fit(Phi, y, STRENGTHS, free=free).held_out(np.arange(14))
    scaled = RidgePath.fit(Phi, y, STRENGTHS, free=free * [1.0, unit])
    np.testing.assert_allclose(scaled.held_out(np.arange(14)), expected, atol=1e-9)


@pytest.mark.parametrize("has_offset", [False, True])
def test_added_rows_equal_fits_without_their_groups(has_offset, rows):
    """Null rows have no intercept; rows of weight 0 are predicted without taking part."""
    Phi, y = rows
    rng = np.random.default_rng(2)
    Phi = np.concatenate([Phi, 0.3 * rng.normal(size=(6, 9))])
    y = np.concatenate([y, np.zeros((3, 2)), rng.normal(size=(3, 2))])
    weights = np.concatenate([np.ones(14), [1000.0, 1000.0, 5.0, 3.0, 0.0, 2.0]])
    free = np.zeros((20, 2))
    free[[*range(14), 17, 18, 19], 0] = 1.0
    free[14:17, 1], free[17:, 1] = -0.5, 1.0
    free = free if has_offset else free[:, :1]
    groups = np.concatenate([np.arange(14), [0, 1, 2, 0, 1, 2]])
    path = RidgePath.fit(Phi, y, STRENGTHS, weights, free)
    coefficients, intercepts = path.coefficients()
    held_out = path.held_out(groups)
    for s, strength in enumerate(STRENGTHS):
        coef, fixed = solve(Phi, y, strength, weights, free)
        np.testing.assert_allclose(coefficients[s], coef, atol=1e-9)
        np.testing.assert_allclose(intercepts[s], fixed.sum(axis=0), atol=1e-8)
        for group in range(14):
            out = groups == group
            coef, fixed = solve(Phi[~out], y[~out], strength, weights[~out], free[~out])
            expected = Phi[out] @ coef + free[out] @ fixed
            np.testing.assert_allclose(held_out[s, out], expected, atol=1e-8)


def test_combination_equals_the_sum_of_predictions(rows):
    Phi, y = rows
    path = RidgePath.fit(Phi, y, STRENGTHS)
    weights = np.array([[0.2, 0.5], [0.3, 0.0], [0.1, 0.5]])
    coef, intercept = path.combine(weights)
    expected = np.einsum("snq,sq->nq", predict(path, Phi), weights)
    np.testing.assert_allclose(Phi @ coef + intercept, expected, rtol=1e-10)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_held_out_residuals_have_the_unit_of_y(rows, unit):
    Phi, y = rows
    groups = np.arange(14) // 2
    held_out = RidgePath.fit(Phi, y, STRENGTHS).held_out(groups)
    scaled = RidgePath.fit(Phi, unit * y, STRENGTHS).held_out(groups)
    np.testing.assert_allclose(scaled, unit * held_out, rtol=1e-9)


def test_targets_are_fitted_independently(rows):
    Phi, y = rows
    both = RidgePath.fit(Phi, y, STRENGTHS).held_out(np.arange(14))
    second = RidgePath.fit(Phi, y[:, 1:], STRENGTHS).held_out(np.arange(14))
    np.testing.assert_allclose(both[..., 1:], second, rtol=1e-10)


def test_without_features_the_mean_is_predicted(rows):
    _, y = rows
    path = RidgePath.fit(np.zeros((14, 0)), y, STRENGTHS)
    np.testing.assert_allclose(predict(path, np.zeros((2, 0))), np.tile(y.mean(axis=0), (3, 2, 1)))
    rest = (y.sum(axis=0) - y) / 13
    np.testing.assert_allclose(path.held_out(np.arange(14)), np.tile(rest, (3, 1, 1)))


def test_parts_of_limited_memory_change_nothing(rows, monkeypatch):
    Phi, y = rows
    whole = RidgePath.fit(Phi, y, STRENGTHS).held_out(np.arange(14) // 2)
    monkeypatch.setattr("skspektron.calibration._ridge.CHUNK", 1)
    parts = RidgePath.fit(Phi, y, STRENGTHS).held_out(np.arange(14) // 2)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)

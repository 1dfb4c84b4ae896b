"""Disagreement of standards against fits without the standards, one by one."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as t_distribution
from sklearn.linear_model import Ridge

from skspektron.transfer._algorithms._agreement import Numbers, Spectra, agreement, leverage, weight

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 3))
D = rng.normal(size=(7, 20))


def left_of(target, others, penalty):
    """Return the minimum of |target - others' c|^2 + penalty |c|^2, and the penalty."""
    fit = Ridge(penalty, fit_intercept=False).fit(others.T, target)
    rest = target - others.T @ fit.coef_
    return rest @ rest + penalty * fit.coef_ @ fit.coef_ + penalty


def test_spectra_equal_ridge_regressions_on_the_others():
    cost, floor = 0.1, 0.3
    distances = [np.sum((a - b) ** 2) for i, a in enumerate(D) for b in D[:i]]
    penalty = floor + cost * np.median(distances) / 2
    expected = []
    for i in range(7):
        rest = [j for j in range(7) if j != i]
        others = [left_of(D[j], D[[k for k in rest if k != j]], penalty) for j in rest]
        expected.append(np.sqrt(left_of(D[i], D[rest], penalty) / np.median(others)) / 4.0)
    found = Spectra(D @ D.T, floor, cost, 4.0).deviation([], np.ones(7))
    np.testing.assert_allclose(found, expected)


def predicted(values, i, train, slope):
    """Return the prediction of a Gaussian process with a free offset, and its variance."""
    Z = X - X.mean(axis=0)
    gram = slope * Z @ Z.T / np.mean(np.sum(Z**2, axis=1)) + 1e9  # almost free
    K = gram[np.ix_(train, train)] + np.eye(len(train))
    k = gram[i, train]
    solved = np.linalg.solve(K, np.column_stack([values[train], k]))
    return k @ solved[:, 0], gram[i, i] + 1 - k @ solved[:, 1]


@pytest.mark.parametrize("is_prior", [False, True])
def test_numbers_equal_predictions_from_the_others(is_prior):
    values, floor, dof = D[:, 0], 0.2, 30.0
    expected = []
    for i in range(7):
        rest = [j for j in range(7) if j != i]
        mean, variance = predicted(values, i, rest, 0.0)
        deviations = []
        for j in rest:
            fit = predicted(values, j, [k for k in rest if k != j], 0.0)
            deviations.append((values[j] - fit[0]) ** 2 / fit[1])
        shown, shown_dof = 1.4826**2 * np.median(deviations) * variance, 5
        if is_prior:
            total = (shown_dof * shown + 10 * floor * variance) / 15
            nu = 15
        else:
            total = shown + floor
            nu = total**2 / (shown**2 / shown_dof + floor**2 / dof)
        ratio = abs(values[i] - mean) / np.sqrt(total)
        z = norm.isf(min(t_distribution.sf(ratio, nu) * 7, 0.5))
        expected.append(min(z, ratio) / 2.0)
    evidence = Numbers(values, floor, 2.0, dof, is_prior=is_prior)
    precision = np.eye(7) - 1 / 7  # of an offset and no slope
    np.testing.assert_allclose(evidence.deviation([precision], np.ones(7)), expected, atol=1e-6)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_bad_ones_are_found_even_if_there_are_two(n):
    rng = np.random.default_rng(n)
    D = rng.normal(size=(n, 40)) + 5.0
    D[-1] += 40 * rng.normal(size=40)
    values = rng.normal(size=n)
    values[-1] += 30
    bad = [n - 1]
    if n > 5:
        D[0] += 40 * rng.normal(size=40)
        values[0] -= 20
        bad = [0, n - 1]
    for evidence in (
        Spectra(D @ D.T, 1e-4, 0.1, 3.0),
        Numbers(values, 1.0, 3.5, 30, is_prior=True),
    ):
        found = agreement(np.zeros((n, 1)), [evidence])
        np.testing.assert_array_equal(np.flatnonzero(found > 1), bad)


def test_a_slope_is_no_disagreement():
    X = np.arange(12.0)[:, None]
    values = 3 * X[:, 0] + 0.1 * np.random.default_rng(0).normal(size=12)
    evidence = Numbers(values, 0.01, 4.0, 30)
    assert agreement(X, [evidence]).max() < 1
    values[6] += 5
    assert np.argmax(agreement(X, [Numbers(values, 0.01, 4.0, 30)])) == 6


def test_equal_spectra_and_numbers_agree():
    zero = np.zeros((5, 5))
    evidence = [Spectra(zero, 1e-4, 0.1, 3.0), Numbers(np.ones(5), 1e-12, 3.0, 30)]
    assert agreement(np.zeros((5, 2)), evidence).max() < 1


def test_weights_fall_from_1_to_0_around_the_limit():
    weights = weight(np.array([0.0, 0.7, 0.9, 1.0, 1.1, 1.25, 50.0]))
    np.testing.assert_array_equal(weights[[0, 1, -2, -1]], [1, 1, 0, 0])
    assert (np.diff(weights) <= 0).all()
    assert weights[3] == pytest.approx(0.5, abs=0.02)


def test_leverage_is_that_of_the_extreme():
    found = leverage(np.array([[0.0], [0.1], [-0.1], [0.0], [9.0]]))
    assert np.argmax(found) == 4
    assert found.min() >= 1 / 5 - 1e-12
    assert found.max() < 1

"""The components of domain-invariant PLS against the literal algorithm and against PLS."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from skspektron.transfer._algorithms._dipls import (
    CovarianceDifference,
    PairDifference,
    domain_invariant_pls,
)
from tests import oracles

rng = np.random.default_rng(0)
X_SOURCE = rng.normal(size=(14, 10)) @ np.diag(np.arange(1, 11)) + 3
Y = X_SOURCE @ rng.normal(size=10) + rng.normal(size=14)
X_TARGET = X_SOURCE * rng.uniform(0.5, 1.5, size=10) + rng.normal(size=(14, 10)) - 1


def centre(X):
    return X - X.mean(axis=0)


def unpaired(n_components, penalty, X_source=X_SOURCE, X_target=X_TARGET, y=Y):
    """Return coefficients and penalties for the difference of the covariances."""
    X = centre(X_source)
    difference = CovarianceDifference.between(X, centre(X_target))
    return domain_invariant_pls(X, y - y.mean(), difference, n_components, penalty)


def paired(n_components, penalty, rows):
    """Return coefficients and penalties for the differences of the pairs `rows`."""
    difference = PairDifference((X_SOURCE - X_TARGET)[rows])
    return domain_invariant_pls(centre(X_SOURCE), Y - Y.mean(), difference, n_components, penalty)


def pls_coef(n_components, X=X_SOURCE, y=Y):
    return PLSRegression(n_components, scale=False).fit(X, y).coef_[0]


@pytest.mark.parametrize("penalty", [0.0, 1.0, 1e3, "auto"])
@pytest.mark.parametrize(("n_components", "n_target"), [(1, 14), (4, 14), (4, 5)])
def test_unpaired_equals_the_literal_algorithm(n_components, n_target, penalty):
    coef, _ = unpaired(n_components, penalty, X_target=X_TARGET[:n_target])
    literal = None if penalty == "auto" else penalty
    expected = oracles.dipls(X_SOURCE, Y, X_TARGET[:n_target], n_components, literal)
    np.testing.assert_allclose(coef, expected, rtol=1e-7)


@pytest.mark.parametrize("penalty", [0.0, 1.0, 1e3])
@pytest.mark.parametrize("n_pairs", [1, 6])
def test_paired_equals_the_literal_algorithm(n_pairs, penalty):
    rows = np.arange(n_pairs)
    differences = (X_SOURCE - X_TARGET)[rows]
    expected = oracles.dipls(X_SOURCE, Y, X_TARGET, 3, penalty, differences)
    np.testing.assert_allclose(paired(3, penalty, rows)[0], expected, rtol=1e-7)


@pytest.mark.parametrize("n_components", [1, 4, 10])
def test_without_a_penalty_it_is_pls(n_components):
    for coef, _ in (unpaired(n_components, 0.0), paired(n_components, 0.0, np.arange(5))):
        np.testing.assert_allclose(coef, pls_coef(n_components), rtol=1e-8)


def test_the_penalty_brings_the_variances_of_the_scores_together():
    ratios = []
    for penalty in (0.0, 1e4):
        coef, _ = unpaired(1, penalty)
        source, target = (np.std(centre(X) @ coef) for X in (X_SOURCE, X_TARGET))
        ratios.append(abs(np.log(source / target)))
    assert ratios[1] < 0.2 * ratios[0]


def test_automatic_penalty_of_pairs():
    rows = np.arange(4)
    y = Y - Y.mean()
    expected = 1e6 * (y @ y) / np.linalg.norm((X_SOURCE - X_TARGET)[rows], 2) ** 2
    _, penalties = paired(2, "auto", rows)
    assert penalties[0] == pytest.approx(expected)
    assert penalties[1] < penalties[0]


def test_identical_spectra_are_not_penalized():
    coef, penalties = unpaired(3, "auto", X_target=X_SOURCE)
    np.testing.assert_allclose(coef, pls_coef(3), rtol=1e-8)
    np.testing.assert_array_equal(penalties, 0)


def test_n_components_is_limited_by_the_rank():
    low = X_SOURCE[:, :2] @ np.random.default_rng(1).normal(size=(2, 10))
    coef, penalties = unpaired(5, 0.0, X_source=low, X_target=low + 1)
    np.testing.assert_allclose(coef, pls_coef(2, low), rtol=1e-6)
    assert np.isfinite(penalties).tolist() == [True, True, False, False, False]


def test_constant_values_have_no_component():
    coef, penalties = unpaired(2, "auto", y=np.full(14, 2.5))
    np.testing.assert_array_equal(coef, 0.0)
    assert np.isnan(penalties).all()


def test_a_prohibitive_penalty_on_every_direction_leaves_no_component():
    X = X_SOURCE[:, :3]
    coef, penalties = unpaired(2, 1e300, X_source=X, X_target=2 * X)
    np.testing.assert_array_equal(coef, 0.0)
    assert np.isnan(penalties).all()

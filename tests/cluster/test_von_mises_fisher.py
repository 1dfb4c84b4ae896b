"""VonMisesFisherMixture: simulated clusters, stationarity, exact densities, samples."""

import pickle

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.cluster import CosineKMeans, VonMisesFisherMixture
from skspektron.cluster._concentration import mean_cosine
from skspektron.cluster._sphere import unit_rows
from tests import oracles

from .directions import simulate_clusters

ONE_CLUSTER = {"check_clustering": "one component is one cluster, the check expects three"}


@parametrize_with_checks(
    [VonMisesFisherMixture(3, n_init=1), VonMisesFisherMixture()],
    expected_failed_checks=lambda mixture: {} if mixture.n_components > 1 else ONE_CLUSTER,
)
def test_sklearn_contract(estimator, check):
    check(estimator)


def fitted(X, n_components, **parameters):
    return VonMisesFisherMixture(n_components, random_state=0, **parameters).fit(X)


@pytest.mark.parametrize(("n_features", "concentration"), [(3, 60), (16, 60), (300, 600)])
def test_simulated_clusters_and_their_number_are_found(n_features, concentration):
    X, y = simulate_clusters([40] * 3, [concentration] * 3, n_features)
    mixtures = [fitted(X, k, n_init=2) for k in range(1, 6)]
    best = mixtures[np.argmin([mixture.bic(X) for mixture in mixtures])]
    assert best.n_components == 3
    assert adjusted_rand_score(y, best.labels_) >= 0.95
    np.testing.assert_allclose(best.weights_, 1 / 3, atol=0.01)
    np.testing.assert_allclose(best.concentrations_, concentration, rtol=0.35)


@pytest.mark.parametrize("seed", range(3))
def test_clusters_of_unequal_size_and_width_need_the_mixture(seed):
    X, y = simulate_clusters([400, 60, 25], [8, 200, 400], 3, seed)
    kmeans = CosineKMeans(3, random_state=0).fit(X)
    assert adjusted_rand_score(y, fitted(X, 3).labels_) >= 0.95
    assert adjusted_rand_score(y, kmeans.labels_) < 0.8


@pytest.mark.parametrize("n_features", [3, 5, 40])
def test_bic_selects_a_single_cluster(n_features):
    X, _ = simulate_clusters([60], [20], n_features)
    assert np.argmin([fitted(X, k, n_init=2).bic(X) for k in range(1, 5)]) == 0


@pytest.mark.parametrize(("n_features", "concentration"), [(2, 1e-3), (3, 5.0), (50, 1e4)])
def test_density_equals_exact_arithmetic(n_features, concentration):
    X, _ = simulate_clusters([20], [30], n_features)
    mixture = fitted(X, 1)
    mixture.concentrations_[:] = concentration
    expected = [
        oracles.von_mises_fisher_log_density(u, mixture.means_[0], concentration)
        for u in unit_rows(X)
    ]
    np.testing.assert_allclose(mixture.score_samples(X), expected, rtol=1e-11)


def test_density_on_a_circle_integrates_to_one():
    X, _ = simulate_clusters([20, 20], [3, 40], 2)
    mixture = fitted(X, 2)

    def density(angle):
        return np.exp(mixture.score_samples([[np.cos(angle), np.sin(angle)]])[0])

    assert quad(density, -np.pi, np.pi, limit=200)[0] == pytest.approx(1, abs=1e-7)


def test_likelihood_without_prior_is_stationary():
    X, _ = simulate_clusters([60, 30], [9, 20], 3)
    mixture = fitted(X, 2, prior_weight=0, tol=1e-12, n_init=1)
    probabilities = mixture.predict_proba(X)
    sums = probabilities.T @ unit_rows(X)
    lengths = np.linalg.norm(sums, axis=1)
    np.testing.assert_allclose(mixture.weights_, probabilities.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mixture.means_, sums / lengths[:, None], atol=1e-6)
    expected = mean_cosine(mixture.concentrations_, 3)
    np.testing.assert_allclose(expected, lengths / probabilities.sum(axis=0), rtol=1e-6)


def test_fitted_attributes_are_consistent():
    X, _ = simulate_clusters([30, 30], [10, 40], 5)
    mixture = fitted(X, 2)
    again = pickle.loads(pickle.dumps(fitted(X, 2)))
    np.testing.assert_array_equal(mixture.predict(X), mixture.labels_)
    np.testing.assert_array_equal(again.predict_proba(X), mixture.predict_proba(X))
    np.testing.assert_allclose(mixture.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(mixture.means_, axis=1), 1)
    assert mixture.converged_ and mixture.n_iter_ >= 2
    assert mixture.score(X) == pytest.approx(mixture.lower_bound_)
    n_parameters = 2 * 5 + 1
    assert mixture.aic(X) == pytest.approx(2 * n_parameters - 120 * mixture.lower_bound_)
    assert mixture.bic(X) - mixture.aic(X) == pytest.approx(n_parameters * (np.log(60) - 2))


@pytest.mark.parametrize("scale", [1e-200, 7.0, 1e200])
def test_result_does_not_depend_on_row_norms(scale):
    X, _ = simulate_clusters([20, 20], [20, 60], 4)
    np.testing.assert_allclose(
        fitted(X * scale, 2).score_samples(X), fitted(X, 2).score_samples(X * scale), rtol=1e-9
    )


def test_float32_gives_nearly_the_same_mixture():
    X, _ = simulate_clusters([20, 20], [20, 60], 4)
    single, double = fitted(X.astype(np.float32), 2), fitted(X, 2)
    np.testing.assert_allclose(single.concentrations_, double.concentrations_, rtol=1e-4)


@pytest.mark.parametrize(("n_features", "concentrations"), [(2, [5, 50]), (400, [400, 900])])
def test_samples_come_from_the_mixture(n_features, concentrations):
    X, _ = simulate_clusters([150, 50], concentrations, n_features)
    mixture = fitted(X, 2)
    S, y = mixture.sample(1000)
    np.testing.assert_allclose(np.linalg.norm(S, axis=1), 1)
    np.testing.assert_allclose(np.bincount(y) / 1000, mixture.weights_, atol=0.05)
    cosine = np.einsum("nd,nd->n", S, mixture.means_[y])
    for k, expected in enumerate(1 - mean_cosine(mixture.concentrations_, n_features)):
        assert 1 - cosine[y == k].mean() == pytest.approx(expected, rel=0.1)
    np.testing.assert_array_equal(mixture.sample(5)[0], mixture.sample(5)[0])


def test_prior_limits_the_concentration_of_small_components():
    X, _ = simulate_clusters([60], [20], 5)
    without_prior, with_prior = fitted(X, 4, prior_weight=0), fitted(X, 4)
    assert without_prior.concentrations_.max() == pytest.approx(1e8)
    assert with_prior.concentrations_.max() < 1e4


def test_identical_rows_have_the_largest_concentration():
    mixture = fitted(np.outer([1.0, 2.0, 3.0], [1.0, 2.0]), 1)
    assert mixture.concentrations_[0] == pytest.approx(1e8)
    assert np.isfinite(mixture.lower_bound_)


def test_rows_that_cancel_have_the_smallest_concentration():
    mixture = fitted([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], 1)
    assert mixture.concentrations_[0] == pytest.approx(1e-6)
    np.testing.assert_allclose(mixture.score_samples([[3.0, 4.0]]), -np.log(2 * np.pi), rtol=1e-5)


def test_more_components_than_directions_give_finite_probabilities():
    X = np.repeat([[1.0, 0.0], [0.0, 1.0]], 3, axis=0)
    assert np.isfinite(fitted(X, 4).predict_proba(X)).all()


def test_no_convergence_warns():
    X, _ = simulate_clusters([60, 30], [6, 20], 3)
    with pytest.warns(ConvergenceWarning, match="did not converge in 1 iterations"):
        fitted(X, 2, max_iter=1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components .*0"),
        ({"n_components": 30}, "n_components must be .*, got 30 for 20 samples"),
        ({"n_init": 0}, "n_init .*0"),
        ({"max_iter": 0}, "max_iter .*0"),
        ({"tol": -1.0}, "tol must be a finite number of at least 0, got -1"),
        ({"prior_weight": -1.0}, "prior_weight must be a finite number .*, got -1"),
    ],
)
def test_invalid_parameters_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        VonMisesFisherMixture(**parameters).fit(np.eye(20))


def test_rows_of_zeros_have_no_component_and_do_not_affect_the_fit():
    X, _ = simulate_clusters([10, 10], [50, 50], 3)
    with_zeros = np.insert(X, [0, 5], 0.0, axis=0)
    plain, mixture = fitted(X, 2), fitted(with_zeros, 2)
    np.testing.assert_array_equal(mixture.means_, plain.means_)
    assert np.flatnonzero(mixture.labels_ == -1).tolist() == [0, 6]
    np.testing.assert_array_equal(mixture.predict(with_zeros), mixture.labels_)
    np.testing.assert_array_equal(mixture.predict_proba(np.zeros((1, 3)))[0], mixture.weights_)
    assert np.isnan(mixture.score_samples(with_zeros)).sum() == 2
    for criterion in ("score", "bic", "aic"):
        assert getattr(mixture, criterion)(with_zeros) == getattr(plain, criterion)(X)


def test_only_rows_of_zeros_raise():
    with pytest.raises(ValueError, match="got 1 for 0 samples"):
        VonMisesFisherMixture().fit(np.zeros((4, 3)))


def test_n_samples_0_raises():
    with pytest.raises(ValueError, match="n_samples must be an int of at least 1, got 0"):
        fitted(np.eye(3), 1).sample(0)

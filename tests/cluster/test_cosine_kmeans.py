"""CosineKMeans: simulated clusters, elbow, rows of zeros."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.cluster import CosineKMeans
from skspektron.cluster._lloyd import _alternate, best_partition, draw_seeds
from skspektron.cluster._sphere import unit_rows
from tests import oracles

from .directions import simulate_clusters


@parametrize_with_checks([CosineKMeans(n_init=2), CosineKMeans("auto", n_init=1)])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("n_features", "concentration"), [(3, 60), (16, 60), (300, 600)])
def test_simulated_clusters_and_their_number_are_found(n_features, concentration):
    X, y = simulate_clusters([40] * 3, [concentration] * 3, n_features)
    kmeans = CosineKMeans("auto", n_init=3, random_state=0).fit(X)
    assert kmeans.n_clusters_ == 3
    assert adjusted_rand_score(y, kmeans.labels_) >= 0.95
    assert kmeans.transform(X).shape == (120, 3)
    assert kmeans.get_feature_names_out().tolist() == [f"cosinekmeans{k}" for k in range(3)]


def test_four_clusters_are_found():
    X, y = simulate_clusters([30] * 4, [50] * 4, 8)
    assert adjusted_rand_score(y, CosineKMeans(4, random_state=0).fit_predict(X)) >= 0.95


def test_equals_literal_algorithm():
    X, _ = simulate_clusters([20] * 3, [5] * 3, 4)
    U = unit_rows(X)
    seeds = draw_seeds(U, 3, np.random.RandomState(2))
    centres, labels, inertia = oracles.spherical_kmeans(U, seeds)
    run = best_partition(U, 3, n_init=1, max_iter=99, tol=0, random=np.random.RandomState(2))
    np.testing.assert_allclose(run.centres, centres, atol=1e-12)
    np.testing.assert_array_equal(run.labels, labels)
    assert run.inertia == pytest.approx(inertia)


def test_fitted_attributes_are_consistent():
    X, _ = simulate_clusters([20] * 3, [5] * 3, 4)
    kmeans = CosineKMeans(3, random_state=0).fit(X)
    distance = kmeans.transform(X)
    np.testing.assert_allclose(np.linalg.norm(kmeans.cluster_centers_, axis=1), 1)
    np.testing.assert_array_equal(kmeans.predict(X), kmeans.labels_)
    np.testing.assert_array_equal(distance.argmin(axis=1), kmeans.labels_)
    assert kmeans.inertia_ == pytest.approx(distance.min(axis=1).sum())
    assert kmeans.score(X) == pytest.approx(-kmeans.inertia_)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kmeans)).predict(X), kmeans.labels_)


@pytest.mark.parametrize("scale", [1e-200, 7.0, 1e200])
def test_result_does_not_depend_on_row_norms(scale):
    X, _ = simulate_clusters([20] * 3, [20] * 3, 4)
    expected = CosineKMeans(3, random_state=0).fit(X)
    scaled = CosineKMeans(3, random_state=0).fit(X * scale)
    np.testing.assert_array_equal(scaled.labels_, expected.labels_)
    np.testing.assert_allclose(scaled.cluster_centers_, expected.cluster_centers_)


def test_float32_gives_the_same_clusters():
    X, _ = simulate_clusters([20] * 3, [20] * 3, 4)
    expected = CosineKMeans(3, random_state=0).fit(X)
    single = CosineKMeans(3, random_state=0).fit(X.astype(np.float32))
    np.testing.assert_array_equal(single.labels_, expected.labels_)
    assert single.inertia_ == pytest.approx(expected.inertia_, rel=1e-5)


def test_more_initializations_lower_the_inertia():
    X = np.random.default_rng(0).normal(size=(80, 3))
    one, many = (CosineKMeans(9, n_init=n, random_state=0).fit(X).inertia_ for n in (1, 10))
    assert many < one


def test_rows_of_zeros_have_no_cluster_and_do_not_affect_centres():
    X, _ = simulate_clusters([10, 10], [50, 50], 3)
    with_zeros = np.insert(X, [0, 5], 0.0, axis=0)
    plain = CosineKMeans(2, random_state=0).fit(X)
    kmeans = CosineKMeans(2, random_state=0).fit(with_zeros)
    np.testing.assert_array_equal(kmeans.cluster_centers_, plain.cluster_centers_)
    assert kmeans.inertia_ == plain.inertia_
    assert np.flatnonzero(kmeans.labels_ == -1).tolist() == [0, 6]
    np.testing.assert_array_equal(kmeans.predict(with_zeros), kmeans.labels_)
    np.testing.assert_array_equal(kmeans.transform(np.zeros((1, 3))), [[1, 1]])


def test_empty_cluster_is_restarted():
    # Of two equal seeds, all rows are assigned to the first.
    U = unit_rows(simulate_clusters([10] * 3, [200] * 3, 3)[0])
    run = _alternate(U, U[[0, 10, 10]], max_iter=50, tol=0.0)
    assert np.bincount(run.labels).tolist() == [10, 10, 10]


def test_rows_that_cancel_have_a_unit_centre():
    kmeans = CosineKMeans(1, random_state=0).fit([[1.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(np.abs(kmeans.cluster_centers_), [[1, 0]])


def test_fewer_directions_than_clusters_warn():
    with pytest.warns(ConvergenceWarning, match="Only 2 of the 3 clusters have rows"):
        CosineKMeans(3, random_state=0).fit([[1, 0], [2, 0], [0, 1], [0, 3]])


def test_elbow_is_at_least_two_clusters():
    X, _ = simulate_clusters([60], [20], 4)
    kmeans = CosineKMeans("auto", random_state=0).fit(X)
    assert kmeans.n_clusters_ >= 2
    assert kmeans.inertia_curve_.shape == (12,)
    assert np.all(np.diff(kmeans.inertia_curve_) < 0)


def test_elbow_of_equal_directions_is_one_cluster():
    X = np.outer([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 3.0])
    assert CosineKMeans("auto", random_state=0).fit(X).n_clusters_ == 1


def test_elbow_tries_at_most_max_clusters_and_one_cluster_per_row():
    X, _ = simulate_clusters([5, 5], [50, 50], 3)
    assert CosineKMeans("auto", random_state=0).fit(X).inertia_curve_.shape == (10,)
    short = CosineKMeans("auto", max_clusters=4, random_state=0).fit(X)
    assert short.inertia_curve_.shape == (4,)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": 0}, "n_clusters .* at least 1"),
        ({"n_clusters": "elbow"}, "n_clusters must be .*, got 'elbow'"),
        ({"n_clusters": 30}, "n_clusters must be .*, got 30 for 20 samples"),
        ({"max_clusters": 2}, "max_clusters .* at least 3"),
        ({"n_init": 0}, "n_init .*0"),
        ({"max_iter": 0}, "max_iter .*0"),
        ({"tol": -1.0}, "tol must be a finite number of at least 0, got -1"),
    ],
)
def test_invalid_parameters_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        CosineKMeans(**{"n_clusters": 2, **parameters}).fit(np.eye(20))


def test_a_single_feature_raises():
    with pytest.raises(ValueError, match=r"1 feature\(s\).*minimum of 2"):
        CosineKMeans(2).fit([[1.0], [-1.0], [2.0]])

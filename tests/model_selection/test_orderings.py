"""Sample orderings equal slow implementations; iterate_samples dispatches by name."""

import tracemalloc
from itertools import islice

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cross_decomposition import PLSRegression

from skspektron.metrics._variance import target_scale
from skspektron.model_selection import (
    _distances,
    duplex,
    kennard_stone,
    kennard_stone_pls,
    spxy,
)
from skspektron.model_selection._orderings import iterate_samples
from skspektron.model_selection._pls_scores import pls_scores
from tests import oracles

TIES = np.array([[0.0], [1.0], [1.0], [2.0], [0.0], [2.0], [1.0]])


def spxy_constant(X):
    """Order by SPXY with constant reference values."""
    return spxy(X, np.ones(len(X)))


def pls_constant(X):
    """Order by PLS scores with constant reference values, which is the order of the spectra."""
    return kennard_stone_pls(X, np.ones(len(X)))


ORDERINGS = [kennard_stone, duplex, spxy_constant, pls_constant]
orderings = pytest.mark.parametrize("ordering", ORDERINGS)
with_references = pytest.mark.parametrize("ordering", [spxy, kennard_stone_pls])


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(25, 4))


@pytest.fixture
def y():
    return np.random.default_rng(1).normal(size=25)


def test_kennard_stone_equals_slow_implementation(X):
    assert kennard_stone(X).tolist() == oracles.kennard_stone(X)
    assert kennard_stone(TIES).tolist() == oracles.kennard_stone(TIES)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4, 5, 24, 25])
def test_duplex_equals_slow_implementation(X, n_samples):
    assert duplex(X[:n_samples]).tolist() == oracles.duplex(X[:n_samples])
    assert duplex(TIES[:n_samples]).tolist() == oracles.duplex(TIES[:n_samples])


@pytest.mark.parametrize("n_samples", [1, 2, 3, 25])
@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_spxy_equals_slow_implementation(X, n_samples, n_targets):
    X = X[:n_samples]
    y = np.random.default_rng(2).normal(size=(n_samples, n_targets or 1))
    expected = oracles.spxy(X, y)
    assert spxy(X, y[:, 0] if n_targets is None else y).tolist() == expected


@pytest.mark.parametrize("n_channels", [3, 4, 40])
@pytest.mark.parametrize("n_samples", [2, 3, 5, 25])
@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_kennard_stone_pls_equals_slow_implementation(n_samples, n_channels, n_targets):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n_samples, n_channels)) + 3.0
    y = rng.normal(size=(n_samples, n_targets or 1))
    expected = oracles.kennard_stone_pls(X, y)
    assert kennard_stone_pls(X, y[:, 0] if n_targets is None else y).tolist() == expected


def test_scores_are_those_of_scikit_learn(X, y):
    pls = PLSRegression(3, scale=False).fit(X, y)
    scores = pls_scores(X, y[:, None], 3) * np.abs(X).max()
    np.testing.assert_allclose(np.abs(scores), np.abs(pls.x_scores_), rtol=1e-9)


def test_variation_without_relation_to_the_references_has_no_effect(y):
    y -= y.mean()
    other = np.random.default_rng(2).normal(size=(25, 3))
    other -= other.mean(axis=0)
    other -= np.outer(y, y @ other) / (y @ y)
    X = np.column_stack([y, 10 * other])
    np.testing.assert_array_equal(kennard_stone_pls(X, y), kennard_stone(y[:, None]))


def test_scores_end_where_only_rounding_errors_are_left(y):
    X = np.outer(y, np.linspace(1.0, 2.0, 9)) + 1e3
    assert pls_scores(X, y[:, None], 5).shape == (25, 1)
    assert pls_scores(np.full_like(X, 0.1), y[:, None], 5).shape == (25, 0)


@with_references
def test_the_unit_of_a_target_does_not_change_the_order(X, ordering):
    y = np.random.default_rng(2).normal(size=(len(X), 3))
    order = ordering(X, y)
    for units in ([1.0, 1e6, 1.0], [1e-15, 1.0, 1e15]):
        np.testing.assert_array_equal(ordering(X, y * units), order)


def test_spxy_equals_slow_implementation_with_ties():
    y = np.array([[3.0], [0.0], [0.0], [3.0], [1.0], [1.0], [3.0]])
    assert spxy(TIES, y).tolist() == oracles.spxy(TIES, y)


FEW_TIES = ["isotropic", "two factors", "huge"]
MANY_TIES = ["integers", "counts", "duplicated", "collinear", "equidistant", "tiny", "constant"]


def spectra(kind, n_samples, generator):
    """Return spectra of a kind that has few or many equal distances."""
    X = generator.normal(size=(n_samples, 7))
    return {
        "isotropic": X,
        "two factors": X[:, :2] @ generator.normal(size=(2, 30)) + 100.0,
        "integers": generator.integers(0, 3, size=(n_samples, 3)).astype(float),
        "counts": generator.integers(0, 2, size=(n_samples, 40)).astype(float),
        "duplicated": X[generator.integers(0, 1 + n_samples // 4, size=n_samples)],
        "collinear": generator.integers(0, 50, size=(n_samples, 1)) * np.ones(5),
        "equidistant": np.eye(n_samples),
        "huge": 1e200 * X,
        "tiny": 1e-200 * X,
        "constant": np.ones((n_samples, 4)),
    }[kind]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [*FEW_TIES, *MANY_TIES])
def test_orders_equal_those_of_all_distances(kind, dtype, monkeypatch):
    monkeypatch.setattr("skspektron.model_selection._distances.BLOCK_SIZE", 8)
    for seed, n_samples in enumerate([1, 2, 3, 4, 5, 17, 40, 150]):
        generator = np.random.default_rng(seed)
        X = spectra(kind, n_samples, generator)
        if kind not in ("huge", "tiny"):
            X = X.astype(dtype)
        y = generator.integers(0, 4, size=(n_samples, 2)).astype(float)
        parts = X, y / target_scale(y)
        squared = [cdist(*[np.float64(values)] * 2, "sqeuclidean") for values in parts]
        assert kennard_stone(X).tolist() == oracles.sets_from_all_distances(squared[0], 1)
        assert duplex(X).tolist() == oracles.sets_from_all_distances(squared[0], 2)
        if kind != "huge":  # all distances are infinite, and their quotients NaN
            joint = sum(np.sqrt(part) / (np.sqrt(part).max() or 1.0) for part in squared)
            assert spxy(X, y).tolist() == oracles.sets_from_all_distances(joint, 1)


@pytest.mark.parametrize("selection", ["kennard-stone", "kennard-stone-pls", "duplex", "spxy"])
def test_first_samples_do_not_compute_all_distances(selection, monkeypatch):
    computed = []

    def count(a, b, metric):
        computed.append(len(b))
        return cdist(a, b, metric)

    monkeypatch.setattr(_distances, "cdist", count)
    generator = np.random.default_rng(0)
    factors = generator.normal(size=(2000, 3)) * [10.0, 3.0, 1.0]
    X = factors @ generator.normal(size=(3, 50)) + 0.01 * generator.normal(size=(2000, 50))
    tracemalloc.start()
    first = list(islice(iterate_samples(X, selection, y=factors[:, :1]), 10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(first)) == 10
    assert sum(computed) < 60 * 2000  # rows of distances, of 2000
    assert peak < 8 * 2000 * 2000 / 2  # half of the matrix of all distances


@orderings
def test_first_two_are_the_farthest_pair(X, ordering):
    i, j = ordering(X)[:2]
    distance = np.linalg.norm(X[:, None] - X, axis=2)
    assert distance[i, j] == distance.max()


@with_references
def test_order_with_references_does_not_depend_on_row_order(X, y, ordering):
    shuffled = np.random.default_rng(1).permutation(25)
    first, again = ordering(X, y), shuffled[ordering(X[shuffled], y[shuffled])]
    assert set(first[:2]) == set(again[:2])
    np.testing.assert_array_equal(first[2:], again[2:])


@orderings
@pytest.mark.parametrize(
    ("X", "expected"),
    [([[1.0]], [0]), ([[1.0], [1.0]], [0, 1]), ([[1.0], [3.0], [0.0]], [1, 2, 0])],
)
def test_few_samples(X, expected, ordering):
    assert ordering(X).tolist() == expected


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        (ordering, [0, 1, 4, 2, 3] if ordering is duplex else [0, 1, 2, 3, 4])
        for ordering in ORDERINGS
    ],
)
def test_identical_spectra_keep_their_order(ordering, expected):
    assert ordering([[3.0]] * 5).tolist() == expected


@orderings
def test_order_is_a_permutation(X, ordering):
    assert sorted(ordering(X)) == list(range(25))


@orderings
def test_does_not_depend_on_row_order(X, ordering):
    shuffled = np.random.default_rng(1).permutation(25)
    # The order within the initial pair of a set is arbitrary.
    first, again = ordering(X), shuffled[ordering(X[shuffled])]
    pairs = np.zeros(25, dtype=bool)
    pairs[[0, 1, 13, 14]] = True
    for start in (0, 13):
        assert set(first[start : start + 2]) == set(again[start : start + 2])
    np.testing.assert_array_equal(first[~pairs], again[~pairs])


@orderings
def test_channels_with_missing_values_are_ignored(X, ordering):
    masked = X.copy()
    masked[3, 1] = np.nan
    np.testing.assert_array_equal(ordering(masked), ordering(np.delete(X, 1, axis=1)))


@orderings
def test_no_common_channel_raises(ordering):
    with pytest.raises(ValueError, match=r"None of the 2 channels .* all 2 spectra"):
        ordering([[np.nan, 1.0], [1.0, np.nan]])


def test_duplex_halves_cover_the_same_range():
    X = np.random.default_rng(0).uniform(size=(40, 1))
    halves = np.split(X[duplex(X), 0], 2)
    np.testing.assert_allclose(np.ptp(halves[0]), np.ptp(halves[1]), atol=0.1)
    np.testing.assert_allclose(halves[0].mean(), halves[1].mean(), atol=0.05)


def test_spxy_with_constant_spectra_or_references_orders_by_the_other(X, y):
    np.testing.assert_array_equal(spxy(X, np.full(25, 7.0)), kennard_stone(X))
    np.testing.assert_array_equal(spxy(np.ones((25, 4)), y), kennard_stone(y[:, None]))


@with_references
def test_order_does_not_depend_on_units(X, y, ordering):
    order = ordering(X, y)
    np.testing.assert_array_equal(ordering(1024 * X, y / 64), order)
    assert order.tolist() not in (kennard_stone(X).tolist(), kennard_stone(y[:, None]).tolist())


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([1.0, np.nan, 2.0], "got 1 of 3 samples without"),
        ([[1.0, 2.0], [np.nan, 1.0], [np.nan, np.nan]], "got 2 of 3 samples without"),
        ([1.0, 2.0], "inconsistent numbers of samples"),
        ([1.0, 2.0, np.inf], "infinity"),
    ],
)
@with_references
def test_missing_references_raise(y, match, ordering):
    with pytest.raises(ValueError, match=match):
        ordering([[1.0], [2.0], [3.0]], y)


def test_candidates_without_references_are_ordered_by_spectra(X, y):
    order = kennard_stone(X).tolist()
    assert list(iterate_samples(X, "kennard-stone-pls")) == order
    y[3] = np.nan
    assert list(iterate_samples(X, "kennard-stone-pls", y=y)) == order


def test_iterate_samples_dispatches_by_name(X, y):
    assert list(iterate_samples(X, "kennard-stone")) == kennard_stone(X).tolist()
    assert list(iterate_samples(X, "duplex")) == duplex(X).tolist()
    assert list(iterate_samples(X, "spxy", y=y)) == spxy(X, y).tolist()
    assert list(iterate_samples(X, "kennard-stone-pls", y=y)) == kennard_stone_pls(X, y).tolist()
    backwards = list(range(25))[::-1]
    assert list(iterate_samples(X, lambda X: backwards)) == backwards
    drawn = list(iterate_samples(X, "random", random_state=0))
    assert sorted(drawn) == list(range(25))
    assert drawn == list(iterate_samples(X, "random", random_state=0))
    assert drawn != list(iterate_samples(X, "random", random_state=1))


@pytest.mark.parametrize("selection", ["kennard-stone", "duplex", "random", kennard_stone])
def test_others_do_not_use_references(X, y, selection):
    y[3] = np.nan
    with_y = list(iterate_samples(X, selection, y=y, random_state=0))
    assert with_y == list(iterate_samples(X, selection, random_state=0))


@pytest.mark.parametrize(("n_missing", "y_given"), [(2, True), (25, False)])
def test_spxy_without_source_references_raises(X, y, n_missing, y_given):
    y[:2] = np.nan
    with pytest.raises(ValueError, match=rf"source rows .* got {n_missing} of 25 candidates"):
        iterate_samples(X, "spxy", y=y if y_given else None)


@pytest.mark.parametrize("order", [[0, 1], [0] * 25, list(range(1, 26))])
def test_callable_without_a_permutation_raises(X, order):
    with pytest.raises(ValueError, match="from 0 to 24 once"):
        iterate_samples(X, lambda X: order)

"""EPO, the projection, and EPOTransfer, which calibrates behind it."""

from itertools import product

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import EPO, EPOTransfer, NoTransfer
from tests import oracles
from tests.transfer.methods import make
from tests.transfer.standards import new_spectra, noisy_pair, spectra


def fit(model, stack):
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


def standard_spectra(model, stack):
    """Return target and source spectra of the standards of a fitted transfer."""
    X, _, instrument, sample_id = stack
    rows = [
        [np.flatnonzero((instrument == name) & (sample_id == i))[0] for i in model.transfer_ids_]
        for name in "BA"
    ]
    return X[rows[0]], X[rows[1]]


@pytest.mark.parametrize("n_standards", [5, 12, 60])
@pytest.mark.parametrize("n_components", [1, 4])
def test_equals_the_projection_matrix(n_standards, n_components):
    target, source = noisy_pair(n_standards)
    epo = EPO(n_components=n_components).fit(target, source)
    P = oracles.epo_projection(target, source, n_components)
    mean = source.mean(axis=0)
    np.testing.assert_allclose(epo.coef_, P, atol=1e-8)
    np.testing.assert_allclose(
        epo.transform(new_spectra()), mean + (new_spectra() - mean) @ P, atol=1e-8
    )


@pytest.mark.parametrize("n_components", [1, 5, None])
def test_is_idempotent_and_symmetric(n_components):
    epo = EPO(n_components=n_components).fit(*noisy_pair())
    once = epo.transform(new_spectra())
    np.testing.assert_allclose(epo.transform(once), once, atol=1e-10)
    np.testing.assert_allclose(epo.coef_, epo.coef_.T, atol=1e-10)
    V = epo.components_
    np.testing.assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-10)


def test_leading_directions_of_the_difference_vanish():
    target, source = noisy_pair()
    values = np.linalg.svd(source - target, compute_uv=False)
    for k in (1, 3, 12):
        epo = EPO(n_components=k).fit(target, source)
        left = np.linalg.svd(epo.transform(source) - epo.transform(target), compute_uv=False)
        np.testing.assert_allclose(left[: 12 - k], values[k:], atol=1e-8)
        np.testing.assert_allclose(left[12 - k :], 0.0, atol=1e-8)


@pytest.mark.parametrize("n_standards", [1, 4])
def test_an_offset_is_one_direction(n_standards):
    source = spectra(9)
    target = source + np.linspace(0.1, 0.3, 40)
    epo = EPO(n_components=None).fit(target[:n_standards], source[:n_standards])
    assert epo.components_.shape == (1, 40)
    np.testing.assert_allclose(epo.transform(target), epo.transform(source), atol=1e-12)


def test_is_the_identity_when_the_instruments_agree():
    epo = EPO(n_components=3).fit(spectra(5), spectra(5))
    assert epo.components_.shape == (0, 40)
    np.testing.assert_array_equal(epo.transform(new_spectra()), new_spectra())


def test_more_components_than_the_rank_are_none():
    target, source = noisy_pair(4)
    assert EPO(n_components=9).fit(target, source).components_.shape == (4, 40)


def test_source_spectra_of_other_channels_are_interpolated():
    position = np.linspace(0, 1, 40)
    source = np.outer([1.0, 2.0], np.linspace(0, 1, 21)) + 0.1  # straight lines
    target = np.outer([1.0, 2.0], position) + 0.1 + 0.3 * position**2
    epo = EPO(n_components=1).fit(target, source)
    expected = 0.3 * position**2 / np.linalg.norm(0.3 * position**2)
    np.testing.assert_allclose(np.abs(epo.components_[0]), expected, atol=1e-12)
    assert len(epo.get_feature_names_out()) == 40


@pytest.mark.parametrize("n_components", [0, -1, 2.0, "all"])
def test_refuses_a_number_of_directions_that_is_no_count(n_components):
    with pytest.raises(ValueError, match=f"at least 1 or None, got {n_components!r}. Pass 3"):
        EPO(n_components=n_components).fit(*noisy_pair())


def test_refuses_standards_that_are_not_paired():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EPO().fit(spectra(5), spectra(6))


@pytest.mark.parametrize("n_components", [1, 3, None])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_transfer_is_the_calibration_on_projected_source_rows(n_components, n_targets, make_stack):
    X, y, instrument, _ = stack = make_stack(n_targets=n_targets)
    model = fit(make(EPOTransfer, 6, n_components=n_components), stack)
    target, source = standard_spectra(model, stack)
    P, mean = oracles.epo_projection(target, source, n_components or 6), source.mean(axis=0)
    projected = mean + (X - mean) @ P
    ridge = Ridge(alpha=1e-3).fit(projected[instrument == "A"], y[instrument == "A"])
    np.testing.assert_allclose(model.predict(X), ridge.predict(projected), atol=1e-6)


def test_transfer_projects_behind_the_steps_before_the_calibration(make_stack):
    X, y, instrument, sample_id = make_stack()
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=1e-3))
    model = EPOTransfer(pipeline, source="A", target="B", n_components=2)
    fit(model, (X, y, instrument, sample_id))
    scaler = StandardScaler().fit(X[instrument == "A"])
    # Kennard-Stone reads the spectra in front, so the standards are handed over.
    order = [int(np.flatnonzero(sample_id[:30] == i)[0]) for i in model.transfer_ids_]
    behind = make(EPOTransfer, n_components=2, selection=lambda X: [*order, *_rest(order)])
    fit(behind, (scaler.transform(X), y, instrument, sample_id))
    np.testing.assert_allclose(model.predict(X), behind.predict(scaler.transform(X)), atol=1e-6)


def _rest(order):
    """Return what `order` leaves out of 30 samples."""
    return sorted(set(range(30)) - set(order))


def expected_error(candidate, X, y, ids, target, source):
    """Return the sum of both mean squares, in units of the variance of y, of one candidate.

    `candidate(X, y, target, source)` returns a fitted function from spectra to predictions.
    """
    squares, differences = [], []
    for train, test in GroupKFold(5).split(X, groups=ids):
        squares.extend((candidate(X[train], y[train], target, source)(X[test]) - y[test]) ** 2)
    for k in range(5):
        fold = np.arange(len(target)) % 5
        predict = candidate(X, y, target[fold != k], source[fold != k])
        differences.extend((predict(target[fold == k]) - predict(source[fold == k])) ** 2)
    return (np.mean(squares) + np.mean(differences)) / np.var(y)


@pytest.mark.parametrize("seed", [0, 1])
def test_auto_takes_the_directions_with_the_smallest_expected_error(seed, make_stack):
    X, y, instrument, sample_id = stack = make_stack(random_state=seed)
    model = fit(make(EPOTransfer, 8), stack)
    target, source = standard_spectra(model, stack)

    def candidate(n_components):
        def fit_one(X, y, target, source):
            P, mean = oracles.epo_projection(target, source, n_components), source.mean(axis=0)
            ridge = Ridge(alpha=1e-3).fit(mean + (X - mean) @ P, y)
            return lambda X: ridge.predict(mean + (X - mean) @ P)

        return fit_one

    rows = instrument == "A"
    data = X[rows], y[rows], sample_id[rows], target, source
    errors = [expected_error(candidate(k), *data) for k in range(1, 7)]
    assert model.map_.n_components == 1 + np.argmin(errors)


def test_auto_takes_directions_and_components_of_the_default_together(make_stack):
    X, y, instrument, sample_id = make_stack()
    y = y + 0.3 * np.random.default_rng(0).normal(size=len(y))
    stack = X, y, instrument, sample_id
    model = fit(EPOTransfer(source="A", target="B", n_transfer=6), stack)
    target, source = standard_spectra(model, stack)

    def candidate(n_directions, n_components):
        def fit_one(X, y, target, source):
            P, mean = oracles.epo_projection(target, source, n_directions), source.mean(axis=0)
            pls = PLSRegression(n_components, scale=False).fit(mean + (X - mean) @ P, y)
            return lambda X: pls.predict(mean + (X - mean) @ P)

        return fit_one

    rows = instrument == "A"
    data = X[rows], y[rows], sample_id[rows], target, source
    candidates = list(product(range(1, 7), range(1, 10)))  # at most 15 components less 6
    errors = [expected_error(candidate(*k), *data) for k in candidates]
    chosen = model.map_.n_components, model.target_estimator_.n_components
    assert chosen == candidates[int(np.argmin(errors))]


def test_auto_removes_an_offset(make_stack):
    X, y, instrument, sample_id = make_stack()
    X = np.concatenate([X[:30], X[:30] + np.linspace(0.2, 1, X.shape[1])])
    y, sample_id = np.tile(y[:30], 2), np.tile(sample_id[:30], 2)
    stack = X, y, instrument, sample_id
    model, uncorrected = fit(make(EPOTransfer, 4), stack), fit(make(NoTransfer), stack)
    assert model.score(X[30:], y[30:]) > 0.99 > uncorrected.score(X[30:], y[30:])
    np.testing.assert_allclose(model.predict(X[30:]), model.predict(X[:30]), atol=1e-8)


@pytest.mark.parametrize("estimator", [Ridge(alpha=1e-3), None])
def test_one_standard_takes_out_one_direction(estimator, make_stack):
    model = fit(EPOTransfer(estimator, source="A", target="B", n_transfer=1), make_stack())
    assert model.map_.components_.shape == (1, 24)


@pytest.mark.parametrize("n_standards", [1, 5])
def test_where_nothing_is_left_the_mean_is_predicted(n_standards):
    scores = np.random.default_rng(0).normal(size=12)
    X = np.concatenate([np.outer(scores, [1.0, 2.0]), np.outer(1.5 * scores, [1.0, 2.0])])
    model = EPOTransfer(source="A", target="B", n_transfer=n_standards, n_components=None)
    fit(model, (X, np.tile(scores, 2), np.repeat(["A", "B"], 12), np.tile(np.arange(12), 2)))
    np.testing.assert_allclose(model.predict(X), scores.mean(), atol=1e-8)


@pytest.mark.parametrize("n_components", [0, 1.5, "all"])
def test_transfer_refuses_a_number_of_directions_that_is_no_count(n_components, make_stack):
    with pytest.raises(ValueError, match=f"at least 1 or None, got {n_components!r}"):
        fit(make(EPOTransfer, 0, n_components=n_components), make_stack())

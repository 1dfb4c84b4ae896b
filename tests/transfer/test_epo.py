"""EPOTransfer against a calibration on projected spectra."""

from itertools import product

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import EPOTransfer, NoTransfer
from tests import oracles
from tests.transfer.methods import fit, make
from tests.transfer.standards import expected_error, sample_numbers, standard_spectra


@pytest.mark.parametrize("n_components", [1, 3, None])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_equals_the_calibration_on_projected_source_rows(n_components, n_targets, make_stack):
    X, y, instrument, _ = stack = make_stack(n_targets=n_targets)
    model = fit(make(EPOTransfer, 6, n_components=n_components), stack)
    target, source = standard_spectra(model, stack)
    P, mean = oracles.epo_projection(target, source, n_components or 6), source.mean(axis=0)
    projected = mean + (X - mean) @ P
    ridge = Ridge(alpha=1e-3).fit(projected[instrument == "A"], y[instrument == "A"])
    np.testing.assert_allclose(model.predict(X), ridge.predict(projected), atol=1e-6)


def test_projects_after_the_preprocessing_of_a_pipeline(make_stack):
    X, y, instrument, sample_id = make_stack()
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=1e-3))
    model = EPOTransfer(pipeline, source="A", target="B", n_components=2)
    fit(model, (X, y, instrument, sample_id))
    scaler = StandardScaler().fit(X[instrument == "A"])
    # Kennard-Stone reads unscaled spectra, so the reference gets the same standards explicitly.
    chosen = [int(np.flatnonzero(sample_id[:30] == i)[0]) for i in model.transfer_ids_]
    first = scaler.transform(X[chosen])

    def chosen_first(X):
        order = [int(np.abs(X - row).sum(axis=1).argmin()) for row in first]
        return [*order, *set(range(30)).difference(order)]

    reference = make(EPOTransfer, n_components=2, selection=chosen_first)
    fit(reference, (scaler.transform(X), y, instrument, sample_id))
    np.testing.assert_allclose(model.predict(X), reference.predict(scaler.transform(X)), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_auto_minimizes_the_expected_error(seed, make_stack):
    X, y, instrument, _ = stack = make_stack(random_state=seed)
    model = fit(make(EPOTransfer, 8), stack)
    target, source = standard_spectra(model, stack)

    def candidate(n_components):
        def fit_one(X, y, target, source):
            P, mean = oracles.epo_projection(target, source, n_components), source.mean(axis=0)
            ridge = Ridge(alpha=1e-3).fit(mean + (X - mean) @ P, y)
            return lambda X: ridge.predict(mean + (X - mean) @ P)

        return fit_one

    rows = instrument == "A"
    data = X[rows], y[rows], sample_numbers(stack)[rows], target, source
    errors = [expected_error(candidate(k), *data) for k in range(1, 7)]
    assert model.map_.n_components == 1 + np.argmin(errors)


def test_auto_chooses_directions_and_pls_components_together(make_stack):
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
    data = X[rows], y[rows], sample_numbers(stack)[rows], target, source
    candidates = list(product(range(1, 7), range(1, 10)))  # at most 15 - 6 components
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
def test_one_standard_removes_one_direction(estimator, make_stack):
    model = fit(EPOTransfer(estimator, source="A", target="B", n_transfer=1), make_stack())
    assert model.map_.components_.shape == (1, 24)


@pytest.mark.parametrize("n_standards", [1, 5])
def test_predicts_the_mean_if_all_variation_is_removed(n_standards):
    scores = np.random.default_rng(0).normal(size=12)
    X = np.concatenate([np.outer(scores, [1.0, 2.0]), np.outer(1.5 * scores, [1.0, 2.0])])
    model = EPOTransfer(source="A", target="B", n_transfer=n_standards, n_components=None)
    fit(model, (X, np.tile(scores, 2), np.repeat(["A", "B"], 12), np.tile(np.arange(12), 2)))
    np.testing.assert_allclose(model.predict(X), scores.mean(), atol=1e-8)


@pytest.mark.parametrize("n_components", [0, 1.5, "all"])
def test_refuses_invalid_n_components(n_components, make_stack):
    with pytest.raises(ValueError, match=f"at least 1, None or 'auto', got {n_components!r}"):
        fit(make(EPOTransfer, 0, n_components=n_components), make_stack())

"""Automatic choices: against the same cross-validation written out."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from skspektron.transfer import (
    DS,
    SST,
    CCAMap,
    CCATransfer,
    DSTransfer,
    EPOTransfer,
    NARTransfer,
    PDSTransfer,
    SSTTransfer,
)
from skspektron.transfer._core._standards import Rows, Standards
from skspektron.transfer._core._tuning import choose_calibration, choose_map
from tests.transfer.methods import make
from tests.transfer.standards import standard_spectra

RANKED = [(DSTransfer, DS), (SSTTransfer, SST), (CCATransfer, CCAMap)]
AUTOMATIC = [*(method for method, _ in RANKED), PDSTransfer, EPOTransfer, NARTransfer]


def fit(model, stack):
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


def gains(n_standards, n_targets=1):
    """Return standards whose target reads `x * 1.5`, with noise, and a two-channel predictor."""
    rng = np.random.default_rng(0)
    source = rng.normal(size=(n_standards, n_targets)) + 3
    target = 1.5 * source + 0.01 * rng.normal(size=source.shape)
    nothing = np.full(source.shape, np.nan)
    return Standards(np.arange(n_standards), source, target, nothing, nothing)


def divide(gain):
    """Return candidates that divide target spectra by each of `gain`; nothing is learnt."""
    return lambda X_target, X_source, X: np.stack([X / g for g in gain])


def test_the_map_that_agrees_best_is_chosen():
    y = np.arange(5.0)[:, None]
    for gain, expected in (([1, 1.5, 2], 1), ([2, 1, 1.4], 2), ([1.5, 1.5], 0)):
        assert choose_map(divide(gain), lambda X: X, gains(5), y) == expected


@pytest.mark.parametrize("n_standards", [1, 2])
def test_the_first_map_is_chosen_with_too_few_standards(n_standards):
    y = np.arange(5.0)[:, None]
    assert choose_map(divide([9, 1.5]), lambda X: X, gains(n_standards), y) == 0


def test_maps_are_learnt_without_the_held_out_standard():
    standards = gains(7)
    seen = []

    def record(X_target, X_source, X):
        seen.append((set(X_target.ravel()), set(X_source.ravel()), set(X.ravel())))
        return X[None]

    choose_map(record, lambda X: X, standards, np.arange(7.0)[:, None])
    target, source = set(standards.X_target.ravel()), set(standards.X_source.ravel())
    assert len(seen) == 5
    assert set.union(*(held_out for *_, held_out in seen)) == target
    for learnt, learnt_source, held_out in seen:
        assert learnt == target - held_out
        assert len(learnt_source) == len(learnt) and learnt_source < source


def test_targets_are_weighted_by_their_variance():
    standards = gains(5, n_targets=2)

    def bias(X_target, X_source, X):  # each candidate is wrong in one of two targets
        return np.stack([X / 1.5 + [0.5, 0.0], X / 1.5 + [0.0, 1.0]])

    for variance, expected in (([1.0, 1.0], 0), ([1.0, 100.0], 1), ([0.0, 0.0], 0)):
        y = np.array([[-1.0, -1.0], [1.0, 1.0]]) * np.sqrt(variance)
        assert choose_map(bias, lambda X: X, standards, y) == expected


@pytest.mark.parametrize(("method", "map_class"), RANKED)
@pytest.mark.parametrize("seed", [0, 1])
def test_number_of_components_of_a_map(method, map_class, seed, make_stack):
    X, y, instrument, sample_id = make_stack(random_state=seed)
    noise = 0.1 * np.random.default_rng(seed).normal(size=X.shape)
    stack = X + noise, y, instrument, sample_id
    model = fit(make(method, 9), stack)
    target, source = standard_spectra(model, stack)
    errors = []
    for k in range(1, 7):  # 7 standards differ in 6 directions in the smallest fold
        squares = []
        for i in range(5):
            fold = np.arange(9) % 5
            mapped = map_class(n_components=k).fit(target[fold != i], source[fold != i])
            predictions = model.estimator_.predict(mapped.transform(target[fold == i]))
            squares.extend((predictions - model.estimator_.predict(source[fold == i])) ** 2)
        errors.append(np.mean(squares))
    assert model.map_.n_components == 1 + np.argmin(errors)


@pytest.mark.parametrize("n_transfer", [3, 4, 6, 7])
@pytest.mark.parametrize("method", [*(method for method, _ in RANKED), PDSTransfer, EPOTransfer])
def test_the_choice_does_not_depend_on_rounding(method, n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    X = X + 0.05 * np.random.default_rng(1).normal(size=X.shape)
    chosen = []
    for scale in (1.0, 3.0, 1e-4):
        # Not LinearRegression, whose rank before scikit-learn 1.7 is a matter of rounding.
        calibration = Ridge(1e-6 * scale**2)
        model = method(calibration, source="A", target="B", n_transfer=n_transfer)
        map_ = fit(model, (scale * X, y, instrument, sample_id)).map_
        chosen.append((map_.n_components, getattr(map_, "window_length", None)))
    assert len(set(chosen)) == 1


@pytest.mark.parametrize(("method", "map_class"), RANKED)
@pytest.mark.parametrize("n_components", [2, None])
def test_a_given_number_of_components_is_used(method, map_class, n_components, make_stack):
    X, *_ = stack = make_stack()
    model = fit(make(method, 6, n_components=n_components), stack)
    reference = map_class(n_components=n_components).fit(*standard_spectra(model, stack))
    np.testing.assert_array_equal(model.transform(X), reference.transform(X))
    np.testing.assert_allclose(
        model.predict(X), model.estimator_.predict(reference.transform(X)), rtol=1e-10
    )


@pytest.mark.parametrize("method", [method for method, _ in RANKED])
@pytest.mark.parametrize("n_components", [0, 1.5, "all"])
def test_refuses_an_invalid_number_of_components_before_fitting(method, n_components, make_stack):
    X, y, *_ = make_stack()
    with pytest.raises(
        ValueError, match="n_components must be an int of at least 1, None or 'auto', got"
    ):
        make(method, 0, n_components=n_components).fit(X, y)


@pytest.mark.parametrize("method", AUTOMATIC)
@pytest.mark.parametrize("estimator", [Ridge(alpha=1e-3), None])
def test_automatic_choices_read_no_label_of_the_target(method, estimator, make_stack):
    X, y, instrument, sample_id = make_stack()
    model = method(estimator, source="A", target="B", n_transfer=7)
    reference = fit(model, (X, y, instrument, sample_id)).predict(X)
    changed = np.where(instrument == "B", 1e6, y)
    np.testing.assert_array_equal(
        fit(model, (X, changed, instrument, sample_id)).predict(X), reference
    )


@pytest.mark.parametrize("n_standards", [1, 2, 7])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_the_calibration_with_the_smallest_expected_error_is_chosen(n_standards, n_targets):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(24, 4))
    y = X @ rng.normal(size=(4, n_targets or 1)) + rng.normal(size=(24, n_targets or 1))
    y = y * [1.0, 50.0][: y.shape[1]] if n_targets else y.ravel()
    ids = np.arange(24) // 2
    nothing = np.full((n_standards, *y.shape[1:]), np.nan)
    source = rng.normal(size=(n_standards, 4))
    target = source + [0.6, 0.0, 0.2, 0.0] + 0.3 * rng.normal(size=(n_standards, 4))
    standards = Standards(np.arange(n_standards), source, target, nothing, nothing)
    alphas = [0.01, 1.0, 10.0, 30.0, 100.0, 1000.0]

    def fit_candidates(X, y, standards):
        rows = np.concatenate([X, X.mean(axis=0) + standards.X_target - standards.X_source])
        values = np.concatenate(
            [y, np.broadcast_to(y.mean(axis=0), (len(rows) - len(y), *y[0].shape))]
        )
        fits = [Ridge(alpha).fit(rows, values) for alpha in alphas]
        return lambda X: np.stack([ridge.predict(X) for ridge in fits])

    expected = [
        literal_error(
            lambda *data, k=k: lambda X: fit_candidates(*data)(X)[k], X, y, ids, standards
        )
        for k in range(len(alphas))
    ]
    chosen = choose_calibration(fit_candidates, Rows(X, y, ids), standards)
    assert chosen == np.argmin(expected)
    assert 0 < chosen < len(alphas) - 1


def literal_error(candidate, X, y, ids, standards):
    """Return the mean squares of source residuals and of disagreements, summed over targets."""
    residuals, differences = [], []
    for train, test in GroupKFold(5).split(X, groups=ids):
        residuals.extend(candidate(X[train], y[train], standards)(X[test]) - y[test])
    n = len(standards)
    for i in range(min(n, 5) if n > 1 else 0):
        fold = np.arange(n) % 5
        predict, held_out = candidate(X, y, standards[fold != i]), standards[fold == i]
        differences.extend(predict(held_out.X_target) - predict(held_out.X_source))
    error = np.mean(np.square(residuals), axis=0) / np.var(y, axis=0)
    if differences:
        error = error + np.mean(np.square(differences), axis=0) / np.var(y, axis=0)
    return np.sum(error)


def test_one_source_sample_leaves_the_choice_to_the_standards():
    standards = gains(4)
    source = Rows(np.ones((2, 1)), np.array([[1.0], [3.0]]), np.zeros(2))

    def constant(X, y, standards):
        return lambda X: np.stack([X, 0 * X, 2 * X])  # only the second one cannot disagree

    assert choose_calibration(constant, source, standards) == 1
    assert choose_calibration(constant, source, standards[:1]) == 0

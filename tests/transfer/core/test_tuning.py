"""Automatic choices: against the same cross-validation written out."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from skspektron.transfer import (
    CCATransfer,
    DSTransfer,
    EPOTransfer,
    NARTransfer,
    PDSTransfer,
    SSTTransfer,
)
from skspektron.transfer._core._standards import Rows, Standards
from skspektron.transfer._core._tuning import (
    choose_calibration,
    disagreements,
    first_smallest,
    likely_penalty,
)

MAPPED = [DSTransfer, SSTTransfer, CCATransfer, PDSTransfer]
AUTOMATIC = [*MAPPED, EPOTransfer, NARTransfer]


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
    return lambda standards, X: np.stack([X / g for g in gain])


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.5, 1.0, 0.0, 1.0])])
def test_disagreements_are_weighted_mean_squares_in_units_of_the_variance(weights):
    standards, y = replace(gains(5), weights=np.ones(5)), np.arange(5.0)[:, None]
    if weights is not None:
        standards = replace(standards, weights=weights)
    found = disagreements(divide([1, 1.5, 2]), lambda X: X, standards, y)
    for error, gain in zip(found, [1, 1.5, 2], strict=True):
        squares = (standards.X_target / gain - standards.X_source)[:, 0] ** 2
        assert error == pytest.approx(np.average(squares, weights=weights) / np.var(y))


@pytest.mark.parametrize("n_standards", [1, 2])
def test_too_few_standards_are_not_held_out(n_standards):
    y = np.arange(5.0)[:, None]
    assert disagreements(divide([9, 1.5]), lambda X: X, gains(n_standards), y) is None


def test_maps_are_learnt_without_the_held_out_standard():
    standards = gains(7)
    seen = []

    def record(train, X):
        seen.append((set(train.X_target.ravel()), set(train.X_source.ravel()), set(X.ravel())))
        return X[None]

    disagreements(record, lambda X: X, standards, np.arange(7.0)[:, None])
    target, source = set(standards.X_target.ravel()), set(standards.X_source.ravel())
    assert len(seen) == 5
    assert set.union(*(held_out for *_, held_out in seen)) == target
    for learnt, learnt_source, held_out in seen:
        assert learnt == target - held_out
        assert len(learnt_source) == len(learnt) and learnt_source < source


def test_targets_are_weighted_by_their_variance():
    standards = gains(5, n_targets=2)

    def bias(train, X):  # each candidate is wrong in one of two targets
        return np.stack([X / 1.5 + [0.5, 0.0], X / 1.5 + [0.0, 1.0]])

    for variance, expected in (([1.0, 1.0], 0), ([1.0, 100.0], 1), ([0.0, 0.0], 0)):
        y = np.array([[-1.0, -1.0], [1.0, 1.0]]) * np.sqrt(variance)
        found = disagreements(bias, lambda X: X, standards, y)
        assert first_smallest(found.sum(axis=1)) == expected


@pytest.mark.parametrize(
    ("errors", "size", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0], 5, 1),  # nothing is learnt: the median of the penalties
        ([1.0, 1e-2, 1.0, 1.0], 5, 1),
        ([1.0, 1.0, 1.0, 1e-2], 5, 3),
        ([4.0, 2.0, 1.0, 0.9], 2, 2),  # weights 1/4, 1/2, 1, 1 / 0.9
        ([4.0, 2.0, 1.0, 0.9], 30, 3),
        ([1e-20, 1e-22, 1e-21, 1e-23], 5, 0),  # rounding: an offset is exact
        ([1.0, 1e-20, 1e-22, 1e-30], 400, 2),  # likewise, the median of three
    ],
)
def test_the_penalty_is_the_median_of_likelihoods(errors, size, expected):
    assert likely_penalty(np.array([errors]), size) == (0, expected)


def test_the_map_of_the_largest_total_likelihood_is_chosen():
    errors = np.array([[4.0, 1.0, 1.0], [4.0, 0.9, 3.0]])  # the second has the smallest error
    assert likely_penalty(errors, 2) == (0, 1)
    assert likely_penalty(errors, 60) == (1, 1)


@pytest.mark.parametrize("n_transfer", [3, 4, 6, 7])
@pytest.mark.parametrize("method", [*MAPPED, EPOTransfer])
def test_the_choice_does_not_depend_on_rounding(method, n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    X = X + 0.05 * np.random.default_rng(1).normal(size=X.shape)
    chosen = []
    for scale in (1.0, 3.0, 1e-4):
        # Not LinearRegression, whose rank before scikit-learn 1.7 is a matter of rounding.
        calibration = Ridge(1e-6 * scale**2)
        model = method(calibration, source="A", target="B", n_transfer=n_transfer)
        map_ = fit(model, (scale * X, y, instrument, sample_id)).map_
        names = ("n_components", "penalty", "window_length")
        chosen.append(tuple(getattr(map_, name, None) for name in names))
    assert len(set(chosen)) == 1


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
    assert chosen.best == np.argmin(expected)
    assert 0 < chosen.best < len(alphas) - 1
    squares = sum(error**2 for error in chosen.errors.values())
    np.testing.assert_allclose(np.sum(squares / np.var(y, axis=0)), np.min(expected))


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

    assert choose_calibration(constant, source, standards).best == 1
    assert choose_calibration(constant, source, standards[:1]).best == 0

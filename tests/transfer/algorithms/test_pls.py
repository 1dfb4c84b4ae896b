"""PLS with a cross-validated number of components, the default calibration."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold

from skspektron._samples import number_samples
from skspektron.transfer import NoTransfer
from skspektron.transfer._algorithms._pls import (
    as_few_channels,
    choose_n_components,
    component_limit,
    cross_validated_pls,
    fit_pls_path,
)
from tests import oracles


def problem(n_samples=36, n_features=20, seed=0):
    """Return noisy spectra, two per sample, for which PLS needs a few components."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n_samples, 6)) * [5, 4, 3, 2, 1, 0.5]
    X = scores @ rng.normal(size=(6, n_features)) + 0.3 * rng.normal(size=(n_samples, n_features))
    y = scores @ rng.normal(size=6) + 0.5 * rng.normal(size=n_samples)
    return X, y, np.arange(n_samples) // 2


@pytest.mark.parametrize("seed", range(4))
def test_equals_grid_search(seed):
    X, y, groups = problem(seed=seed)
    search = GridSearchCV(
        PLSRegression(scale=False),
        {"n_components": range(1, 16)},
        scoring="neg_mean_squared_error",
        cv=GroupKFold(9),  # folds of equal size, so the mean over folds is RMSECV squared
    )
    search.fit(X, y, groups=groups)
    assert choose_n_components(X, y, groups, n_folds=9) == search.best_params_["n_components"]


def test_minimizes_literal_rmsecv():
    X, y, groups = problem()
    folds = list(GroupKFold(5).split(X, groups=groups))
    rmsecv = [oracles.pls_rmsecv(X, y, folds, k) for k in range(1, 16)]
    pls = cross_validated_pls(X, y, groups)
    assert pls.n_components == 1 + np.argmin(rmsecv)
    assert pls.rmsecv_ == pytest.approx([np.min(rmsecv)])


def literal_press(X, y, folds, n_components, *, scaled):
    """Return the squared errors of PLS on scaled or unscaled targets, in variances if scaled."""
    press = 0.0
    for train, test in folds:
        scale = y[train].std(axis=0) if scaled else np.ones(y.shape[1])
        pls = PLSRegression(n_components, scale=False).fit(X[train], y[train] / scale)
        error = pls.predict(X[test]) * scale - y[test]
        press += ((error / y.std(axis=0) if scaled else error) ** 2).sum()
    return press


def test_targets_and_their_errors_are_scaled_by_their_standard_deviations():
    X, y, groups = problem()
    both = np.column_stack([y, 30 * X[:, 0] + np.random.default_rng(0).normal(size=len(y))])
    folds = list(GroupKFold(9).split(X, groups=groups))
    expected, unscaled = (
        1 + np.argmin([literal_press(X, both, folds, k, scaled=scaled) for k in range(1, 16)])
        for scaled in (True, False)
    )
    assert choose_n_components(X, both, groups, n_folds=9) == expected != unscaled


@pytest.mark.parametrize("n_samples", [2, 3, 4])
def test_few_samples(n_samples):
    X, y, _ = problem(n_samples)
    pls = cross_validated_pls(X, y, np.arange(n_samples))
    assert 1 <= pls.n_components < n_samples


def test_a_constant_response_gives_one_component(recwarn):
    X, _, groups = problem()
    assert choose_n_components(X, np.full(len(X), 3.0), groups) == 1
    assert not recwarn.list


@pytest.mark.parametrize("n_targets", [None, 2])
def test_a_path_equals_single_fits(n_targets):
    X, y, _ = problem()
    if n_targets:
        y = np.column_stack([y, X[:, :2] @ [1.0, -2.0]])
    X_new = problem(5, seed=1)[0]
    path = fit_pls_path(X, y, 6)(X_new)
    assert path.shape == (6, 5, *y.shape[1:])
    for k, predictions in enumerate(path, start=1):
        scale = y.std(axis=0) if n_targets else 1.0
        expected = PLSRegression(k, scale=False).fit(X, y / scale).predict(X_new) * scale
        np.testing.assert_allclose(predictions, expected.reshape(predictions.shape), atol=1e-10)


def test_a_path_of_constant_spectra_gives_the_mean(recwarn):
    X, y, _ = problem()
    for spectra, values in ((np.ones_like(X), y), (X, np.full(len(X), 3.0)), (X[:1], y[:1])):
        path = fit_pls_path(spectra, values, 2)(X)
        np.testing.assert_allclose(path, np.full((2, len(X)), values.mean()))
    assert not recwarn.list


def test_components_are_limited_by_the_rank_of_the_smallest_fold():
    X, _, groups = problem()
    assert component_limit(X, groups) == 15
    rank_three = X[:, :3] @ np.random.default_rng(0).normal(size=(3, 20))
    assert component_limit(rank_three, groups) == 3
    assert component_limit(X[:6], groups[:6]) == 3  # two samples of two spectra, minus the mean
    assert component_limit(X[:4], groups[:4]) == 1  # two samples cannot be cross-validated


def test_spectra_that_do_not_vary_with_y_predict_its_mean():
    X, y, groups = problem()
    flat = np.ones_like(X)
    with pytest.warns(UserWarning, match="The 36 spectra .* do not vary with y"):
        calibration = cross_validated_pls(flat, y, groups)
    assert isinstance(calibration, DummyRegressor)
    np.testing.assert_allclose(calibration.predict(X), y.mean())


def test_is_the_default_estimator():
    X, y, groups = problem()
    model = NoTransfer().fit(X, y, sample_id=groups)
    numbers, _, _ = number_samples(X, groups, y)
    np.testing.assert_array_equal(model.predict(X), cross_validated_pls(X, y, numbers).predict(X))
    assert model.estimator_.scale is False


@pytest.mark.parametrize(
    ("n_channels", "n_removed", "limit"), [(40, 14, 15), (24, 14, 10), (9, 9, 1)]
)
def test_the_limit_is_15_after_directions_are_removed(n_channels, n_removed, limit):
    X = np.random.default_rng(0).normal(size=(60, n_channels))
    assert component_limit(X, np.arange(60), n_removed=n_removed) == limit


def test_fewer_components_than_the_rank_may_explain_y():
    # The last four rows have rank 3; after one component nothing varies with y.
    X = np.array([[0, 0, 0, 1, 1], [1, 0, 0, 1, 1], [1, 0, 0, 1, 1], [0] * 5, [0, 1, 0, 0, 1.0]])
    y = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    predictions = fit_pls_path(X[1:], y[1:], 3)(X)
    one = PLSRegression(1, scale=False).fit(X[1:], y[1:]).predict(X)
    np.testing.assert_allclose(predictions, [one] * 3)
    assert np.isfinite(cross_validated_pls(X, y, np.arange(5)).predict(X)).all()


def test_very_wide_rows_are_rotated_without_an_effect():
    X, y, groups = problem(n_samples=24, n_features=8)
    rng = np.random.default_rng(3)
    wide = X @ rng.normal(size=(8, 700)) + 0.05 * rng.normal(size=(24, 700)) + 3.0
    few = as_few_channels(wide)
    assert few.shape == (24, 24)
    np.testing.assert_allclose(few @ few.T, wide @ wide.T, rtol=1e-12)
    folds = list(GroupKFold(5).split(wide, groups=groups))
    rmsecv = [oracles.pls_rmsecv(wide, y, folds, k) for k in range(1, 13)]
    assert choose_n_components(wide, y, groups) == 1 + np.argmin(rmsecv)
    train, test = np.arange(18), np.arange(18, 24)
    of_wide, of_few = (fit_pls_path(Z[train], y[train], 5)(Z[test]) for Z in (wide, few))
    np.testing.assert_allclose(of_few, of_wide, rtol=1e-9)
    narrow = wide[:, :400]
    assert as_few_channels(narrow) is narrow

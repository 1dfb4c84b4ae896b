"""Calibrations of one view: their predictions and errors against the same fits written out."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GroupKFold

from skspektron.transfer._averaging._fits import (
    MAX_PLS_COMPONENTS,
    MAX_REDECOMPOSED_SAMPLES,
    RIDGE_PENALTIES,
    SETTING_LABEL_WEIGHTS,
    SETTING_PENALTIES,
    TargetPLS,
    _source_residuals,
    fit_view,
)
from skspektron.transfer._core._standards import Rows, Standards
from tests.transfer.standards import rows_and_standards

N_RIDGES = len(SETTING_PENALTIES) * len(RIDGE_PENALTIES)


def ridge_predictions(source, standards, labelled):
    """Return functions from source and target spectra to predictions (m, n, q) of all ridges."""
    Z, y, X_source = source.X, source.y, standards.X_source
    offset = X_source.mean(axis=0) - standards.X_target.mean(axis=0)
    aligned = standards.X_target + offset
    mean_square_norm = np.mean(np.sum((Z - Z.mean(axis=0)) ** 2, axis=1))
    D = X_source - aligned
    size = np.mean(np.sum(D**2, axis=1))
    D = D * np.sqrt(mean_square_norm / size) if len(D) > 1 else 0 * D  # a single one becomes zero
    rows = np.concatenate([Z - Z.mean(axis=0), D, aligned[labelled] - Z.mean(axis=0)])
    y_mean = y.mean(axis=0)
    right = np.concatenate([y - y_mean, 0 * standards.y, standards.y[labelled] - y_mean])
    coefs = []
    for penalty, weight in zip(SETTING_PENALTIES, SETTING_LABEL_WEIGHTS, strict=True):
        counts = [len(Z), len(D), np.count_nonzero(labelled)]
        W = np.repeat([1.0, penalty, weight], counts)[:, None]
        for ridge in RIDGE_PENALTIES * mean_square_norm:
            A = rows.T @ (W * rows) + ridge * np.eye(Z.shape[1])
            coefs.append(np.linalg.solve(A, rows.T @ (W * right)))
    coef = np.stack(coefs)
    return (
        lambda X: (X - Z.mean(axis=0)) @ coef + y_mean,
        lambda X: (X + offset - Z.mean(axis=0)) @ coef + y_mean,
    )


def with_changed_sample(source, standards, at):
    """Return rows and standards with another label and source spectrum of the standard `at`."""
    sample = standards.ids[at]
    row = np.isin(source.ids, sample)
    X, y = source.X.copy(), source.y.copy()
    X[row] += 3.0 * np.arange(X.shape[1])
    y[row] -= 7.0
    X_source, y_source, y_target = (
        values.copy() for values in (standards.X_source, standards.y_source, standards.y)
    )
    X_source[at], y_source[at], y_target[at] = X[row][0], y[row][0], 100.0
    changed = Standards(standards.ids, X_source, standards.X_target, y_source, y_target)
    return Rows(X, y, source.ids), changed


@pytest.mark.parametrize("n_standards", [2, 5, 12])  # 12: two folds hold two standards
def test_errors_are_those_of_calibrations_without_the_held_out_standards(n_standards):
    source, standards = rows_and_standards(n_standards)
    fits = fit_view(source, standards)
    n_pls = max(0, min(MAX_PLS_COMPONENTS, n_standards - 3))
    on_target = np.empty((N_RIDGES + n_pls, n_standards, 2))
    on_source = np.empty((N_RIDGES, n_standards, 2))
    for k in range(min(10, n_standards)):
        test = np.arange(n_standards) % 10 == k
        others, rest = ~np.isin(source.ids, standards.ids[test]), standards[~test]
        rows = Rows(source.X[others], source.y[others], source.ids[others])
        of_source, of_target = ridge_predictions(rows, rest, np.ones(len(rest), dtype=bool))
        on_target[:N_RIDGES, test] = of_target(standards.X_target[test])
        on_source[:, test] = of_source(standards.X_source[test])
        for i, target in np.ndindex(n_pls, 2):
            pls = PLSRegression(i + 1, scale=False).fit(rest.X_target, rest.y[:, target])
            on_target[N_RIDGES + i, test, target] = pls.predict(standards.X_target[test])
    variance = source.y.var(axis=0, ddof=0)
    np.testing.assert_allclose(fits.held_out, on_target, atol=1e-7)
    np.testing.assert_allclose(
        fits.label_error, ((on_target - standards.y) ** 2).mean(axis=1) / variance, atol=1e-7
    )
    differences = on_target[:N_RIDGES] - on_source
    np.testing.assert_allclose(
        fits.disagreement[:N_RIDGES], (differences**2).mean(axis=1) / variance, atol=1e-7
    )
    assert np.isinf(fits.disagreement[N_RIDGES:]).all()


@pytest.mark.parametrize("n_standards", [1, 2, 5])
def test_source_errors_exclude_the_labels_of_held_out_samples_among_the_standards(n_standards):
    source, standards = rows_and_standards(n_standards)
    fits = fit_view(source, standards)
    residuals = np.empty((N_RIDGES, *source.y.shape))
    for train, test in GroupKFold(5).split(source.X, groups=source.ids):
        rows = Rows(source.X[train], source.y[train], source.ids[train])
        predict, _ = ridge_predictions(rows, standards, ~np.isin(standards.ids, source.ids[test]))
        residuals[:, test] = predict(source.X[test]) - source.y[test]
    expected = (residuals**2).mean(axis=1) / source.y.var(axis=0, ddof=0)
    np.testing.assert_allclose(fits.source_error[:N_RIDGES], expected, atol=1e-7)


def test_a_held_out_standard_does_not_influence_its_own_prediction():
    source, standards = rows_and_standards(6)
    before = fit_view(source, standards).held_out
    changed, changed_standards = with_changed_sample(source, standards, at=2)
    after = fit_view(changed, changed_standards).held_out
    np.testing.assert_allclose(after[:, 2], before[:, 2], atol=1e-8)
    difference = np.abs(np.delete(after - before, 2, axis=1)).max(axis=(1, 2))
    assert (difference > 0.1).all()  # it does influence those of the others


@pytest.mark.parametrize("is_standard", [True, False])
def test_the_label_of_a_held_out_source_row_does_not_influence_its_prediction(is_standard):
    source, standards = rows_and_standards(6)
    row = np.flatnonzero(np.isin(source.ids, standards.ids) == is_standard)[0]
    y = source.y.copy()
    y[row] += 50.0
    y_target = np.where((standards.ids == source.ids[row])[:, None], 100.0, standards.y)
    changed = Standards(
        standards.ids, standards.X_source, standards.X_target, standards.y_source, y_target
    )
    before = _source_residuals(source, standards) + source.y
    after = _source_residuals(Rows(source.X, y, source.ids), changed) + y
    np.testing.assert_allclose(after[:, :, row], before[:, :, row], atol=1e-8)
    assert np.abs(after - before).max() > 1.0


@pytest.mark.parametrize("n_standards", [1, 2, 5, 12])
def test_combine_is_the_weighted_sum_of_all_calibrations(n_standards):
    source, standards = rows_and_standards(n_standards)
    fits = fit_view(source, standards)
    weights = np.random.default_rng(0).uniform(size=fits.source_error.shape)
    X_target = np.random.default_rng(1).normal(size=(4, 6))
    _, predict = ridge_predictions(source, standards, np.ones(n_standards, dtype=bool))
    parts = list(predict(X_target))
    for i in range(len(weights) - N_RIDGES):
        pls = [PLSRegression(i + 1, scale=False).fit(standards.X_target, y) for y in standards.y.T]
        parts.append(np.stack([fitted.predict(X_target) for fitted in pls], axis=1))
    expected = np.einsum("mq,mnq->nq", weights, np.stack(parts))
    coef, intercept = fits.combine(weights)
    np.testing.assert_allclose(X_target @ coef + intercept, expected, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pls_components_are_limited_by_the_rank(rank):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, rank)) @ rng.normal(size=(rank, 5)) + 1.0
    y = rng.normal(size=(9, 2))
    path = TargetPLS.of(X, y, 6)
    assert path.coef.shape == (6, 5, 2)
    predictions = path.predict(X)
    np.testing.assert_allclose(predictions[rank - 1 :], predictions[[rank - 1] * (7 - rank)])
    least_squares = np.column_stack([X, np.ones(9)])
    expected = least_squares @ np.linalg.lstsq(least_squares, y, rcond=1e-10)[0]
    np.testing.assert_allclose(predictions[-1], expected, atol=1e-8)


def test_replicates_are_held_out_as_one_sample(make_stack):
    source, standards = rows_and_standards(6)
    scans = Rows(*(np.repeat(part, 20, axis=0) for part in (source.X, source.y, source.ids)))
    assert len(scans.X) > MAX_REDECOMPOSED_SAMPLES
    label = scans.ids == standards.ids[0]
    wrong = replace(scans, y=np.where(label[:, None], 50.0, scans.y))
    y = np.where((standards.ids == standards.ids[0])[:, None], 50.0, standards.y)
    before, after = (
        fit_view(rows, std).held_out[:N_RIDGES, 0]
        for rows, std in ((scans, standards), (wrong, replace(standards, y=y)))
    )
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_held_out_standards_stay_among_many_source_rows():
    source, standards = rows_and_standards(4, n_source=210, n_channels=4)
    before = fit_view(source, standards).held_out
    changed, changed_standards = with_changed_sample(source, standards, at=1)
    after = fit_view(changed, changed_standards).held_out
    assert np.abs(after[:, 1] - before[:, 1]).max() > 1e-6

"""Weights of the calibrations of an ensemble against the formula."""

from dataclasses import replace

import numpy as np
import pytest

from skspektron.transfer._averaging._fits import (
    RIDGE_PENALTIES,
    SETTING_LABEL_WEIGHTS,
    SETTING_PENALTIES,
    fit_view,
)
from skspektron.transfer._averaging._weights import ViewedRows, fit_members, fit_weights
from skspektron.transfer._core._standards import Rows, Standards
from tests.transfer.standards import rows_and_standards

N_RIDGES = len(SETTING_PENALTIES) * len(RIDGE_PENALTIES)


def fit_two_views(n_standards):
    """Return the fits on all channels and on the first three, with their rows."""
    source, standards = rows_and_standards(n_standards)
    few = {name: getattr(standards, name)[:, :3] for name in ("X_source", "X_target")}
    on_few = replace(source, X=source.X[:, :3]), replace(standards, **few)
    return [fit_view(source, standards), fit_view(*on_few)], standards, source


@pytest.mark.parametrize("n_standards", [1, 2, 3, 5, 12])
def test_weights_add_up_to_1_for_each_target(n_standards):
    views, standards, source = fit_two_views(n_standards)
    weights = fit_weights(views, standards.y, source.y)
    assert weights.shape == (2, len(views[0].source_error), 2)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=(0, 1)), 1.0)
    if n_standards < 4:
        assert weights[:, N_RIDGES:].size == 0


@pytest.mark.parametrize("n_standards", [1, 5, 12])
def test_weights_equal_the_formula(n_standards):
    views, standards, source = fit_two_views(n_standards)
    weights = fit_weights(views, standards.y, source.y)
    n = n_standards
    for target in range(2):
        mean, by_labels, held_out = [], [], []
        for fits in views:
            for m in range(len(fits.source_error)):
                error = fits.source_error[m, target] + fits.disagreement[m, target]
                label = fits.label_error[m, target]
                error += max(0, n - 5) / (n + 10) * label
                setting = m // len(RIDGE_PENALTIES)
                label_weight = SETTING_LABEL_WEIGHTS[setting] if m < N_RIDGES else np.inf
                prior = np.exp(4 * 3 / (n + 3)) if label_weight == 0 else 1.0
                mean.append(prior * error**-5)
                by_labels.append((label_weight >= 30) * (label + 1e-3) ** (-n / 4))
                held_out.append(fits.held_out[m, :, target])
        mean, by_labels = (np.array(w) / np.sum(w) for w in (mean, by_labels))
        if n > 5:
            y, variance = standards.y[:, target], source.y[:, target].var(ddof=0)
            errors = [
                np.mean((weight @ np.array(held_out) - y) ** 2) / variance + 1e-3
                for weight in (mean, by_labels)
            ]
            odds = 0.02 * (errors[0] / errors[1]) ** (n / 4)
            mean = (mean + odds * by_labels) / (1 + odds)
        np.testing.assert_allclose(weights[:, :, target].ravel(), mean, atol=1e-10)


def member_predictions(source, standards, X):
    """Return the predictions of an ensemble of one view."""
    views = {"spectra": ViewedRows(source.X, standards.X_source, standards.X_target, size=0.0)}
    (member,) = fit_members(views, source, standards).values()
    assert member.weight == pytest.approx(1.0)
    return member.predict(X)


def test_one_dimensional_y_is_one_target():
    source, standards = rows_and_standards(12, n_targets=1)
    flat = Standards(
        standards.ids,
        standards.X_source,
        standards.X_target,
        standards.y_source[:, 0],
        standards.y[:, 0],
    )
    X = source.X[:3]
    expected = member_predictions(source, standards, X)
    np.testing.assert_array_equal(
        member_predictions(Rows(source.X, source.y[:, 0], source.ids), flat, X), expected
    )

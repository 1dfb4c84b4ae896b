"""Weights of the regressions of an ensemble against the formula."""

import numpy as np
import pytest

from skspektron.transfer._averaging._ensemble import Ensemble
from skspektron.transfer._averaging._members import ViewedRows, fit_view
from skspektron.transfer._averaging._weights import held_out_error, member_weights
from skspektron.transfer._core._standards import Rows, Standards
from tests.transfer.standards import rows_and_standards


def fit_two_views(n_standards):
    """Return the members of all channels and of the first three, with their rows."""
    source, standards = rows_and_standards(n_standards)
    members = []
    for name, n_channels in (("all", 6), ("few", 3)):
        parts = source.X, standards.X_source, standards.X_target
        view = ViewedRows(*(X[:, :n_channels] for X in parts))
        members += fit_view(name, view, source, standards)
    return members, source, standards


@pytest.mark.parametrize("n_standards", [1, 2, 5, 12])
def test_weights_equal_the_formula(n_standards):
    members, source, standards = fit_two_views(n_standards)
    prior = np.where([member.view == "few" for member in members], 0.25, 1.0)
    weights = member_weights(members, prior, source, standards)
    found = held_out_error(members, weights, standards)
    n, n_source = n_standards, len(source.X)
    label_error, uses_labels, held_out, all_weights = (
        np.concatenate(parts)
        for parts in zip(
            *(
                (m.label_error, [m.uses_labels] * len(m.label_error), m.held_out, w)
                for m, w in zip(members, weights, strict=True)
            ),
            strict=True,
        )
    )
    for target in range(2):
        errors = [
            (m.source_error[s, target], m.source_error[s, target] + m.disagreement[s, target], p)
            for m, p in zip(members, prior, strict=True)
            for s in range(len(m.label_error))
        ]
        own, expected, fraction = np.array(errors).T
        on_target = np.isinf(own)
        smallest = expected[~on_target].min()
        more = 0.4 * (np.sqrt(n_source) - np.sqrt(n))
        with np.errstate(all="ignore"):
            mean = fraction * expected ** (-0.4 * np.sqrt(n)) * (own + smallest) ** -more
        mean = np.where(on_target, 0.0, mean)
        mean /= mean.sum()
        if n > 5:
            by_labels = uses_labels * (label_error[:, target] + 1e-3) ** (-n / 4)
            by_labels /= by_labels.sum()
            y, variance = standards.y[:, target], source.y[:, target].var()
            on_standards = [
                np.mean((w @ held_out[:, :, target] - y) ** 2) / variance + 1e-3
                for w in (mean, by_labels)
            ]
            odds = 0.05 * (on_standards[0] / on_standards[1]) ** ((n - 5) / 4)
            mean = (mean + odds * by_labels) / (1 + odds)
        np.testing.assert_allclose(all_weights[:, target], mean, atol=1e-8)
        errors = mean @ held_out[:, :, target] - standards.y[:, target]
        assert found[target] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)
        assert all_weights[:, target].sum() == pytest.approx(1.0)


def predictions(source, standards, X):
    """Return the predictions of an ensemble of one view."""

    def transform(X):
        return {"spectra": X}

    ensemble = Ensemble.fit(transform, source, standards)
    assert ensemble.weights == pytest.approx({"spectra": 1.0})
    return ensemble.predict(transform, X)


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
    expected = predictions(source, standards, X)
    np.testing.assert_array_equal(
        predictions(Rows(source.X, source.y[:, 0], source.ids), flat, X), expected
    )

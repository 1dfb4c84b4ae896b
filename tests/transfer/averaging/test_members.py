"""Regressions of one view against the same problems written out, without a held-out sample."""

from dataclasses import replace

import numpy as np
import pytest

from skspektron.transfer._averaging import _members
from skspektron.transfer._averaging._members import (
    DIFFERENCE_WEIGHT,
    LABEL_WEIGHT,
    STRENGTHS,
    TARGET_STRENGTHS,
    ViewedRows,
    combine,
    fit_view,
)
from tests.transfer.standards import rows_and_standards


def viewed(source, standards, **parameters):
    return ViewedRows(source.X, standards.X_source, standards.X_target, **parameters)


def members_of(source, standards, **parameters):
    return fit_view("spectra", viewed(source, standards, **parameters), source, standards)


def written_out(source, standards, uses_labels, strength, size, scale):
    """Return functions from source and target spectra to the predictions of a linear member.

    The offset between the instruments is a coefficient of its own: target spectra are as measured.
    """
    rows = [source.X, scale * (standards.X_source - standards.X_target), standards.X_target]
    kinds = np.repeat([0, 1, 2], [len(part) for part in rows])
    free = np.array([[1.0, 0.0], [0.0, -scale], [1.0, 1.0]])[kinds]
    weights = np.concatenate(
        [
            np.ones(len(source.X)),
            DIFFERENCE_WEIGHT * standards.weights,
            LABEL_WEIGHT * uses_labels * standards.weights * standards.label_weights,
        ]
    )
    A = np.column_stack([np.concatenate(rows), free])
    values = np.concatenate([source.y, 0 * standards.y, standards.y])
    penalty = np.diag([strength * size] * source.X.shape[1] + [0.0, 0.0])
    coef = np.linalg.lstsq(
        A.T @ (weights[:, None] * A) + penalty, A.T @ (weights[:, None] * values), rcond=None
    )[0]
    b, b0, a = coef[:-2], coef[-2], coef[-1]
    return (lambda X: X @ b + b0), (lambda X: X @ b + b0 + a)


@pytest.mark.parametrize("n_standards", [2, 5, 12])
@pytest.mark.parametrize("uses_labels", [False, True])
def test_linear_members_equal_the_problem_written_out(n_standards, uses_labels):
    """Errors are those of fits without the held-out sample, its difference and its label."""
    source, standards = rows_and_standards(n_standards)
    weights = np.linspace(1.0, 0.5, n_standards)
    standards = replace(standards, weights=weights, label_weights=weights[::-1])
    member = members_of(source, standards)[uses_labels]
    size = np.mean(np.sum((source.X - source.X.mean(axis=0)) ** 2, axis=1))
    D = standards.X_source - standards.X_target
    D = D - np.average(D, axis=0, weights=weights)
    scale = np.sqrt(size / np.average(np.sum(D**2, axis=1), weights=weights))
    variance, X = source.y.var(axis=0), source.X[:3] + 0.1
    for s, strength in enumerate(STRENGTHS * len(source.X)):
        of_source, of_target = written_out(source, standards, uses_labels, strength, size, scale)
        [predictor] = combine([member], [np.eye(len(STRENGTHS))[:, [s, s]]])
        np.testing.assert_allclose(predictor.predict(X), of_target(X), atol=1e-6)
        residuals, on_target, on_source = [], [], []
        for sample in source.ids:
            rest = source.ids != sample
            rows = replace(source, X=source.X[rest], y=source.y[rest], ids=source.ids[rest])
            others = standards[standards.ids != sample]
            of_source, of_target = written_out(rows, others, uses_labels, strength, size, scale)
            residuals.append(of_source(source.X[~rest]) - source.y[~rest])
        for sample in standards.ids:
            rest = source.ids != sample
            rows = replace(source, X=source.X[rest], y=source.y[rest], ids=source.ids[rest])
            others, own = standards[standards.ids != sample], standards[standards.ids == sample]
            of_source, of_target = written_out(rows, others, uses_labels, strength, size, scale)
            on_target.append(of_target(own.X_target)[0])
            on_source.append(of_source(own.X_source)[0])
        on_target, on_source = np.array(on_target), np.array(on_source)
        error = np.mean(np.square(residuals), axis=(0, 1)) / variance
        np.testing.assert_allclose(member.source_error[s], error, rtol=1e-5)
        np.testing.assert_allclose(member.held_out[s], on_target, atol=1e-6)
        disagreement = np.average((on_target - on_source) ** 2, axis=0, weights=weights) / variance
        np.testing.assert_allclose(member.disagreement[s], disagreement, rtol=1e-5)
        both = weights * weights[::-1]
        label = np.average((on_target - standards.y) ** 2, axis=0, weights=both) / variance
        np.testing.assert_allclose(member.label_error[s], label, rtol=1e-5)


def with_changed_standard(source, standards, at):
    """Return standards with another target spectrum and label of the one `at`."""
    X_target, y = standards.X_target.copy(), standards.y.copy()
    X_target[at] += 0.5 * np.arange(X_target.shape[1])
    y[at] = 100.0
    return replace(standards, X_target=X_target, y=y)


def test_a_standard_without_weight_has_no_influence():
    source, standards = rows_and_standards(8)
    standards = replace(standards, weights=np.where(np.arange(8) == 2, 0.0, 1.0))
    changed = with_changed_standard(source, standards, 2)
    X = source.X[:3]
    fits = (members_of(source, rows) for rows in (standards, changed))
    for members in zip(*fits, strict=True):
        ones = [np.ones_like(member.label_error) for member in members]
        before, after = (
            np.sum([each.predict(X) for each in combine([member], [weights])], axis=0)
            for member, weights in zip(members, ones, strict=True)
        )
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_standards", [1, 2, 5, 8])
def test_kinds_of_members_by_the_number_of_standards(n_standards):
    source, standards = rows_and_standards(n_standards)
    members = members_of(source, standards)
    n_labelled = 2 * (n_standards > 1) + (n_standards >= 6)
    assert [m.uses_labels for m in members].count(True) == n_labelled
    assert [m.uses_labels for m in members].count(False) == 2
    on_target = [m for m in members if np.isinf(m.source_error).all()]
    assert all(len(m.label_error) == len(TARGET_STRENGTHS) for m in on_target)
    assert len(on_target) == (n_standards >= 6)
    mapped = members_of(source, standards, is_mapped=True)
    assert not any(m.uses_labels for m in mapped) and len(mapped) == 2


def test_views_learnt_from_the_standards_are_judged_by_held_out_rows():
    source, standards = rows_and_standards(6)
    good = members_of(source, standards)
    worse = standards.X_target + np.random.default_rng(0).normal(size=standards.X_target.shape)
    judged = members_of(source, standards, held_out=worse)
    pairs = [
        (a.disagreement.min(), b.disagreement.min())
        for a, b in zip(judged, good, strict=True)
        if not a.uses_labels
    ]
    assert all(a > 2 * b for a, b in pairs)


def test_differences_between_two_sources_are_null_rows():
    source, standards = rows_and_standards(6)
    direction = np.eye(6)[0]
    first = standards.X_source
    between = first, first + 3.0 * direction, np.arange(6)
    plain, informed = (members_of(source, standards, between=pairs)[0] for pairs in (None, between))
    slopes = [
        np.abs(combine([m], [np.eye(len(STRENGTHS))[:, [0, 0]]])[0].coef[0]).max()
        for m in (plain, informed)
    ]
    assert slopes[1] < 0.2 * slopes[0]


def test_equal_spectra_on_both_instruments_have_no_differences():
    source, standards = rows_and_standards(6)
    equal = replace(standards, X_target=standards.X_source + 0.5)
    members = [each for each in members_of(source, equal) if not each.uses_labels]
    assert all((member.disagreement < 1e-12).all() for member in members)


def test_many_rows_are_represented_by_fewer_features(monkeypatch):
    source, standards = rows_and_standards(12, n_source=60)
    exact = members_of(source, standards)
    monkeypatch.setattr(_members, "MANY_ROWS", 50)
    monkeypatch.setattr(_members, "MAX_FEATURES_OF_MANY", 40)
    for few, member in zip(members_of(source, standards), exact, strict=True):
        assert few.coef.shape[1] <= 40
        assert np.isfinite(few.held_out).all()
        if member.coef.shape[1] == 6:  # linear kernels of six channels are still exact
            np.testing.assert_allclose(few.held_out, member.held_out, atol=1e-6)

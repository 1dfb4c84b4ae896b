"""CORALTransfer against matrix square roots, and with too few rows for a covariance."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skspektron.transfer import CORALTransfer
from tests import oracles

rng = np.random.default_rng(0)
X_SOURCE = rng.normal(size=(12, 4)) @ rng.normal(size=(4, 9)) + 1
X_TARGET = 1.5 * X_SOURCE[:, ::-1] + rng.normal(size=(12, 9))


def fit(X_source, X_target, n_transfer=0, **parameters):
    """Return a correlation alignment from A to B; samples are numbered from 0 on both."""
    ids = [*range(len(X_source)), *range(len(X_target))]
    model = CORALTransfer(Ridge(), source="A", target="B", n_transfer=n_transfer, **parameters)
    return model.fit(
        np.concatenate([X_source, X_target]),
        np.array(ids, dtype=float),
        instrument=["A"] * len(X_source) + ["B"] * len(X_target),
        sample_id=ids,
    )


@pytest.mark.parametrize("regularization", [1e-3, 1.0])
@pytest.mark.parametrize("n_target", [3, 7, 12])  # fewer rows than channels, and more
def test_equals_matrix_square_roots(regularization, n_target):
    model = fit(X_SOURCE, X_TARGET[:n_target], regularization=regularization)
    expected = oracles.coral(X_SOURCE, X_TARGET[:n_target], X_TARGET, regularization)
    np.testing.assert_allclose(model.transform(X_TARGET), expected, rtol=1e-8)
    np.testing.assert_allclose(model.predict(X_TARGET), model.estimator_.predict(expected))


def test_mapped_spectra_have_mean_and_covariance_of_the_source():
    source = np.random.default_rng(1).normal(size=(12, 9))  # of full rank
    mapped = fit(source, X_TARGET, regularization=1e-12).transform(X_TARGET)
    np.testing.assert_allclose(mapped.mean(axis=0), source.mean(axis=0))
    np.testing.assert_allclose(np.cov(mapped.T), np.cov(source.T), atol=1e-6)


def test_equal_covariances_correct_the_mean_only():
    offset = np.linspace(-1, 1, 9)
    model = fit(X_SOURCE, X_SOURCE[::-1] + offset, regularization=1e-3)
    np.testing.assert_allclose(model.transform(X_TARGET), X_TARGET - offset, rtol=1e-8)
    np.testing.assert_allclose(model.target_mean_ - model.source_mean_, offset, atol=1e-14)


def test_a_large_ridge_corrects_the_mean_only():
    shift = X_TARGET.mean(axis=0) - X_SOURCE.mean(axis=0)
    mapped = fit(X_SOURCE, X_TARGET, regularization=1e12).transform(X_TARGET)
    np.testing.assert_allclose(mapped, X_TARGET - shift, rtol=1e-8)
    small = fit(X_SOURCE, X_TARGET, regularization=1.0).transform(X_TARGET)
    assert np.abs(small - mapped).max() > 0.1


def test_a_single_row_corrects_the_mean_only():
    shift = X_TARGET[0] - X_SOURCE.mean(axis=0)
    mapped = fit(X_SOURCE, X_TARGET[:1]).transform(X_TARGET)
    np.testing.assert_allclose(mapped, X_TARGET - shift)
    mapped = fit(X_SOURCE, X_TARGET, n_transfer=1).transform(X_SOURCE)
    first = fit(X_SOURCE, X_TARGET, n_transfer=1).transfer_ids_[0]
    np.testing.assert_allclose(mapped, X_SOURCE - X_TARGET[first] + X_SOURCE[first])


def test_constant_source_and_constant_channel_give_finite_spectra():
    flat = X_SOURCE.copy()
    flat[:, 2] = 0.5
    mapped = fit(flat, X_TARGET).transform(X_TARGET)
    assert np.isfinite(mapped).all()
    constant = fit(np.ones((12, 9)), np.full((12, 9), 3.0))
    np.testing.assert_allclose(constant.transform(X_TARGET), X_TARGET - 2)


@pytest.mark.parametrize(("n_transfer", "expected"), [(0, 10 / 7), (5, 2.0)])
def test_default_ridge_is_larger_with_fewer_rows(n_transfer, expected):
    model = fit(X_SOURCE, X_TARGET[:7], n_transfer=n_transfer)
    assert model.regularization_ == pytest.approx(expected)
    explicit = fit(X_SOURCE, X_TARGET[:7], n_transfer=n_transfer, regularization=expected)
    np.testing.assert_allclose(model.transform(X_TARGET), explicit.transform(X_TARGET))


def test_standards_replace_all_rows():
    model = fit(X_SOURCE, X_TARGET, n_transfer=6, regularization=0.1)
    pairs = X_SOURCE[model.transfer_ids_], X_TARGET[model.transfer_ids_]
    expected = oracles.coral(*pairs, X_TARGET, 0.1)
    np.testing.assert_allclose(model.transform(X_TARGET), expected, rtol=1e-8)


def test_default_needs_neither_labels_nor_pairs(make_stack):
    X, y, instrument, _ = make_stack()
    unlabelled = np.where(instrument == "B", np.nan, y)
    model = CORALTransfer(Ridge(alpha=1e-3), source="A", target="B")
    predictions = model.fit(X, unlabelled, instrument=instrument).predict(X[30:])
    assert np.corrcoef(predictions, y[30:])[0, 1] > 0.99


@pytest.mark.parametrize("regularization", [0.0, -1.0, np.inf, np.nan, "cv"])
def test_refuses_invalid_regularization(regularization):
    with pytest.raises(
        ValueError, match="regularization must be a finite number above 0 or 'auto', got"
    ):
        fit(X_SOURCE, X_TARGET, regularization=regularization)

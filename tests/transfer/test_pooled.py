"""PooledTransfer: the estimator fitted on source rows and standards."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from skspektron.transfer import PooledTransfer
from skspektron.transfer._algorithms._pls import cross_validated_pls
from tests.transfer.methods import make
from tests.transfer.standards import sample_numbers


def test_is_the_estimator_fitted_on_source_and_standards(make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(PooledTransfer, 6, weight=1)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    rows = np.isin(sample_id, model.transfer_ids_) & (instrument == "B") | (instrument == "A")
    expected = Ridge(alpha=1e-3).fit(X[rows], y[rows]).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-8)


def test_source_rows_keep_the_source_calibration(make_stack):
    X, y, instrument, sample_id = make_stack()
    source = instrument == "A"
    model = make(PooledTransfer, 6).fit(X, y, instrument=instrument, sample_id=sample_id)
    expected = Ridge(alpha=1e-3).fit(X[source], y[source]).predict(X[source])
    np.testing.assert_allclose(model.predict(X[source], instrument=["A"] * 30), expected, atol=1e-8)


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(alpha=1.0)])
@pytest.mark.parametrize("weight", [1, 4])
def test_a_weight_is_a_sample_weight(estimator, weight, make_stack):
    X, y, instrument, sample_id = make_stack()
    X = X[:, ::4]  # fewer channels than rows, so that weights matter to least squares
    model = PooledTransfer(estimator, source="A", target="B", n_transfer=6, weight=weight)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    standards = np.isin(sample_id, model.transfer_ids_) & (instrument == "B")
    rows = standards | (instrument == "A")
    sample_weight = np.where(standards, weight, 1)[rows]
    expected = estimator.fit(X[rows], y[rows], sample_weight=sample_weight).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-8)


@pytest.mark.parametrize(("n_transfer", "weight"), [(30, 1), (7, 2), (3, 3), (1, 5)])
def test_the_automatic_weight_is_the_square_root_of_the_ratio(n_transfer, weight, make_stack):
    X, y, instrument, sample_id = make_stack()  # 30 source rows
    automatic, given = (
        make(PooledTransfer, n_transfer, **parameters)
        .fit(X, y, instrument=instrument, sample_id=sample_id)
        .predict(X)
        for parameters in ({}, {"weight": weight})
    )
    np.testing.assert_array_equal(automatic, given)


def test_a_larger_weight_fits_the_standards_better(make_stack):
    X, y, instrument, sample_id = make_stack()
    bias = y + np.where(instrument == "B", 1.0, 0.0)  # no calibration fits both
    errors = []
    for weight in (1, 10, 100):
        model = PooledTransfer(Ridge(alpha=50.0), source="A", target="B", weight=weight)
        model.fit(X, bias, instrument=instrument, sample_id=sample_id)
        standards = np.isin(sample_id, model.transfer_ids_) & (instrument == "B")
        errors.append(np.abs(model.predict(X[standards]) - bias[standards]).mean())
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


def test_repeated_standards_stay_in_one_fold(make_stack):
    X, y, instrument, sample_id = make_stack()
    rng = np.random.default_rng(5)
    X, y = X + 0.1 * rng.normal(size=X.shape), y + rng.normal(size=y.shape)
    numbers = sample_numbers((X, y, instrument, sample_id))
    model = PooledTransfer(source="A", target="B", n_transfer=8, weight=3)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    standards = [
        np.flatnonzero((instrument == "B") & (sample_id == i))[0] for i in model.transfer_ids_
    ]
    rows = np.concatenate([np.arange(30), np.repeat(standards, 3)])
    expected = cross_validated_pls(X[rows], y[rows], numbers[rows])
    row_folds = cross_validated_pls(X[rows], y[rows], np.arange(len(rows)))
    assert model.target_estimator_.n_components == expected.n_components < row_folds.n_components
    np.testing.assert_allclose(model.predict(X), expected.predict(X), atol=1e-8)


@pytest.mark.parametrize("weight", [0, -1, 1.5, None])
def test_refuses_invalid_weights(weight, make_stack):
    X, y, *_ = make_stack()
    with pytest.raises(ValueError, match=f"1 or 'auto', got {weight!r}"):
        make(PooledTransfer, 0, weight=weight).fit(X, y)

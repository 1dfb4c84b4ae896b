"""PFCETransfer: what it fits on which standards, and how far the coefficients may turn."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import PFCETransfer
from skspektron.transfer._algorithms._pfce import fit_near


def fit(stack, n_transfer=10, estimator=None, **parameters):
    """Return the transfer from A to B around a ridge regression."""
    X, y, instrument, sample_id = stack
    model = PFCETransfer(estimator or Ridge(1e-3), source="A", target="B", n_transfer=n_transfer)
    model.set_params(**parameters)
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


def test_identical_instruments_keep_the_coefficients(make_stack):
    X, y, instrument, sample_id = make_stack()
    same = [np.concatenate([part[:30]] * 2) for part in (X, y, sample_id)]
    model = fit((same[0], same[1], instrument, same[2]))
    np.testing.assert_allclose(model.coef_, model.estimator_.coef_, rtol=1e-6)
    assert model.intercept_ == pytest.approx(model.estimator_.intercept_)


@pytest.mark.parametrize("uses", ["spectra", "labels", "both"])
def test_coefficients_are_fitted_to_what_uses_names(uses, make_stack):
    X, y, instrument, sample_id = make_stack()
    y = np.where(instrument == "B", y + 0.1 * np.sin(9 * y), y)
    model = fit((X, y, instrument, sample_id), uses=uses, min_correlation=0.95)
    source, target = (
        [np.flatnonzero((instrument == name) & (sample_id == i))[0] for i in model.transfer_ids_]
        for name in "AB"
    )
    predictions = model.estimator_.predict(X[source])
    c = {"spectra": predictions, "labels": y[target], "both": (predictions + y[target]) / 2}[uses]
    A = X[target] - X[target].mean(axis=0)
    expected = fit_near(A, c - c.mean(), model.estimator_.coef_, 0.95)
    np.testing.assert_allclose(model.coef_, expected)
    np.testing.assert_allclose(
        model.predict(X), (X - X[target].mean(axis=0)) @ expected + c.mean(), rtol=1e-8
    )


def test_standards_need_what_uses_names(make_stack):
    X, y, instrument, sample_id = make_stack()
    unlabelled = np.where(instrument == "B", np.nan, y)
    assert np.isfinite(fit((X, unlabelled, instrument, sample_id), uses="spectra").coef_).all()
    for uses in ("labels", "both"):
        with pytest.raises(ValueError, match="labelled, and the training rows have 0"):
            fit((X, unlabelled, instrument, sample_id), uses=uses)
    unpaired = np.arange(60)
    assert np.isfinite(fit((X, y, instrument, unpaired), uses="labels").coef_).all()
    for uses in ("spectra", "both"):
        with pytest.raises(ValueError, match="paired with the source by sample_id"):
            fit((X, y, instrument, unpaired), uses=uses)


def test_min_correlation_matters(make_stack):
    coefs = [fit(make_stack(), min_correlation=bound).coef_ for bound in (0.98, 1.0)]
    assert np.abs(coefs[0] - coefs[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("n_samples", "n_transfer", "expected"),
    [(30, 5, 0.99969), (30, 10, 0.99875), (30, 20, 0.99500), (60, 40, 0.98007), (60, 60, 0.98007)],
)
def test_auto_loosens_the_bound_with_more_standards(n_samples, n_transfer, expected, make_stack):
    stack = make_stack(n_samples)
    model = fit(stack, n_transfer)
    assert model.min_correlation_ == pytest.approx(expected, abs=1e-5)
    explicit = fit(stack, n_transfer, min_correlation=model.min_correlation_)
    np.testing.assert_array_equal(model.coef_, explicit.coef_)


def test_one_standard_moves_the_intercept(make_stack):
    X, _, instrument, sample_id = stack = make_stack()
    model = fit(stack, 1)
    np.testing.assert_allclose(model.coef_, model.estimator_.coef_, rtol=1e-10)
    row = np.flatnonzero((instrument == "B") & (sample_id == model.transfer_ids_[0]))
    source = np.flatnonzero((instrument == "A") & (sample_id == model.transfer_ids_[0]))
    np.testing.assert_allclose(model.predict(X[row]), model.estimator_.predict(X[source]))


def test_several_targets_are_fitted_one_by_one(make_stack):
    X, y, instrument, sample_id = make_stack(n_targets=2)
    both = fit((X, y, instrument, sample_id))
    assert both.coef_.shape == (24, 2) and both.intercept_.shape == (2,)
    for j in range(2):
        one = fit((X, y[:, j], instrument, sample_id))
        np.testing.assert_allclose(both.predict(X)[:, j], one.predict(X), rtol=1e-6)


def test_fits_after_the_preprocessing_of_a_pipeline(make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    model = fit(stack, None, estimator=make_pipeline(StandardScaler(), Ridge(1e-3)))
    scaled = model.estimator_[:-1].transform(X)
    reference = fit((scaled, y, instrument, sample_id), None)
    np.testing.assert_allclose(model.predict(X), reference.predict(scaled), rtol=1e-8)
    assert model.score(X[instrument == "B"], y[instrument == "B"]) > 0.99


def test_accepts_a_frozen_calibration(make_stack):
    X, y, *_ = stack = make_stack()
    fitted = clone(Ridge(1e-3)).fit(X[:30], y[:30])
    ids = np.unique(stack[3])
    model = fit(stack, estimator=FrozenEstimator(fitted), trained_on=ids)
    np.testing.assert_allclose(model.predict(X), fit(stack).predict(X), rtol=1e-8)


def test_a_constant_calibration_stays_constant(make_stack):
    X, y, *_ = stack = make_stack()
    np.testing.assert_allclose(fit(stack, estimator=DummyRegressor()).predict(X), y[:30].mean())


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"uses": "pairs"}, "uses must be 'spectra', 'labels' or 'both', got 'pairs'"),
        ({"min_correlation": 0.0}, "above 0 and at most 1 or 'auto', got 0.0"),
        ({"min_correlation": 1.1}, "above 0 and at most 1 or 'auto', got 1.1"),
        ({"min_correlation": "cv"}, "above 0 and at most 1 or 'auto', got 'cv'"),
        ({"estimator": KNeighborsRegressor()}, "KNeighborsRegressor, which has no coef_"),
    ],
)
def test_refusals(parameters, match, make_stack):
    with pytest.raises(ValueError, match=match):
        fit(make_stack(), **parameters)

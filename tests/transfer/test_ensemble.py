"""EnsembleTransfer: its views, and when labels of the target matter."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_regression
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.transfer import EnsembleTransfer, NARTransfer, TargetOnly
from tests.transfer.methods import fit


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
@parametrize_with_checks([EnsembleTransfer()])
def test_sklearn_contract(estimator, check):
    check(estimator)


def make(n_transfer=10, estimator=None, **parameters):
    return EnsembleTransfer(estimator, source="A", target="B", n_transfer=n_transfer, **parameters)


@pytest.mark.parametrize("n_transfer", [0, 1, 2, 3, 5, 12, None])
def test_accepts_any_number_of_standards(n_transfer, make_stack):
    X, y, instrument, _ = stack = make_stack()
    model = fit(make(n_transfer), stack)
    target = instrument == "B"
    score = r2_score(y[target], model.predict(X[target]))
    if n_transfer == 0:
        np.testing.assert_array_equal(model.predict(X), model.estimator_.predict(X).ravel())
        assert not hasattr(model, "view_weights_")
    else:
        assert sum(model.view_weights_.values()) == pytest.approx(1.0)
        assert score > {1: 0.5, 2: 0.9}.get(n_transfer, 0.99)


def test_is_as_good_as_nar_on_data_that_suit_nar(make_stack):
    X, y, instrument, sample_id = make_stack(random_state=1)
    y = y + 0.2 * np.random.default_rng(0).normal(size=len(y))
    held_out = np.isin(sample_id, np.unique(sample_id)[::3])
    train, test = (
        [part[~held_out] for part in (X, y, instrument, sample_id)],
        held_out & (instrument == "B"),
    )
    ensemble, nar = (
        np.mean((fit(model, train).predict(X[test]) - y[test]) ** 2)
        for model in (make(8), NARTransfer(source="A", target="B", n_transfer=8))
    )
    assert ensemble < 1.2 * nar


@pytest.mark.parametrize("n_transfer", [1, 2, 5, 12])
def test_removes_a_constant_offset(n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    order = np.argsort(sample_id[30:])
    X_a = X[:30]
    identical = (np.concatenate([X_a, X_a]), y[[*range(30), *(30 + order)]], instrument)
    ids = np.concatenate([sample_id[:30], sample_id[30:][order]])
    moved = (np.concatenate([X_a, X_a + 0.7]), *identical[1:])
    reference, offset = (fit(make(n_transfer), (*stack, ids)) for stack in (identical, moved))
    np.testing.assert_allclose(offset.predict(X_a + 0.7), reference.predict(X_a), atol=1e-4)
    assert r2_score(y[:30], offset.predict(X_a + 0.7)) > 0.99


@pytest.mark.parametrize("size", [1e-13, 1e-9, 1e-6])
def test_tiny_differences_between_the_instruments_have_no_effect(size, make_stack):
    X, y, instrument, sample_id = make_stack()
    order = np.argsort(sample_id[30:])
    X_a, noise = X[:30], np.random.default_rng(0).normal(size=(30, X.shape[1]))
    y = y[[*range(30), *(30 + order)]]
    ids = np.concatenate([sample_id[:30], sample_id[30:][order]])
    equal, differing = (
        fit(make(8), (np.concatenate([X_a, X_b]), y, instrument, ids))
        for X_b in (X_a, X_a + size * noise)
    )
    np.testing.assert_allclose(differing.predict(X_a), equal.predict(X_a), atol=0.02)


def test_an_unlabelled_standard_gets_the_label_of_its_source_rows(make_stack):
    X, y, instrument, sample_id = make_stack(n_targets=2)
    reference = fit(make(8), (X, y, instrument, sample_id))
    chosen = reference.transfer_ids_
    incomplete = y.copy()
    incomplete[(instrument == "B") & np.isin(sample_id, chosen[:4])] = np.nan
    incomplete[(instrument == "B") & np.isin(sample_id, chosen[4:6]), 1] = np.nan
    model = fit(make(8), (X, incomplete, instrument, sample_id))
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))
    shifted = np.where((instrument == "B")[:, None], y + 1.0, y)
    other = fit(make(12), (X, shifted, instrument, sample_id))
    assert (
        np.abs(other.predict(X) - fit(make(12), (X, y, instrument, sample_id)).predict(X)).max()
        > 0.1
    )


@pytest.mark.parametrize("n_transfer", [3, 12])
def test_several_targets_are_fitted_one_by_one(n_transfer, make_stack):
    X, y, *rest = make_stack(n_targets=2)
    y = y + 0.1 * np.random.default_rng(0).normal(size=y.shape)
    both = fit(make(n_transfer), (X, y, *rest))
    alone = [fit(make(n_transfer), (X, column, *rest)) for column in y.T]
    expected = np.stack([model.predict(X) for model in alone], axis=1)
    np.testing.assert_allclose(both.predict(X), expected, atol=1e-6)
    for name, weight in both.view_weights_.items():
        assert weight == pytest.approx(np.mean([m.view_weights_[name] for m in alone]), abs=1e-6)


def test_units_of_y_do_not_matter(make_stack):
    X, y, *rest = make_stack()
    y = y + 0.1 * np.random.default_rng(0).normal(size=y.shape)
    model, other = fit(make(12), (X, y, *rest)), fit(make(12), (X, 1e3 * y - 50.0, *rest))
    np.testing.assert_allclose(other.predict(X), 1e3 * model.predict(X) - 50.0, rtol=1e-5)


@pytest.fixture
def sharp_target():
    """Return rows of a target that resolves `y` better than the source."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(90, 4))
    channel = np.linspace(0, 4, 40)
    bands = np.exp(-((channel - np.array([[0.5], [1.5], [2.5], [3.5]])) ** 2) / 0.1)
    bands[3] *= 0.1  # the band that is predicted
    clean = scores @ bands
    X_a = clean + 0.3 * rng.normal(size=clean.shape)
    X_b = 1.1 * clean + 0.2 + 1e-3 * rng.normal(size=clean.shape)
    ids = np.array([f"s{i:02d}" for i in range(90)])
    train = (
        np.concatenate([X_a[:50], X_b[:50]]),
        np.tile(scores[:50, 3], 2),
        np.repeat(["A", "B"], 50),
        np.tile(ids[:50], 2),
    )
    return train, X_b[50:], scores[50:, 3]


def test_target_labels_take_over_if_the_target_resolves_more(sharp_target):
    train, X, y = sharp_target
    ensemble, own, nar = (
        r2_score(y, fit(method(source="A", target="B", n_transfer=20), train).predict(X))
        for method in (EnsembleTransfer, TargetOnly, NARTransfer)
    )
    assert own > 0.98 and nar < 0.6
    assert ensemble > own - 0.02


def test_noisy_target_labels_do_not_take_over(make_stack):
    X, y, instrument, sample_id = make_stack()
    target = instrument == "B"
    noise = np.random.default_rng(0).normal(size=len(y))
    stack = X, np.where(target, y + 0.5 * noise, y), instrument, sample_id
    ensemble, own = (
        r2_score(
            y[target], fit(method(source="A", target="B", n_transfer=12), stack).predict(X)[target]
        )
        for method in (EnsembleTransfer, TargetOnly)
    )
    assert ensemble > 0.95 > own


@pytest.mark.parametrize(("n_channels", "n_views"), [(1, 2), (4, 2), (5, 6), (6, 6), (12, 6)])
def test_few_channels(n_channels, n_views, make_stack):
    X, y, instrument, sample_id = make_stack()
    every = X[:, :: 24 // n_channels][:, :n_channels]
    model = fit(make(12), (every, y, instrument, sample_id))
    assert len(model.view_weights_) == n_views
    predictions = model.predict(every)
    assert np.isfinite(predictions).all()
    if n_channels >= 4:
        assert r2_score(y[30:], predictions[30:]) > 0.9


def test_the_axis_is_read_from_parameters_or_column_names(stack):
    X, *rest = stack
    axis = np.linspace(1100, 2498, X.shape[1])
    plain = fit(make(5), stack)
    given = fit(make(5, wavelength=axis), stack)
    in_wavenumbers = fit(make(5, wavenumber=1e7 / axis), stack)
    named = fit(make(5), (pd.DataFrame(X, columns=[f"{w} nm" for w in axis]), *rest))
    assert len(plain.view_weights_) == 6 < len(given.view_weights_)
    assert list(given.view_weights_) == list(named.view_weights_)
    expected = given.predict(X)
    np.testing.assert_allclose(in_wavenumbers.predict(X), expected, rtol=1e-9)
    frame = pd.DataFrame(X, columns=named.feature_names_in_)
    np.testing.assert_allclose(named.predict(frame), expected, rtol=1e-5)


def test_refuses_missing_channels(make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    gaps = X.copy()
    gaps[40, 3] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        fit(make(), (gaps, y, instrument, sample_id))
    with pytest.raises(ValueError, match="contains NaN"):
        fit(make(), stack).predict(gaps)


def test_the_steps_before_the_last_are_a_view(make_stack):
    X, y, *_ = stack = make_stack()
    pipeline = make_pipeline(PCA(3, random_state=0), Ridge(1e-3))
    model = fit(make(8, pipeline), stack)
    assert list(model.view_weights_)[-1] == "estimator"
    assert 0 < model.view_weights_["estimator"] < 1
    assert "estimator" not in fit(make(8, make_pipeline(Ridge())), stack).view_weights_
    assert r2_score(y[30:], model.predict(X[30:])) > 0.99
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("as_frame", [False, True])
def test_steps_get_the_columns_that_they_were_fitted_with(as_frame, make_stack):
    X, *rest = make_stack()
    if as_frame:
        X = pd.DataFrame(X, columns=[f"{1100 + 2 * j} nm" for j in range(24)])
    scaler = StandardScaler().set_output(transform="pandas" if as_frame else None)
    model = fit(make(8, make_pipeline(scaler, Ridge(1e-3))), (X, *rest))
    assert np.isfinite(model.predict(X)).all()
    assert model.view_weights_["estimator"] > 0


SELECTION = SelectKBest(f_regression, k=8)


class OrthogonalCorrection(TransformerMixin, BaseEstimator):
    """Remove the direction of the covariance with `y`, without checking that `y` is given."""

    def fit(self, X, y):
        direction = X.T @ (y - y.mean())
        self.direction_ = direction / np.linalg.norm(direction)
        return self

    def transform(self, X):
        return X - np.outer(X @ self.direction_, self.direction_)


@pytest.mark.parametrize("scale", [1.0, 1e-9])
@pytest.mark.parametrize(
    "calibration",
    [
        make_pipeline(SELECTION, Ridge(1e-3)),
        make_pipeline(make_pipeline(SELECTION), Ridge(1e-3)),
        make_pipeline(StandardScaler(), make_pipeline(SELECTION, Ridge(1e-3))),
        make_pipeline(make_union(PCA(2), SELECTION), Ridge(1e-3)),
        make_pipeline(SelectFromModel(LinearRegression(), threshold="median"), Ridge(1e-3)),
        make_pipeline(OrthogonalCorrection(), Ridge(1e-3)),
    ],
    ids=["flat", "nested", "nested at the end", "union", "model", "unchecked"],
)
def test_supervised_steps_are_not_a_view(calibration, scale, make_stack):
    X, *rest = make_stack()
    assert "estimator" not in fit(make(8, calibration), (scale * X, *rest)).view_weights_


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
@pytest.mark.parametrize("n_transfer", [1, 2, 12])
def test_constant_spectra_predict_the_mean(n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    flat = np.where((instrument == "B")[:, None], 2.0, np.ones_like(X))
    predictions = fit(make(n_transfer), (flat, y, instrument, sample_id)).predict(flat[30:])
    assert np.abs(predictions - y[:30].mean()).max() < 0.2 * y.std(ddof=1)


def test_accepts_constant_channels(make_stack):
    X, y, instrument, sample_id = make_stack()
    wide = np.concatenate([np.full((60, 6), 3.0), X, np.zeros((60, 6))], axis=1)
    model = fit(make(8), (wide, y, instrument, sample_id))
    assert r2_score(y[30:], model.predict(wide)[30:]) > 0.99


@pytest.mark.filterwarnings("ignore:.*do not vary with y", "ignore:y residual is constant")
@pytest.mark.parametrize("n_transfer", [1, 5, 12])
def test_a_constant_target_is_predicted_exactly(n_transfer, make_stack):
    X, y, *rest = make_stack()
    constant = np.full_like(y, 4.0)
    np.testing.assert_allclose(
        fit(make(n_transfer), (X, constant, *rest)).predict(X), 4.0, atol=1e-8
    )
    both = np.stack([y, constant], axis=1)
    predictions = fit(make(n_transfer), (X, both, *rest)).predict(X)
    np.testing.assert_allclose(predictions[:, 1], 4.0, atol=1e-8)
    np.testing.assert_allclose(
        predictions[:, 0], fit(make(n_transfer), (X, y, *rest)).predict(X), atol=1e-6
    )


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
def test_a_source_of_one_sample_predicts_its_label(make_stack):
    X, y, instrument, sample_id = make_stack()
    rows = (sample_id == "s07") | (instrument == "B")
    stack = [part[rows] for part in (X, y, instrument, sample_id)]
    model = fit(make(1), stack)
    np.testing.assert_allclose(model.predict(X), y[7], atol=1e-8)
    assert sum(model.view_weights_.values()) == pytest.approx(1.0)


def test_a_view_that_is_flat_in_training_is_not_fitted(make_stack):
    X, y, instrument, sample_id = make_stack()
    flat = np.concatenate([X, np.full((60, 6), 0.1)], axis=1)  # a mean of 0.1 is not quite 0.1
    band = FunctionTransformer(partial(np.take, indices=range(24, 30), axis=1))
    model = EnsembleTransfer(make_pipeline(band, Ridge()), source="A", target="B", n_transfer=8)
    fit(model, (flat, y, instrument, sample_id))
    below = flat[30:] - np.where(np.arange(30) < 24, 0.0, 1e-9)
    np.testing.assert_allclose(model.predict(below), model.predict(flat[30:]), atol=1e-6)

"""KernelEnsembleRegressor: literal fits, held-out samples, units, views of the user, limits."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.calibration import KernelEnsembleRegressor, _kernel_ensemble, _kernels
from skspektron.preprocessing import SNV

FEW = KernelEnsembleRegressor(views=[FunctionTransformer(), SNV()])


@parametrize_with_checks([KernelEnsembleRegressor(views=[SNV()], kernels=["linear", "rbf"])])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    """Return spectra (24, 30) of two absorbing substances and a baseline, and two targets."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 30)
    bands = np.exp(-(((t - [[0.3], [0.6]]) / 0.1) ** 2))
    y = rng.uniform(1, 2, size=(24, 2))
    X = y @ bands + rng.normal(size=(24, 1)) * t + 0.01 * rng.normal(size=(24, 30))
    return X, y + 0.02 * rng.normal(size=y.shape)


def gram(name, Z, first, second):
    """Return a kernel matrix between two blocks of rows, before centring."""
    scale = Z.std(axis=0) if name in ("autoscaled", "rbf") else 1.0
    Z, first, second = Z / scale, first / scale, second / scale
    if name in ("linear", "autoscaled"):
        return first @ second.T
    D = np.sqrt((cdist(Z, Z) ** 2).sum() / (len(Z) * (len(Z) - 1)))
    if name == "rbf":
        return np.exp(-(cdist(first, second) ** 2) / (2 * D**2))
    r = np.sqrt(3) * cdist(first, second) / (3 * D)
    return (1 + r) * np.exp(-r)


def literal_regressions(view, name, X, y, samples, new):
    """Return held-out predictions (10, n) and predictions for new rows, each by a separate fit."""
    Z, Z_new = view.fit(X).transform(X), view.transform(new)
    K, K_new = gram(name, Z, Z, Z), gram(name, Z, Z_new, Z)
    centred = K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()
    size, n = np.mean(np.diag(centred)), len(X)

    def predict(train, K_other):
        """Fit with a free intercept, written as equations for dual coefficients."""
        equations = np.ones((len(train) + 1, len(train) + 1))
        equations[-1, -1] = 0
        equations[:-1, :-1] = K[np.ix_(train, train)] / size + n * strength * np.eye(len(train))
        *dual, intercept = np.linalg.solve(equations, [*y[train], 0])
        return K_other[:, train] @ dual / size + intercept

    held_out, predicted = np.empty((10, n)), np.empty((10, len(new)))
    for j in range(10):
        strength = 10 ** (0.75 * j - 7)
        predicted[j] = predict(np.arange(n), K_new)
        for sample in np.unique(samples):
            out = samples == sample
            held_out[j, out] = predict(np.flatnonzero(~out), K[out])
    return held_out, predicted


def test_prediction_equals_separate_fits_without_each_sample(data):
    X, y = data
    X, y, new = X[:12], y[:12, 0], X[12:15]
    samples = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 7])
    blocks = [
        literal_regressions(view, name, X, y, samples, new)
        for view in (FunctionTransformer(), SNV())
        for name in ("linear", "autoscaled", "rbf", "matern")
    ]
    held_out, predicted = (np.concatenate(part) for part in zip(*blocks, strict=True))

    def weights_without(sample, n_samples):
        used = samples != sample
        powers = ((held_out - y)[:, used] ** 2).mean(axis=1) ** (-0.4 * np.sqrt(n_samples))
        return powers / powers.sum()

    weights = weights_without(None, 8)
    model = clone(FEW).fit(X, y, sample_id=samples)
    np.testing.assert_allclose(model.predict(new), weights @ predicted, rtol=1e-6)
    left_out = [weights_without(samples[i], 7) @ held_out[:, i] for i in range(12)]
    np.testing.assert_allclose(model.left_out_, left_out, rtol=1e-6)
    shares = weights.reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(list(model.view_weights_.values()), shares, rtol=1e-5)


def test_names_and_order_of_samples_have_no_effect(data):
    X, y = data
    samples = np.arange(24) // 2
    model = clone(FEW).fit(X, y, sample_id=samples)
    order = np.random.default_rng(1).permutation(24)
    other = clone(FEW).fit(
        X[order], y[order], sample_id=np.array(list("lkjihgfedcba"))[samples[order]]
    )
    np.testing.assert_allclose(other.predict(X), model.predict(X), rtol=1e-9)
    np.testing.assert_allclose(other.left_out_, model.left_out_[order], rtol=1e-9)


def test_targets_are_predicted_one_by_one(data):
    X, y = data
    both = clone(FEW).fit(X, y)
    for j in range(2):
        single = clone(FEW).fit(X, y[:, j])
        mean, std = single.predict(X, return_std=True)
        np.testing.assert_allclose(both.predict(X)[:, j], mean, rtol=1e-9)
        np.testing.assert_allclose(both.predict(X, return_std=True)[1][:, j], std, rtol=1e-6)
        np.testing.assert_allclose(both.left_out_[:, j], single.left_out_, rtol=1e-9)


@pytest.mark.parametrize(("unit", "offset"), [(1e-160, 0.0), (1e150, 0.0), (1e-6, 1.0), (1.0, 1e9)])
def test_unit_and_offset_of_y_have_no_effect(data, unit, offset):
    X, y = data
    mean, std = clone(FEW).fit(X, y).predict(X, return_std=True)
    moved, moved_std = clone(FEW).fit(X, unit * y + offset).predict(X, return_std=True)
    atol = 1e-5 if offset else 1e-9
    np.testing.assert_allclose((moved - offset) / unit, mean, rtol=atol)
    np.testing.assert_allclose(moved_std / unit, std, rtol=max(atol, 1e-6))


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_unit_of_the_spectra_has_no_effect(data, unit):
    X, y = data
    expected = KernelEnsembleRegressor().fit(X, y).predict(X)
    actual = KernelEnsembleRegressor().fit(unit * X, y).predict(unit * X)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_constant_targets_channels_and_spectra(data):
    X, y = data
    model = clone(FEW).fit(X, np.full(24, 0.1))
    mean, std = model.predict(X, return_std=True)
    assert (mean == 0.1).all()
    assert (std == 0).all()
    padded = np.concatenate([X, np.full((24, 9), 3.0)], axis=1)
    views = {"views": [FunctionTransformer()]}
    padded_model = clone(FEW).set_params(**views).fit(padded, y)
    expected = clone(FEW).set_params(**views).fit(X, y).predict(X)
    np.testing.assert_allclose(padded_model.predict(padded), expected, rtol=1e-7)
    flat = KernelEnsembleRegressor().fit(np.full((24, 30), 0.3), y)
    np.testing.assert_allclose(flat.predict(X), np.tile(y.mean(axis=0), (24, 1)))


@pytest.mark.parametrize("n_samples", [2, 3, 5])
def test_few_samples_give_finite_predictions(data, n_samples):
    X, y = data
    model = KernelEnsembleRegressor().fit(X[:n_samples], y[:n_samples])
    for values in model.predict(X, return_std=True):
        assert np.isfinite(values).all()
    assert np.isfinite(model.left_out_).all()


def test_standard_deviation_covers_new_samples():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 5)) @ rng.normal(size=(5, 20))
    y = X[:, 0] + 0.5 * rng.normal(size=240)
    mean, std = clone(FEW).fit(X[:40], y[:40]).predict(X[40:], return_std=True)
    assert 0.9 <= np.mean(np.abs(y[40:] - mean) < 1.96 * std) <= 0.99
    far = clone(FEW).fit(X[:40], y[:40]).predict(10 * X[40:], return_std=True)[1]
    assert far.mean() > 2 * std.mean()


def test_many_rows_are_approximated_by_landmarks(data, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)) @ rng.normal(size=(3, 40))
    y = np.sin(X[:, 0]) + 0.01 * rng.normal(size=120)
    exact = clone(FEW).fit(X, y).predict(X)
    monkeypatch.setattr(_kernels, "MAX_LANDMARKS", 60)
    model = clone(FEW).fit(X, y)
    assert np.std(model.predict(X) - exact) < 0.2 * y.std()
    order = rng.permutation(120)
    np.testing.assert_allclose(clone(FEW).fit(X[order], y[order]).predict(X), model.predict(X))


def test_views_of_the_user_join_the_automatic_ones(data):
    X, y = data
    views = ["auto", ("scores", PCA(3)), SNV(), SNV()]
    weights = KernelEnsembleRegressor(views=views).fit(X, y).view_weights_
    assert len(weights) == 11
    assert list(weights)[-3:] == ["scores", "snv", "snv-2"]
    assert sum(weights.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "view",
    [PLSRegression(2), SelectKBest(f_regression, k=5), make_pipeline(SNV(), PLSRegression(2))],
)
def test_views_that_use_y_are_refused(data, view):
    with pytest.raises(ValueError, match=r"(?s)The view '.+' could not .+ do not use it\."):
        KernelEnsembleRegressor(views=[view]).fit(*data)


class Broken(TransformerMixin, BaseEstimator):
    """A view with NaN."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.full_like(X, np.nan)


def test_bad_data_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="output of the view 'broken'"):
        KernelEnsembleRegressor(views=[Broken()]).fit(X, y)
    for place in (X, y):
        before, place[3, 0] = place[3, 0], np.nan
        with pytest.raises(ValueError, match="NaN"):
            clone(FEW).fit(X, y)
        place[3, 0] = before
    with pytest.raises(ValueError, match="All 24 rows belong to one sample"):
        clone(FEW).fit(X, y, sample_id=np.zeros(24))
    for name in ("views", "kernels"):
        with pytest.raises(ValueError, match=rf"{name} must be .+, got \[\]\. Pass 'auto'"):
            KernelEnsembleRegressor(**{name: []}).fit(X, y)


def test_columns_of_a_data_frame_may_be_in_any_order(data):
    X, y = data
    frame = pd.DataFrame(X, columns=[f"{1100 + 2 * k}.0" for k in range(30)])
    model = KernelEnsembleRegressor(views=["auto", SNV()]).fit(frame, y)
    expected = KernelEnsembleRegressor(views=["auto", SNV()]).fit(X, y).predict(X)
    np.testing.assert_allclose(model.predict(frame), expected, rtol=1e-9)
    np.testing.assert_allclose(model.predict(frame.iloc[:, ::-1]), expected, rtol=1e-9)


def test_sample_id_is_routed_through_pipeline_and_cross_validation(data):
    X, y = data
    samples = np.arange(24) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            make_pipeline(SNV(), clone(FEW)),
            X,
            y,
            cv=GroupKFold(3),
            params={"sample_id": samples, "groups": samples},
            return_estimator=True,
        )
    train = np.flatnonzero(~np.isin(np.arange(24), next(GroupKFold(3).split(X, y, samples))[1]))
    alone = clone(FEW).fit(SNV().fit_transform(X[train]), y[train], sample_id=samples[train])
    np.testing.assert_allclose(result["estimator"][0][-1].left_out_, alone.left_out_)


def test_names_of_views_are_unique(data):
    X, y = data
    views = [("SNV", SNV()), "auto", ("SNV", PCA(2)), ("a-b", PCA(1)), ("a-b", SNV())]
    model = KernelEnsembleRegressor(views=views, kernels="linear").fit(X, y)
    names = list(model.view_weights_)
    assert len(names) == 12
    assert [names[0], names[2], *names[-3:]] == ["SNV", "SNV-2", "SNV-3", "a-b", "a-b-2"]


def test_rows_are_predicted_in_blocks(data, monkeypatch):
    X, y = data
    model = clone(FEW).fit(X, y)
    whole = model.predict(X, return_std=True)
    monkeypatch.setattr(_kernel_ensemble, "BLOCK", 7)
    for part, expected in zip(model.predict(X, return_std=True), whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-9)


def test_pickle_gives_equal_predictions(data):
    X, y = data
    model = KernelEnsembleRegressor().fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))

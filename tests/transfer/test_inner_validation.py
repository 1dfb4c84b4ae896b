"""Inner validation errors: those of reference values that are noise are not below their variance.

The steps before the last of a calibration may be fitted to `y`. If rows that a fold holds out were
among the rows that such a step was fitted on, the error of the fold would be too small.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspektron._pipelines import last_step
from skspektron.preprocessing import SNV
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import (
    DIPLSTransfer,
    EnsembleTransfer,
    EPOTransfer,
    LoRATransfer,
    NARTransfer,
    PooledTransfer,
    TargetOnly,
)
from skspektron.transfer._algorithms import _pls
from skspektron.transfer._averaging import _ensemble
from skspektron.transfer._core import _tuning
from skspektron.transfer._core._fronts import is_supervised
from tests.transfer.methods import fit

SELECTION = SelectKBest(f_regression, k=3)


class Filter(TransformerMixin, BaseEstimator):
    """Keep, or remove, the covariance of the spectra with `y`, without checking `y` is given."""

    def __init__(self, remove=False):
        self.remove = remove

    def fit(self, X, y):
        direction = (X - X.mean(axis=0)).T @ (y - y.mean())
        self.mean_, self.direction_ = X.mean(axis=0), direction / np.linalg.norm(direction)
        return self

    def transform(self, X):
        along = np.outer((X - self.mean_) @ self.direction_, self.direction_)
        return X - along if self.remove else self.mean_ + along + 1e-3 * (X - self.mean_)


FRONTS = {
    "selection": lambda last: make_pipeline(SELECTION, last),
    "nested": lambda last: make_pipeline(make_pipeline(StandardScaler(), SELECTION), last),
    "nested last": lambda last: make_pipeline(StandardScaler(), make_pipeline(SELECTION, last)),
    "unchecked": lambda last: make_pipeline(Filter(), last),
}


@pytest.fixture(scope="module")
def noise():
    """Return 40 samples on both instruments whose reference values are noise, stacked."""
    generator = np.random.default_rng(3)
    X = generator.normal(size=(40, 150))
    y = np.tile(generator.normal(size=40), 2)
    X = np.concatenate([X, 1.1 * X + 0.3 + 0.05 * generator.normal(size=X.shape)])
    return X, y, np.repeat(["A", "B"], 40), np.tile(np.arange(40), 2)


@pytest.fixture
def errors(monkeypatch):
    """Return a list that gets every inner error of reference values, in units of their variance."""
    found = []

    def spy(module, name, errors_of):
        function = getattr(module, name)

        def record(*args):
            result = function(*args)
            found.append(float(np.min(errors_of(result, *args))))
            return result

        monkeypatch.setattr(module, name, record)

    spy(_tuning, "_source_error", lambda error, *args: error)
    spy(_ensemble, "fit_view", lambda members, *args: [m.source_error.min() for m in members])

    press, folds = _pls._press, []

    def record_press(X, y, train, test, limit):
        folds.append(press(X, y, train, test, limit))
        if len(folds) == 5:
            found.append(float(np.min(sum(folds) / len(y) / y.var(axis=0))))
            folds.clear()
        return press(X, y, train, test, limit)

    monkeypatch.setattr(_pls, "_press", record_press)
    return found


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-9, 1e3)])
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("method", [NARTransfer, EPOTransfer, DIPLSTransfer, EnsembleTransfer])
def test_steps_fitted_to_y_are_refitted_in_every_fold(method, front, scale, offset, noise, errors):
    X, *rest = noise
    model = method(FRONTS[front](LinearRegression()), source="A", target="B", n_transfer=8)
    model = fit(model, (scale * (X + offset), *rest))
    assert errors and min(errors) > 0.85
    assert "estimator" not in getattr(model, "view_weights_", {})


@pytest.mark.parametrize("method", [NARTransfer, EPOTransfer, DIPLSTransfer])
def test_frames_are_refitted_alike(method, noise, errors):
    X, *rest = noise
    named = pd.DataFrame(X, columns=[f"{1100 + 2 * j} nm" for j in range(150)])
    model = method(make_pipeline(SELECTION, Ridge(1e-6)), source="A", target="B", n_transfer=8)
    expected = fit(clone(model), noise).predict(X)
    np.testing.assert_allclose(fit(model, (named, *rest)).predict(named), expected, rtol=1e-9)
    assert min(errors) > 0.85


DEFAULT = [NARTransfer, EPOTransfer, DIPLSTransfer, EnsembleTransfer, PooledTransfer, TargetOnly]


@pytest.mark.parametrize("method", DEFAULT)
def test_the_default_calibration(method, noise, errors):
    fit(method(source="A", target="B", n_transfer=12), noise)
    assert errors and min(errors) > 0.85


class HoldsOutSamples(Ridge):
    """Record the samples that it could hold out."""

    __metadata_request__fit = {"sample_id": True}  # noqa: RUF012

    def fit(self, X, y, sample_id=None):
        self.sample_id_ = sample_id
        return super().fit(X, y)


@pytest.mark.parametrize("has_routing", [False, True])
@pytest.mark.parametrize(
    "calibration",
    [
        HoldsOutSamples(),
        make_pipeline(SNV(), HoldsOutSamples()),
        make_pipeline(SNV(), make_pipeline(SNV(), HoldsOutSamples())),
    ],
)
def test_a_calibration_that_holds_out_samples_gets_their_ids(calibration, has_routing, noise):
    with config_context(enable_metadata_routing=has_routing):
        model = PooledTransfer(calibration, source="A", target="B", n_transfer=8, weight=3)
        ids = last_step(fit(model, noise).target_estimator_).sample_id_
    assert sorted(np.bincount(ids)) == [1] * 32 + [4] * 8


def test_intervals(noise):
    transfer = NARTransfer(make_pipeline(SELECTION, Ridge(1e-6)), source="A", target="B")
    model = fit(ConformalTransfer(transfer, n_splits=5), noise)
    assert np.mean(model.conformity_scores_**2) > 0.85 * noise[1].var()


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e9])
@pytest.mark.parametrize(
    ("front", "expected"),
    [
        (make_pipeline(StandardScaler(), PCA(5, random_state=0)), False),
        (make_pipeline(FunctionTransformer(np.diff), PCA(5, random_state=0)), False),
        (make_pipeline(SELECTION), True),
        (make_pipeline(make_union(PCA(3), SELECTION)), True),
        (make_pipeline(Filter(remove=True)), True),
    ],
)
def test_steps_fitted_to_y_are_recognized(front, expected, scale, offset, noise):
    X = scale * (noise[0][:40] + offset)
    assert is_supervised(clone(front).fit(X, noise[1][:40]), X) is expected


def test_the_adapted_embedding(pretrainer, stack, errors):
    X, _, instrument, sample_id = stack
    y = np.tile(np.random.default_rng(0).normal(size=40), 2)
    axis = np.linspace(1100, 2498, X.shape[1])
    model = LoRATransfer(
        weights=pretrainer, wavelength=axis, source="A", target="B", max_epochs=4, random_state=0
    )
    fit(model, (X, y, instrument, sample_id))
    assert errors and min(errors) > 0.85

"""Coefficients of a linear calibration."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import PFCETransfer
from skspektron.transfer._core._linear import linear_coefficients

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))


def test_a_transfer_of_a_pipeline_can_be_pickled(make_stack):
    X, y, instrument, sample_id = make_stack()
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=1e-3))
    model = PFCETransfer(pipeline, source="A", target="B")
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("y", [Y, Y[:, 0], Y[:, :1]], ids=["two targets", "flat", "column"])
@pytest.mark.parametrize(
    "final",
    [LinearRegression(), Ridge(fit_intercept=False), PLSRegression(2), DummyRegressor()],
    ids=lambda final: type(final).__name__,
)
def test_coefficients_give_the_predictions(final, y):
    coef, intercept = linear_coefficients(final.fit(X, y), 4)
    n_targets = y[0].size
    assert coef.shape == (4, n_targets) and intercept.shape == (n_targets,)
    predictions = np.reshape(final.predict(X), (12, n_targets))
    np.testing.assert_allclose(X @ coef + intercept, predictions, atol=1e-10)


def test_coefficients_of_a_regressor_with_feature_names(recwarn):
    frame = pd.DataFrame(X, columns=["1100", "1102", "1104", "1106"])
    final = PLSRegression(2).fit(frame, Y)
    coef, intercept = linear_coefficients(final, 4)
    np.testing.assert_allclose(X @ coef + intercept, final.predict(frame), atol=1e-10)
    assert not recwarn.list


def test_refuses_a_regressor_without_coefficients():
    with pytest.raises(
        ValueError, match="must be a linear model, got KNeighborsRegressor, which has no coef_"
    ):
        linear_coefficients(KNeighborsRegressor().fit(X, Y), 4)

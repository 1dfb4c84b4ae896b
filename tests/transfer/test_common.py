"""The scikit-learn contract of every transfer method."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.transfer import DS, EPO, FNO, PDS, SST, CCAMap, EnsembleTransfer, NoTransfer
from tests.transfer.methods import METHODS, make

MAPS = [DS(), PDS(), SST(), CCAMap(), EPO(), FNO(width=4, n_modes=4, n_layers=1, max_epochs=1)]


@parametrize_with_checks([*MAPS, NoTransfer(), *(method(Ridge(alpha=0.1)) for method in METHODS)])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", METHODS)
def test_the_default_calibration_accepts_two_targets(method, make_stack):
    X, y, instrument, sample_id = make_stack(n_targets=2)
    model = method(source="A", target="B").fit(X, y, instrument=instrument, sample_id=sample_id)
    assert model.predict(X[:3]).shape == (3, 2)


@pytest.mark.parametrize("front", [[], [StandardScaler()]])
@pytest.mark.parametrize("method", METHODS)
def test_clone_and_pickle_keep_the_predictions(method, front, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    calibration = make_pipeline(*front, Ridge(alpha=1e-3))
    model = make(method).set_params(estimator=calibration).fit(X, y, **metadata)
    again = clone(model).fit(X, y, **metadata)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    np.testing.assert_array_equal(model.predict(X), loaded.predict(X))


class ColumnReader(LinearRegression):
    """Record the columns that fit and predict are given."""

    def fit(self, X, y):
        self.columns_ = [list(X.columns)]
        return super().fit(X, y)

    def predict(self, X):
        self.columns_.append(list(X.columns))
        return super().predict(X)


@pytest.mark.parametrize("method", METHODS)
def test_the_estimator_gets_the_column_names(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    frame = pd.DataFrame(X, columns=[f"{1100 + 2 * j} nm" for j in range(X.shape[1])])
    model = method(ColumnReader(), source="A", target="B", n_transfer=10)
    model.fit(frame, y, instrument=instrument, sample_id=sample_id)
    calibration = getattr(model, "target_estimator_", model.estimator_)
    named = model.predict(frame)
    assert all(columns == list(frame.columns) for columns in calibration.columns_)
    is_linear = hasattr(model, "coef_") or method is EnsembleTransfer
    assert len(calibration.columns_) >= (1 if is_linear else 2)
    plain = method(LinearRegression(), source="A", target="B", n_transfer=10)
    plain.fit(X, y, instrument=instrument, sample_id=sample_id)
    np.testing.assert_allclose(named, plain.predict(X), rtol=1e-8)

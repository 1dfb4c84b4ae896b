"""The pooled calibration is the estimator fitted on source rows and standards."""

import numpy as np
from sklearn.linear_model import Ridge

from skspektron.transfer import PooledTransfer
from tests.transfer.methods import make


def test_is_the_estimator_fitted_on_source_and_standards(make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(PooledTransfer, 6).fit(X, y, instrument=instrument, sample_id=sample_id)
    rows = np.isin(sample_id, model.transfer_ids_) & (instrument == "B") | (instrument == "A")
    expected = Ridge(alpha=1e-3).fit(X[rows], y[rows]).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-8)


def test_source_rows_keep_the_source_calibration(make_stack):
    X, y, instrument, sample_id = make_stack()
    source = instrument == "A"
    model = make(PooledTransfer, 6).fit(X, y, instrument=instrument, sample_id=sample_id)
    expected = Ridge(alpha=1e-3).fit(X[source], y[source]).predict(X[source])
    np.testing.assert_allclose(model.predict(X[source], instrument=["A"] * 30), expected, atol=1e-8)

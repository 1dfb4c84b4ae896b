"""TargetOnly: the estimator fitted on the standards alone."""

import numpy as np
from sklearn.linear_model import Ridge

from skspektron.transfer import TargetOnly
from tests.transfer.methods import make


def test_is_the_estimator_fitted_on_the_standards(make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(TargetOnly, 12).fit(X, y, instrument=instrument, sample_id=sample_id)
    rows = np.isin(sample_id, model.transfer_ids_) & (instrument == "B")
    expected = Ridge(alpha=1e-3).fit(X[rows], y[rows]).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-8)


def test_source_spectra_matter_for_the_selection_only(make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    doubled = np.where((instrument == "A")[:, None], 2 * X, X)  # the same order of samples
    np.testing.assert_array_equal(
        make(TargetOnly).fit(doubled, y, **metadata).predict(X),
        make(TargetOnly).fit(X, y, **metadata).predict(X),
    )


def test_full_recalibration_beats_ten_standards(make_stack):
    X, y, instrument, sample_id = make_stack(60)
    y = y + 0.3 * np.random.default_rng(0).normal(size=len(y))
    metadata = {"instrument": instrument, "sample_id": sample_id}
    target = instrument == "B"
    ten, every = (
        make(TargetOnly, n).fit(X, y, **metadata).score(X[target], y[target]) for n in (10, None)
    )
    assert every > ten

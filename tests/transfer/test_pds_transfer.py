"""PDSTransfer: the map of PDS, fitted on the chosen pairs, before the calibration."""

import numpy as np
import pytest

from skspektron.transfer import PDS, NoTransfer, PDSTransfer
from tests.transfer.methods import make


def test_is_pds_of_the_pairs_and_then_the_calibration(make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(PDSTransfer, 8, window_length=5, n_components=2)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    rows = [
        [np.flatnonzero((instrument == name) & (sample_id == i))[0] for i in model.transfer_ids_]
        for name in "AB"
    ]
    pds = PDS(window_length=5, n_components=2).fit(X[rows[1]], X[rows[0]])
    np.testing.assert_allclose(model.transform(X), pds.transform(X), rtol=1e-10)
    np.testing.assert_allclose(model.predict(X), model.estimator_.predict(pds.transform(X)))


def test_beats_no_transfer_on_unseen_samples(make_stack):
    X, y, instrument, sample_id = make_stack()
    held_out = np.isin(sample_id, [f"s{i:02d}" for i in range(8)])
    train, test = ~held_out, held_out & (instrument == "B")
    metadata = {"instrument": instrument[train], "sample_id": sample_id[train]}
    scores = [
        make(method).fit(X[train], y[train], **metadata).score(X[test], y[test])
        for method in (NoTransfer, PDSTransfer)
    ]
    assert scores[0] < 0.8 and scores[1] > 0.99


def test_labels_of_the_target_are_not_needed(make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    unlabelled = np.where(instrument == "B", np.nan, y)
    np.testing.assert_array_equal(
        make(PDSTransfer).fit(X, unlabelled, **metadata).predict(X),
        make(PDSTransfer).fit(X, y, **metadata).predict(X),
    )


def test_refuses_a_bad_window_before_anything_is_fitted(make_stack):
    X, y, *_ = make_stack()
    with pytest.raises(ValueError, match="window_length must be an odd int"):
        make(PDSTransfer, 0, window_length=4).fit(X, y)

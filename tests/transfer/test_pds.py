"""PDSTransfer: PDS of the chosen standards before the calibration."""

import numpy as np
import pytest

from skspektron.transfer import PDS, NoTransfer, PDSTransfer
from tests.transfer.methods import make


def test_maps_by_pds_of_the_standards_and_predicts_by_the_calibration(make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(PDSTransfer, 8, window_length=5, penalty=0.1)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    rows = [
        [np.flatnonzero((instrument == name) & (sample_id == i))[0] for i in model.transfer_ids_]
        for name in "AB"
    ]
    pds = PDS(window_length=5, penalty=0.1).fit(X[rows[1]], X[rows[0]])
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


def test_target_labels_are_not_used(make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    unlabelled = np.where(instrument == "B", np.nan, y)
    np.testing.assert_array_equal(
        make(PDSTransfer).fit(X, unlabelled, **metadata).predict(X),
        make(PDSTransfer).fit(X, y, **metadata).predict(X),
    )


def shifted(shift, n_samples=40):
    """Return rows of A and of B, whose channel j measures what channel j + shift of A measures."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(n_samples, 80))
    X_a, X_b = signal[:, 10:70], signal[:, 10 + shift : 70 + shift]
    X = np.concatenate([X_a, X_b + 0.02 * rng.normal(size=X_b.shape)])
    ids = np.tile(np.arange(n_samples), 2)
    return X, np.tile(X_a[:, 20:40].sum(axis=1), 2), np.repeat(["A", "B"], n_samples), ids


@pytest.mark.parametrize(("shift", "window_length"), [(1, 5), (-4, 11), (8, 21)])
def test_auto_chooses_a_window_that_covers_the_shift(shift, window_length):
    X, y, instrument, sample_id = shifted(shift)
    chosen = {}
    for learns in ("difference", "spectrum"):
        model = make(PDSTransfer, 30, learns=learns)
        model.fit(X, y, instrument=instrument, sample_id=sample_id)
        chosen[learns] = model.map_.window_length
    assert chosen["spectrum"] == window_length
    assert chosen["difference"] >= window_length


def test_refuses_invalid_parameters_without_standards(make_stack):
    X, y, *_ = make_stack()
    with pytest.raises(ValueError, match="window_length must be an odd int"):
        make(PDSTransfer, 0, window_length=4).fit(X, y)
    with pytest.raises(ValueError, match="n_components must be an int"):
        make(PDSTransfer, 0, n_components=0).fit(X, y)

"""MeanCentredTransfer with and without standards."""

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron.transfer import MeanCentredTransfer
from tests.transfer.methods import make


def fit(n_transfer, stack):
    X, y, instrument, sample_id = stack
    return make(MeanCentredTransfer, n_transfer).fit(
        X, y, instrument=instrument, sample_id=sample_id
    )


def test_default_needs_neither_labels_nor_pairs(make_stack):
    X, y, instrument, _ = make_stack()
    assert MeanCentredTransfer().n_transfer == 0
    model = MeanCentredTransfer(source="A", target="B")
    model.fit(X, np.where(instrument == "B", np.nan, y), instrument=instrument)
    expected = X[instrument == "B"].mean(axis=0) - X[instrument == "A"].mean(axis=0)
    np.testing.assert_allclose(model.shift_, expected)
    np.testing.assert_allclose(model.transform(X), X - expected)


def test_standards_give_the_mean_difference_of_the_pairs(make_stack):
    X, _, instrument, sample_id = stack = make_stack()
    model = fit(4, stack)
    standards = np.isin(sample_id, model.transfer_ids_)
    means = [X[standards & (instrument == name)].mean(axis=0) for name in "AB"]
    np.testing.assert_allclose(model.shift_, means[1] - means[0], rtol=1e-10)


def test_removes_an_offset_exactly(make_stack):
    X, y, instrument, sample_id = make_stack()
    source = X[:30]
    stacked = np.concatenate([source, source + np.linspace(-1, 1, source.shape[1])])
    ids = np.concatenate([sample_id[:30]] * 2)
    for n_transfer in (0, 1, 5):
        model = fit(n_transfer, (stacked, np.concatenate([y[:30]] * 2), instrument, ids))
        np.testing.assert_allclose(model.transform(stacked[30:]), source, atol=1e-12)


def test_means_ignore_missing_values(make_stack):
    X, _, instrument, _ = make_stack()
    gaps = X.copy()
    gaps[2, 3] = np.nan
    gaps[:30, 7] = np.nan
    estimator = make_pipeline(SimpleImputer(keep_empty_features=True), Ridge())
    model = MeanCentredTransfer(estimator, source="A", target="B")
    shift = model.fit(gaps, np.zeros(60), instrument=instrument).shift_
    expected = X[30:, 3].mean() - np.delete(X[:30, 3], 2).mean()
    np.testing.assert_allclose(shift[3], expected)
    assert np.flatnonzero(np.isnan(shift)).tolist() == [7]

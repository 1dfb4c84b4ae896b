"""Source rows that are predicted or mapped must have the columns of fit."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron.transfer import MeanCentredTransfer, PDSTransfer, SlopeBiasTransfer
from tests.transfer.methods import fit

REFUSED = "columns, as the target has channels, and 5 of its 5 rows are of a source"


def test_rows_on_as_many_channels_as_the_target_are_not_read_as_the_targets():
    X, ids = np.full((40, 12), np.nan), np.tile(np.arange(20), 2)
    X[:20, ::2], X[20:, 1::2] = np.random.default_rng(0).normal(size=(2, 20, 6))
    instrument, y = np.repeat(["A", "B"], 20), np.tile(np.nansum(X[:20], axis=1), 2)
    filled = make_pipeline(SimpleImputer(keep_empty_features=True), Ridge())
    model = fit(SlopeBiasTransfer(filled, source="A", target="B"), (X, y, instrument, ids))
    assert np.ptp(model.predict(X[:5], instrument=["A"] * 5)) > 0
    with pytest.raises(ValueError, match=REFUSED):
        model.predict(X[:5, ::2], instrument=["A"] * 5)


@pytest.mark.parametrize("method", [MeanCentredTransfer, PDSTransfer])
def test_neither_when_mapped(method, make_grids):
    X, y, instrument, ids = make_grids(np.arange(1100, 1500, 20.0), np.arange(1110, 1510, 20.0))
    model = fit(method(Ridge(), source="A", target="B", n_transfer=6), (X, y, instrument, ids))
    own = X.to_numpy()[instrument == "A"][:5]
    own = own[:, np.isfinite(own).all(axis=0)]
    for call in (model.predict, model.transform):
        with pytest.raises(ValueError, match=REFUSED):
            call(own, instrument=["A"] * 5)

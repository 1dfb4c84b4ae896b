"""FNOTransfer: the map, then the calibration."""

import numpy as np

from skspektron.transfer import FNOTransfer, MeanCentredTransfer
from tests.transfer.methods import fit, make
from tests.transfer.standards import rmse


def test_predicts_mapped_spectra_with_the_source_calibration(make_stack):
    X, _, instrument, _ = stack = make_stack()
    model = fit(
        make(FNOTransfer, max_epochs=10, learning_rate=0.02, random_state=0, width=8, n_modes=8),
        stack,
    )
    mapped = model.map_.transform(X[instrument == "B"])
    np.testing.assert_array_equal(model.transform(X[instrument == "B"]), mapped)
    np.testing.assert_array_equal(
        model.predict(X[instrument == "B"]), model.estimator_.predict(mapped)
    )
    mean = fit(make(MeanCentredTransfer), stack)
    target, source = X[instrument == "B"], X[instrument == "A"]
    order = [np.argsort(stack[3][instrument == name]) for name in "AB"]
    errors = [rmse(m.transform(target)[order[1]], source[order[0]]) for m in (model, mean)]
    assert errors[0] < 0.8 * errors[1]

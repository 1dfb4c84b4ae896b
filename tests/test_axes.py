"""Channels in column names: numbers and units, and frames that are put in order by them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from skspektron import SpektronEmbedder, SpektronPretrainer
from skspektron._axes import channels_in_names, match_channels
from skspektron._frames import in_order_of_names
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronRegressor
from skspektron.inspection import EmbeddingDisplay, TransferSpectraDisplay
from skspektron.model_selection import stack_instruments
from skspektron.reliability import ApplicabilityDomain
from skspektron.transfer import MeanCentredTransfer

AXIS = np.arange(1100.0, 1580.0, 20.0)  # nm
LAB = make_instruments(16, wavelength=AXIS, random_state=0)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1100", "1102.5"], ([1100, 1102.5], None)),
        (["1100.0 nm", "1102nm"], ([1100, 1102], "nm")),
        (["4000 cm-1", "-3.5 cm^-1", "−4 cm⁻¹", " .5 1/cm "], ([4000, -3.5, -4, 0.5], "cm-1")),
        ([1100, 1102.0], ([1100, 1102], None)),
        (["1100 nm", "1102"], None),
        (["1100 nm", "1102 cm-1"], None),
        (["1100", "moisture"], None),
        (["1e3", "2e3"], None),
        ([], None),
    ],
)
def test_channels_in_names(names, expected):
    found = channels_in_names(names)
    assert found is None if expected is None else (found[0].tolist(), found[1]) == expected


@pytest.mark.parametrize(
    ("names", "expected", "order"),
    [
        (["4000", "3000", "2000"], ["4000.0 cm-1", "3000.0 cm-1", "2000.0 cm-1"], [0, 1, 2]),
        (["2000", "3000", "4000"], ["4000.0 cm-1", "3000.0 cm-1", "2000.0 cm-1"], [2, 1, 0]),
        (["2000 nm", "4000 nm", "2500 nm"], ["4000 cm-1", "2500 cm-1", "5000 cm-1"], [2, 1, 0]),
        (["5000 cm-1", "4000 cm-1"], ["2500", "2000"], [1, 0]),
        (["4000.001 cm-1", "5000 cm-1"], ["5000 cm-1", "4000 cm-1"], [1, 0]),
        (["4000.01 cm-1", "5000 cm-1"], ["5000 cm-1", "4000 cm-1"], None),
        (["4000 nm", "5000 nm"], ["4000 cm-1", "5000 cm-1"], None),
        (["4000", "4000", "5000"], ["3000", "4000", "5000"], None),
        (["4000", "5000"], ["3000", "4000", "5000"], None),
        (["a", "b"], ["b", "a"], None),
        (["0", "1"], ["1", "0"], [1, 0]),
        (["-5 cm-1", "0 cm-1"], ["0", "-5"], [1, 0]),
    ],
)
def test_matched_channels(names, expected, order):
    found = match_channels(names, expected)
    assert found is None if order is None else found.tolist() == order
    frame = pd.DataFrame(np.arange(2.0 * len(names)).reshape(2, -1), columns=names)
    arranged = in_order_of_names(frame, np.array(expected, dtype=object))
    if order is None:
        assert arranged is frame
    else:
        assert arranged.columns.tolist() == expected
        np.testing.assert_array_equal(arranged, frame.to_numpy()[:, order])


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (SpektronEmbedder(), "transform"),
        (SpektronRegressor(max_epochs=1, n_iter_no_change=None, random_state=0), "predict"),
        (SpektronPretrainer("tiny", max_steps=1, warmup_steps=0, random_state=0), "transform"),
        (ApplicabilityDomain(PCA(2)), "score_samples"),
        (MeanCentredTransfer(Ridge()), "predict"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_frames_are_read_by_their_names(model, method):
    X = LAB.X["A"]
    names = [f"{value} nm" for value in AXIS]
    rows = pd.DataFrame(X, columns=names)
    model.fit(rows, LAB.y[:, 0])
    predict = getattr(model, method)
    expected = predict(rows)
    in_cm = pd.DataFrame(X, columns=[f"{1e7 / value} cm-1" for value in AXIS])
    bare = pd.DataFrame(X, columns=[f"{value:.0f}" for value in AXIS])
    for other in (rows[names[::-1]], in_cm[in_cm.columns[::-1]], bare[bare.columns[::-1]]):
        np.testing.assert_allclose(predict(other), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="feature names"):
        predict(rows.set_axis([f"{value + 1} nm" for value in AXIS], axis=1))


def test_displays_read_frames_by_their_names():
    figure = pytest.importorskip("matplotlib.figure").Figure
    X, y, instrument, sample_id = stack_instruments(
        {name: (X, LAB.y[:, 0], LAB.sample_id) for name, X in LAB.X.items()},
        wavelength=dict.fromkeys(LAB.X, AXIS),
    )
    rows = {"instrument": instrument, "sample_id": sample_id}
    model = MeanCentredTransfer(Ridge(), source="A", target="B").fit(X, y, **rows)
    for display, drawn in (
        (TransferSpectraDisplay, ("X_source", "X_target", "X_transferred")),
        (EmbeddingDisplay, ("source", "target", "adapted")),
    ):
        first, other = (
            display.from_estimator(model, each, **rows, ax=figure().subplots(2))
            for each in (X, X[X.columns[::-1]])
        )
        for name in drawn:
            np.testing.assert_array_equal(getattr(first, name), getattr(other, name))

"""The display shows the table of a fitted transfer."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skspektron.inspection import StandardsDisplay
from skspektron.transfer import MeanCentredTransfer

pytest.importorskip("matplotlib")

TABLE = {
    "id": np.array(["a", "b", "c"]),
    "spectral_disagreement": np.array([0.2, 3.0, 0.4]),
    "label_disagreement": np.full(3, np.nan),
}


@pytest.fixture
def ax(make_axes):
    return make_axes(1)[0]


def test_rows_are_in_order_of_the_disagreement(ax):
    display = StandardsDisplay(TABLE).plot(ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "c", "b"]
    np.testing.assert_array_equal(display.points_["spectra"].get_xdata(), [0.2, 0.4, 3.0])
    assert list(display.points_) == ["spectra"]  # no reference value is known
    assert display.limit_.get_xdata()[0] == 1
    assert display.ax_ is ax and display.figure_ is ax.figure


def test_from_a_transfer_or_a_pipeline(make_axes, rng=0):
    rng = np.random.default_rng(rng)
    X = rng.normal(size=(24, 6))
    metadata = {"instrument": ["A"] * 12 + ["B"] * 12, "sample_id": [*range(12)] * 2}
    transfer = MeanCentredTransfer(Ridge(), source="A", target="B", n_transfer=5)
    transfer.fit(np.concatenate([X[:12], X[:12] + 1]), np.tile(X[:12, 0], 2), **metadata)
    pipeline = make_pipeline(FunctionTransformer().fit(X), transfer)
    first, second = make_axes(2)
    for estimator, ax in ((transfer, first), (pipeline, second)):
        display = StandardsDisplay.from_estimator(estimator, ax=ax)
        assert set(display.points_) == {"spectra", "reference values"}
        assert len(ax.get_yticks()) == 5


def test_refuses_other_estimators_and_empty_tables(ax):
    with pytest.raises(TypeError, match="must be a fitted transfer"):
        StandardsDisplay.from_estimator(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), ax=ax)
    with pytest.raises(ValueError, match="at least 1 row"):
        StandardsDisplay({key: value[:0] for key, value in TABLE.items()}).plot(ax)
    with pytest.raises(TypeError, match="standards must be"):
        StandardsDisplay([1.0, 2.0]).plot(ax)

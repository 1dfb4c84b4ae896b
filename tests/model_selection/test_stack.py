"""Stacking keeps rows, names and ids together, and refuses what does not fit."""

import numpy as np
import pytest

from skspektron.model_selection import stack_instruments


def test_rows_keep_their_order_and_names():
    X, y, instrument, sample_id = stack_instruments(
        {"b": ([[1, 2], [3, 4]], [1, 2], ["s1", "s2"]), "a": ([[5, 6]], [3], ["s1"])}
    )
    np.testing.assert_array_equal(X, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert X.dtype == y.dtype == np.float64
    assert y.tolist() == [1, 2, 3]
    assert instrument.tolist() == ["b", "b", "a"]
    assert sample_id.tolist() == ["s1", "s2", "s1"]


def test_replicate_scans_are_allowed():
    assert stack_instruments({"a": (np.ones((2, 3)), None, [7, 7])})[3].tolist() == [7, 7]


def test_narrow_spectra_end_in_missing_channels():
    wide, narrow = np.ones((2, 4)), np.full((1, 2), 2.0)
    X = stack_instruments({"wide": (wide, None, [1, 2]), "narrow": (narrow, None, [1])})[0]
    np.testing.assert_array_equal(X[:2], wide)
    np.testing.assert_array_equal(X[2], [2, 2, np.nan, np.nan])


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([None, None], [np.nan, np.nan]),
        ([[1.0], None], [1, np.nan]),
        ([None, [[1.0, 2.0]]], [[np.nan, np.nan], [1, 2]]),
    ],
)
def test_missing_references_become_nan(y, expected):
    stacked = stack_instruments({name: ([[1.0]], y[name], [name]) for name in (0, 1)})
    np.testing.assert_array_equal(stacked[1], expected)


def test_frames_with_the_same_columns_stay_a_frame():
    pd = pytest.importorskip("pandas")
    first = pd.DataFrame({"1100": [1.0], "1102": [2.0]}, index=["p"])
    X = stack_instruments({"a": (first, None, [1]), "b": (first + 1, None, [1])})[0]
    pd.testing.assert_frame_equal(X, pd.DataFrame({"1100": [1.0, 2.0], "1102": [2.0, 3.0]}))
    other = first.rename(columns={"1102": "1104"})
    X = stack_instruments({"a": (first, None, [1]), "b": (other, None, [1])})[0]
    assert isinstance(X, np.ndarray)


def test_result_is_a_copy():
    X_a = np.ones((2, 2))
    X = stack_instruments({"a": (X_a, None, [1, 2])})[0]
    X[0] = 5
    np.testing.assert_array_equal(X_a, 1)


@pytest.mark.parametrize(
    ("instruments", "error", "match"),
    [
        ({}, ValueError, "0 instruments"),
        ({"a": ([[1.0]], [1])}, ValueError, "'a' has 2 items, expected 3"),
        ({"a": np.ones((3, 3))}, ValueError, "'a' has ndarray, expected 3"),
        ({"a": ([[1.0]], [1, 2], [1])}, ValueError, r"'a' has shape \(2,\), X has 1 rows"),
        ({"a": ([[1.0]], 1.0, [1])}, ValueError, r"'a' has shape \(\), X has 1 rows"),
        ({"a": ([[1.0]], [1], [1, 2])}, ValueError, "sample_id of instrument 'a' has 2 entries"),
        ({"a": ([1.0], [1], [1])}, ValueError, "Expected 2D array"),
        ({"a": ([[np.inf]], [1], [1])}, ValueError, "infinity"),
        (
            {"a": ([[1.0]], [1], [1]), "b": ([[1.0]], [[1, 2]], [1])},
            ValueError,
            r"disagree on the targets.*\(1,\).*\(1, 2\)",
        ),
        ({"a": ([[1.0]], [1], [1]), "b": ([[1.0]], [1], ["1"])}, TypeError, "int and str"),
        ({"a": ([[1.0]], [1], [1]), 2: ([[1.0]], [1], [1])}, TypeError, "instrument name"),
    ],
)
def test_refusals(instruments, error, match):
    with pytest.raises(error, match=match):
        stack_instruments(instruments)

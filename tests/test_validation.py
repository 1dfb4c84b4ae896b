"""The shared checks: accepted values and error messages."""

import numpy as np
import pandas as pd
import pytest

from skspektron._validation import (
    check_axis,
    check_labels,
)


def test_wavelength_becomes_wavenumber():
    axis = check_axis(wavelength=[1000, 2000, 2500], n_features=3)
    np.testing.assert_array_equal(axis, [10000.0, 5000.0, 4000.0])
    assert axis.dtype == np.float64


def test_wavenumber_is_kept_and_copied():
    wavenumber = np.array([4000.0, 400.0])
    axis = check_axis(wavenumber=wavenumber, n_features=2)
    wavenumber[0] = 0
    np.testing.assert_array_equal(axis, [4000.0, 400.0])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1000.0", "2000.0"], [10000.0, 5000.0]),
        (["1000 nm", "2000nm"], [10000.0, 5000.0]),
        (["4000 cm-1", "3998 cm-1"], [4000.0, 3998.0]),
        (["2000 cm^-1", "1000 cm⁻¹"], [2000.0, 1000.0]),
        (["4000", "400"], [4000.0, 400.0]),
        (["1000", "moisture"], None),
        (["1000 nm", "2000 cm-1"], None),
        (["1000 nm", "2000"], None),
        (["0", "1"], None),
        (["1", "2"], None),
        (["1000", "1000"], None),
    ],
)
def test_column_names_are_read_as_axis(names, expected):
    axis = check_axis(n_features=2, feature_names=names)
    assert axis is None if expected is None else axis.tolist() == expected


def test_axis_argument_beats_column_names_and_nothing_gives_none():
    assert check_axis(wavenumber=[5.0, 6.0], n_features=2, feature_names=["1", "3"])[0] == 5
    assert check_axis(n_features=2) is None


@pytest.mark.parametrize(
    ("axis", "error", "match"),
    [
        ({"wavelength": [1, 2], "wavenumber": [1, 2]}, ValueError, "both given"),
        ({"wavelength": [1, 2, 3]}, ValueError, r"shape \(3,\), X has 2 channels"),
        ({"wavenumber": [[1, 2]]}, ValueError, r"shape \(1, 2\), X has 2 channels"),
        ({"wavenumber": [5, 5]}, ValueError, "must be strictly monotonic, got 5 cm-1 at channel 0"),
        ({"wavelength": [-1, 2]}, ValueError, "1 of 2 values that are not finite and positive"),
        ({"wavelength": [np.nan, np.inf]}, ValueError, "2 of 2 values that are not finite"),
        ({"wavelength": ["a", "b"]}, TypeError, "2 numbers in nm"),
        ({"feature_names": ["5 nm", "5 nm"]}, ValueError, "column names must be strictly"),
    ],
)
def test_invalid_axes_raise(axis, error, match):
    with pytest.raises(error, match=match):
        check_axis(n_features=2, **axis)


@pytest.mark.parametrize("axis", [[1.0, 3.0, 2.0], [3.0, 1.0, 2.0]])
def test_error_names_the_channels_that_are_not_monotonic(axis):
    with pytest.raises(ValueError, match=r"channel 1 .* channel 2"):
        check_axis(wavenumber=axis, n_features=3)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], "U"),
        ([1, 2], "i"),
        ([1, 2.5], "f"),
        (pd.Series(["a", "b"], index=[7, 8]), "U"),
        (pd.Series(["a", "b"], dtype="string"), "U"),
        (pd.Categorical(["a", "b"]), "U"),
        (np.array(["a", "b"], dtype=object), "U"),
        (np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"), "M"),
    ],
)
def test_labels_get_one_sortable_dtype(values, kind):
    labels = check_labels(values, 2, "instrument")
    assert labels.dtype.kind == kind
    assert labels.tolist() == sorted(labels.tolist())


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        (["a"], ValueError, "1 entries, X has 2 rows.*by keyword"),
        ("m5", ValueError, r"must have shape \(2,\), got \(\)"),
        ([["a"], ["b"]], ValueError, r"got \(2, 1\)"),
        (["a", None], ValueError, "missing .* on 1 of 2 rows"),
        ([1.0, np.nan], ValueError, "missing"),
        (np.array([1.0, np.nan]), ValueError, "missing"),
        ([pd.NA, "a"], ValueError, "missing"),
        (np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"), ValueError, "missing"),
        (["a", 1], TypeError, "int and str"),
        ([2**53 + 1, 0.5], ValueError, r"integers above 2\*\*53 among floats"),
    ],
)
def test_invalid_labels_raise(values, error, match):
    with pytest.raises(error, match=match):
        check_labels(values, 2, "instrument")


@pytest.mark.parametrize(
    ("values", "n_blank"), [(["a", ""], 1), (np.array(["  ", ""]), 2), (np.array([b"a", b" "]), 1)]
)
def test_blank_sample_ids_raise(values, n_blank):
    with pytest.raises(ValueError, match=f"blank on {n_blank} of 2 rows"):
        check_labels(values, 2, "sample_id")

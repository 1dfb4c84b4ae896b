"""The shared checks: accepted values and error messages."""

import numpy as np
import pandas as pd
import pytest

from skspektron import SpektronEmbedder
from skspektron._validation import (
    check_axis,
    check_choice,
    check_counts,
    check_int,
    check_labels,
    check_real,
    pass_default,
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
    ],
)
def test_invalid_labels_raise(values, error, match):
    with pytest.raises(error, match=match):
        check_labels(values, 2, "instrument")


WAY_OUT = "Pass 8, the default."


def error_of(check, *arguments, **keywords):
    """Return the message with which a check raises, or None if it does not raise."""
    try:
        check("rank", *arguments, **keywords)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("value", [1, 8, np.int64(3), np.uint8(3)])
def test_check_int_accepts_ints(value):
    assert error_of(check_int, value, minimum=1, way_out=WAY_OUT) is None


@pytest.mark.parametrize("value", [0, -1, 1.0, True, None, "1", np.nan, np.array([2])])
def test_check_int_raises_for_other_values(value):
    message = error_of(check_int, value, minimum=1, way_out=WAY_OUT)
    assert message == f"rank must be an int of at least 1, got {value!r}. Pass 8, the default."


def test_check_int_names_its_upper_limit_and_its_alternatives():
    limits = {"minimum": 1, "maximum": 8, "also": ("auto", None), "way_out": WAY_OUT}
    assert [error_of(check_int, value, **limits) for value in (1, 8, "auto", None)] == [None] * 4
    assert error_of(check_int, 9, **limits) == (
        "rank must be an int from 1 to 8, 'auto' or None, got 9. Pass 8, the default."
    )


@pytest.mark.parametrize(
    ("limits", "accepted", "refused", "what"),
    [
        ({}, [-1e300, 10**400], ["a"], "a finite number"),
        ({"above": 0}, [5e-324, 3], [0, -1], "a finite number above 0"),
        ({"at_least": 0}, [0, np.float32(2)], [-1e-9], "a finite number of at least 0"),
        ({"above": 0, "below": 1}, [0.5], [0, 1], "a finite number above 0 and below 1"),
        ({"at_least": 0, "at_most": 1}, [0, 1], [2], "a finite number of at least 0 and at most 1"),
        ({"above": 0, "also": ("auto",)}, ["auto"], [None], "a finite number above 0 or 'auto'"),
    ],
)
def test_check_real_accepts_finite_numbers_in_its_range(limits, accepted, refused, what):
    for value in accepted:
        assert error_of(check_real, value, **limits, way_out=WAY_OUT) is None
    for value in [*refused, np.nan, np.inf, -np.inf, True, np.array([0.5])]:
        message = error_of(check_real, value, **limits, way_out=WAY_OUT)
        assert message == f"rank must be {what}, got {value!r}. Pass 8, the default."


def test_check_choice_lists_the_choices():
    assert error_of(check_choice, "b", ("a", "b")) is None
    assert error_of(check_choice, "c", {"a": 1, "b": 2}) == "rank must be 'a' or 'b', got 'c'."
    message = error_of(check_choice, 1, ("a", True, None), way_out="Pass None.")
    assert message == "rank must be 'a', True or None, got 1. Pass None."


def test_check_counts_names_the_default_of_the_parameter():
    with pytest.raises(ValueError, match=r"^batch_size must be an int of at least 1, got 0\. "):
        check_counts(SpektronEmbedder(batch_size=0), batch_size=1)
    assert pass_default(SpektronEmbedder(), "batch_size") == "Pass 256, the default."
    assert pass_default(check_choice, "way_out") == "Pass '', the default."


def test_a_subclass_may_set_parameters_itself():
    class Network(SpektronEmbedder):
        def __init__(self):
            super().__init__(batch_size=8)

    model = Network()
    assert pass_default(model, "batch_size") == ""
    check_counts(model, batch_size=1)
    model.batch_size = 0
    with pytest.raises(ValueError, match=r"^batch_size must be an int of at least 1, got 0\.$"):
        check_counts(model, batch_size=1)

"""Checks of parameters and data that two or more estimators share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from ._parameters import Rule, is_sequence

# "1100", "1100.0", "1100 nm", "4000 cm-1", "4000 cm^-1", "4000 cm⁻¹", "4000 1/cm"
CHANNEL_NAME = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(nm|cm-1|cm\^-1|cm⁻¹|1/cm)?\s*")
NM_RANGE = (300.0, 2600.0)  # column names without a unit in this range are wavelengths in nm


@dataclass(frozen=True)
class Axis(Rule):
    """An axis: finite, positive, strictly monotonic numbers."""

    unit: str

    @property
    def words(self):
        return (f"an array-like of numbers in {self.unit}",)

    def has_type(self, value):
        return is_sequence(value)

    def check_content(self, name, value):
        check_channels(value, len(value), name, self.unit)


WAVELENGTH = Axis("nm") | None
WAVENUMBER = Axis("cm-1") | None


def check_axis(
    *,
    wavelength: ArrayLike | None = None,
    wavenumber: ArrayLike | None = None,
    n_features: int,
    feature_names: ArrayLike | None = None,
) -> NDArray[np.float64] | None:
    """Return the spectral axis in cm-1.

    Parameters
    ----------
    wavelength : array-like of shape (n_features,), default=None
        Axis in nm, strictly monotonic in either direction.
    wavenumber : array-like of shape (n_features,), default=None
        Axis in cm-1, strictly monotonic in either direction.
    n_features : int
        Number of channels of the spectra that the axis belongs to.
    feature_names : array-like of shape (n_features,), default=None
        Column names, read when neither axis is given: ``"1100.0"``, ``"1100 nm"``,
        ``"4000 cm-1"``. Without a unit they are in nm if all lie between 300 and 2600, else in
        cm-1. They are ignored if one of them is not a number, if units differ, or if numbers
        without a unit count the channels from 0 or 1 or are not strictly monotonic.

    Returns
    -------
    wavenumber : ndarray of shape (n_features,) or None
        Axis in cm-1, in the order of the channels; None if there is none.

    Raises
    ------
    ValueError
        If both axes are given, or an axis has the wrong length or is not strictly monotonic,
        finite and positive.
    TypeError
        If an axis contains anything but numbers.
    """
    if wavelength is not None and wavenumber is not None:
        raise ValueError(
            "wavelength (nm) and wavenumber (cm-1) were both given for one axis. "
            "Pass only one of them."
        )
    if wavelength is not None:
        return 1e7 / check_channels(wavelength, n_features, "wavelength", "nm")
    if wavenumber is not None:
        return check_channels(wavenumber, n_features, "wavenumber", "cm-1")
    if feature_names is not None:
        return _axis_from_names(feature_names, n_features)
    return None


def check_labels(values: ArrayLike, n_samples: int, name: str) -> NDArray[Any]:
    """Return metadata such as `instrument` or `sample_id` as a sortable array.

    Parameters
    ----------
    values : array-like of shape (n_samples,)
        Strings, numbers or dates, one per row of `X`.
    n_samples : int
        Number of rows of `X`.
    name : str
        Name of the parameter, for the messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        Labels of a single dtype that can be sorted.

    Raises
    ------
    ValueError
        If the number of entries is not `n_samples`, `values` is not 1-D, or an entry is
        missing (None or NaN).
    TypeError
        If the entries cannot be sorted together, as numbers mixed with strings.
    """
    # Lists as objects: numpy would silently turn [1, "a"] into ["1", "a"].
    labels = np.asarray(values, dtype=None if hasattr(values, "dtype") else object)
    if labels.ndim != 1:
        raise ValueError(
            f"{name} must have shape ({n_samples},), got {labels.shape}. "
            "Pass a flat sequence with one entry per row of X."
        )
    if len(labels) != n_samples:
        raise ValueError(
            f"{name} has {len(labels)} entries, X has {n_samples} rows. Pass one entry per row of "
            f"X, by keyword to the outermost fit (fit(X, y, {name}=...)): scikit-learn splits it "
            "with X only if the lengths agree."
        )
    is_object = labels.dtype == object
    n_missing = sum(map(_is_missing, labels)) if is_object else np.sum(labels != labels)
    if n_missing:
        raise ValueError(
            f"{name} is missing (None or NaN) on {n_missing} of {n_samples} rows. "
            "Give every row a label, or drop those rows."
        )
    return _one_dtype(labels, name) if is_object else labels


def count_rows(X: Any, owner: str) -> int:
    """Return the number of rows of spectra that are checked later."""
    if not hasattr(X, "__len__") or getattr(X, "shape", None) == ():
        raise TypeError(
            f"X of {owner} must have rows, got {type(X).__name__}. Pass one spectrum per row."
        )
    return len(X)


def check_references(y: ArrayLike, n_samples: int, owner: str) -> NDArray[np.float64]:
    """Return reference values (n_samples,) or (n_samples, n_targets), NaN where unknown."""
    y = check_array(
        y,
        dtype=np.float64,
        ensure_all_finite=False,
        ensure_2d=False,
        ensure_min_samples=0,
        input_name="y",
    )
    if y.shape[:1] != (n_samples,):
        raise ValueError(
            f"y of {owner} has shape {y.shape}, X has {n_samples} rows. "
            "Pass one row of reference values per spectrum, NaN where unknown."
        )
    return y


def check_channels(values: ArrayLike, n_features: int, name: str, unit: str) -> NDArray[np.float64]:
    """Return one axis as float64 after checking it: finite, positive, strictly monotonic."""
    try:
        axis = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be {n_features} numbers in {unit}: {error}. "
            "Pass one number per channel of X."
        ) from error
    if axis.shape != (n_features,):
        raise ValueError(
            f"{name} has shape {axis.shape}, X has {n_features} channels. "
            f"Pass one number in {unit} per channel."
        )
    n_bad = np.count_nonzero(~(np.isfinite(axis) & (axis > 0)))
    if n_bad:
        raise ValueError(
            f"{name} has {n_bad} of {n_features} values that are not finite and positive. "
            f"Pass it in {unit}, one positive number per channel."
        )
    step = np.diff(axis)
    turns = np.flatnonzero(step <= 0 if step[:1].sum() > 0 else step >= 0)
    if turns.size:
        at = turns[0]
        raise ValueError(
            f"{name} must be strictly monotonic, got {axis[at]:g} {unit} at channel {at} and "
            f"{axis[at + 1]:g} {unit} at channel {at + 1}. Sort the channels of X and the axis "
            "together, and drop repeated channels."
        )
    return axis.copy()  # the fitted axis must not follow the user's array


def _axis_from_names(feature_names, n_features):
    """Return the axis in column names, in cm-1, or None if they have none."""
    named = named_axis(feature_names, n_features)
    if named is None:
        return None
    axis, unit = named
    return 1e7 / axis if unit == "nm" else axis


def named_axis(
    feature_names: Iterable[Any], n_features: int
) -> tuple[NDArray[np.float64], str] | None:
    """Return the axis in column names and its unit, or None if they have none."""
    names = [str(name) for name in feature_names]
    matches = [match for match in map(CHANNEL_NAME.fullmatch, names) if match]
    if len(matches) < len(names):
        return None
    units = {match[2] and ("nm" if match[2] == "nm" else "cm-1") for match in matches}
    values = np.array([float(match[1]) for match in matches])
    if len(units) > 1 or (units == {None} and not _could_be_axis(values)):
        return None
    in_nm_range = values.min() >= NM_RANGE[0] and values.max() <= NM_RANGE[1]
    unit = units.pop() or ("nm" if in_nm_range else "cm-1")
    return check_channels(values, n_features, "the axis in the column names", unit), unit


def _could_be_axis(values):
    """Return whether numbers without a unit are an axis rather than channel numbers."""
    step = np.diff(values)
    counts = values[0] in (0, 1) and np.all(step == 1)
    return not counts and values.min() > 0 and bool(np.all(step > 0) or np.all(step < 0))


def _is_missing(value):
    """Return whether a label is None, NaN, NaT or pandas.NA."""
    same = value == value
    return value is None or not isinstance(same, bool | np.bool_) or not same


def _one_dtype(labels, name):
    """Return an object array as an array of strings or of numbers."""
    kinds = {type(label) for label in labels}
    if not any(all(issubclass(kind, base) for kind in kinds) for base in (str, Real)):
        raise TypeError(
            f"{name} has entries of type {' and '.join(sorted(kind.__name__ for kind in kinds))}, "
            "which cannot be sorted together. Convert all to strings or all to numbers."
        )
    return np.array(labels.tolist())

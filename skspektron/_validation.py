"""Checks of parameters and data that two or more estimators share."""

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from ._axes import channels_in_names
from ._axis_units import check_names_agree, check_unit, unit_of_numbers
from ._parameters import Kind, Rule, is_sequence

LARGEST_EXACT = 2**53  # integers above it are not all numbers of float64
OTHER_UNIT = 30.0  # ratio of sizes of spectra; units differ by 100 or 1000, instruments by less


@dataclass(frozen=True)
class Axis(Rule):
    """An axis: finite, strictly monotonic numbers, positive in nm."""

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


def _holds_numbers(value):
    """Return whether a value is an array-like of numbers, NaN included."""
    try:
        np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return is_sequence(value) or isinstance(value, np.ndarray)


NUMBERS = Kind("an array-like of numbers", _holds_numbers, way_out="Pass a list or an array.")


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
        ``"4000 cm-1"``. Numbers without a unit are taken in the unit that their range allows,
        with a warning if both are plausible. Names are ignored if one of them is not a number, if
        units differ, or if numbers without a unit count the channels from 0 or 1, are not strictly
        monotonic, or end at 150 as axes in micrometres do.

    Returns
    -------
    wavenumber : ndarray of shape (n_features,) or None
        Axis in cm-1, in the order of the channels; None if there is none.

    Raises
    ------
    ValueError
        If both axes are given, or an axis has the wrong length, is not strictly monotonic, finite
        and, in nm, positive, or has numbers that its unit does not have, as micrometres in nm.
    TypeError
        If an axis contains anything but numbers.

    Warns
    -----
    UserWarning
        If the range of an axis is one of another unit, once in a fit.
    """
    if wavelength is not None and wavenumber is not None:
        raise ValueError(
            "wavelength (nm) and wavenumber (cm-1) were both given for one axis. "
            "Pass only one of them."
        )
    name, unit = ("wavelength", "nm") if wavenumber is None else ("wavenumber", "cm-1")
    values = wavelength if wavenumber is None else wavenumber
    names = None if feature_names is None else list(np.ravel(feature_names))
    if values is None:
        return None if names is None else _axis_from_names(names, n_features)
    axis = check_stated(values, n_features, name, unit)
    axis = 1e7 / axis if unit == "nm" else axis
    named = None if names is None else channels_in_names(names)
    if named is not None:
        check_names_agree(*named, axis, name)
    return axis


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
        missing: None, NaN, or for a sample a blank string, which would be one sample for all rows.
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
    labels = _one_dtype(labels, name) if is_object else labels
    is_text = labels.dtype.kind in "US"
    n_blank = np.count_nonzero(np.char.strip(labels) == labels.dtype.type()) if is_text else 0
    if n_blank and "sample_id" in name:
        raise ValueError(
            f"{name} is blank on {n_blank} of {n_samples} rows. "
            "Give every row the id of its sample, or drop those rows."
        )
    return labels


def count_rows(X: Any, owner: str) -> int:
    """Return the number of rows of spectra that are checked later."""
    if not hasattr(X, "__len__") or getattr(X, "shape", None) == ():
        raise TypeError(
            f"X of {owner} must have rows, got {type(X).__name__}. Pass one spectrum per row."
        )
    return len(X)


def check_references(y: ArrayLike, n_samples: int, owner: str) -> NDArray[Any]:
    """Return reference values (n_samples,) or (n_samples, n_targets), NaN where unknown.

    Names of classes, which are text, stay, as objects (n_samples,) with None where unknown.
    """
    classes = _class_names(y)
    if classes is None:
        y = check_array(
            y,
            dtype=np.float64,
            ensure_all_finite=False,
            ensure_2d=False,
            ensure_min_samples=0,
            input_name="y",
        )
    else:
        y = classes
    if y.shape[:1] != (n_samples,):
        raise ValueError(
            f"y of {owner} has shape {y.shape}, X has {n_samples} rows. "
            "Pass one row of reference values per spectrum, NaN where unknown."
        )
    return y


def is_known(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each row of `check_references` whether all its values are known."""
    if y.dtype == object:
        return np.array([value is not None for value in y], dtype=bool)
    return np.isfinite(y).reshape(len(y), -1).all(axis=1)


def _class_names(y: ArrayLike) -> NDArray[Any] | None:
    """Return names of classes as objects, None where missing; None if `y` is anything else.

    Text that stands for numbers is no name.
    """
    values = np.asarray(y, dtype=None if hasattr(y, "dtype") else object)
    if values.ndim != 1 or values.dtype.kind not in "OUT":
        return None
    names = [None if _is_missing(value) else value for value in values]
    found = [name for name in names if name is not None]
    if not found or not all(isinstance(name, str) for name in found):
        return None
    try:
        np.asarray(found, dtype=np.float64)
    except ValueError:
        classes = np.empty(len(names), dtype=object)
        classes[:] = [None if name is None else str(name) for name in names]
        return classes
    return None


def check_stated(values: ArrayLike, n_features: int, name: str, unit: str) -> NDArray[np.float64]:
    """Return one axis as float64 after checking that its numbers can be in its unit."""
    axis = check_channels(values, n_features, name, unit)
    check_unit(axis, name, unit)
    return axis


def check_channels(values: ArrayLike, n_features: int, name: str, unit: str) -> NDArray[np.float64]:
    """Return one axis as float64 after checking it: finite, strictly monotonic.

    Only an axis in nm must be positive: wavenumbers are 0 or less as shifts of Raman spectra.
    """
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
    n_bad = np.count_nonzero(~(np.isfinite(axis) & ((axis > 0) | (unit != "nm"))))
    if n_bad:
        allowed = "finite and positive" if unit == "nm" else "finite"
        raise ValueError(
            f"{name} has {n_bad} of {n_features} values that are not {allowed}. "
            f"Pass it in {unit}, one {allowed.split()[-1]} number per channel."
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
    found = channels_in_names(feature_names)
    if found is None:
        return None
    values, unit = found
    if unit is not None:
        return check_stated(values, n_features, "the axis in the column names", unit), unit
    unit = unit_of_numbers(values)
    if not unit:
        return None
    return check_channels(values, n_features, "the axis in the column names", unit), unit


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
    values = np.array(labels.tolist())
    if values.dtype.kind == "f" and any(
        isinstance(label, Integral) and abs(int(label)) > LARGEST_EXACT for label in labels
    ):
        raise ValueError(
            f"{name} has integers above 2**53 among floats, which are rounded, so that different "
            "labels would be equal. Convert all to strings or all to integers."
        )
    return values

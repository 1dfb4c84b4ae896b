"""Channels of the instruments in the columns of stacked rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import validate_data

from ..._axes import channels_in_names
from ..._axis_units import likely_unit
from ..._frames import as_frame, in_order_of_names
from ..._interpolation import fill_gaps, interpolate_monotone
from ..._validation import check_axis
from ._channel_order import TrainingSpectra, in_order_of_fit

SPECTRUM_DTYPES = [np.float64, np.float32]  # sums of float16 would overflow


@dataclass(frozen=True)
class Grids:
    """Columns of stacked rows that belong to the source and to the target.

    `source` are the channels that the calibration uses: those of the first source within the range
    of all other instruments, so that nothing is extrapolated. `axis` is None where all have the
    same channels; otherwise `sources` are the channels of every source, if there are several.
    """

    source: NDArray[np.intp]
    target: NDArray[np.intp]
    n_columns: int
    axis: NDArray[np.float64] | None
    sources: tuple[NDArray[np.intp], ...] = ()

    @property
    def leave_gaps(self) -> bool:
        """Return whether an instrument lacks some columns of the stacked rows."""
        return min(map(len, (self.source, self.target, *self.sources))) < self.n_columns

    def on_source(self, X: NDArray[Any], position: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return stacked source rows at the channels of the calibration.

        `position` (n,) is that of the instrument of each row among several sources. Rows of other
        instruments become NaN.
        """
        if position is None or not self.sources:
            return X if len(self.source) == X.shape[1] else X[:, self.source]
        moved = np.full((len(X), len(self.source)), np.nan, dtype=X.dtype)
        for k in range(len(self.sources)):
            moved[position == k] = self._interpolate_source(X[position == k], self.own_channels(k))
        return moved

    def own_channels(self, position: int) -> NDArray[np.intp]:
        """Return the columns that are used of the source at a position, negative for the target."""
        if position < 0:
            return self.target
        if not self.sources or np.isin(self.source, self.sources[position]).all():
            return self.source
        return self.sources[position]

    def _interpolate_source(self, X, channels):
        """Return stacked rows of a source with these channels at those of the calibration."""
        if np.array_equal(channels, self.source) or len(X) == 0 or self.axis is None:
            return X[:, self.source]
        assert_all_finite(X[:, channels], input_name="X")
        return interpolate_monotone(X[:, channels], self.axis[channels], self.axis[self.source])

    def on_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the target's channels of stacked rows."""
        return X if len(self.target) == X.shape[1] else X[:, self.target]

    def to_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target rows interpolated at the source's channels."""
        X = self.on_target(X)
        if self.axis is None or len(X) == 0:
            return X if self.axis is None else np.empty((0, len(self.source)))
        assert_all_finite(X, input_name="X")
        return interpolate_monotone(X, self.axis[self.target], self.axis[self.source])

    def stack_target(self, X: NDArray[Any], target: NDArray[np.intp]) -> NDArray[Any]:
        """Return spectra on the target's own channels as stacked rows, NaN elsewhere."""
        stacked = np.full((len(X), self.n_columns), np.nan)
        stacked[:, target] = X
        return stacked


@dataclass(frozen=True)
class Layout:
    """The columns of stacked rows: channels of both instruments, column names, kind of frame.

    `names` are the column names that fit got, None where they are not all strings; `frame` is the
    kind of data frame they came in, None for an array. A method that `keeps_target_grid` gets
    target spectra on the target's own channels, any other at the channels of the source.
    `own_target` are the columns that the target measures where the rows keep their gaps.
    `training` are spectra of fit, to find the order of the channels of arrays.
    """

    grids: Grids
    names: NDArray[Any] | None
    frame: str | None
    keeps_target_grid: bool
    own_target: NDArray[np.intp] | None = None
    training: tuple[TrainingSpectra, ...] = ()

    @property
    def axes(self) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Axes of target and source; None where both have the same channels."""
        axis = self.grids.axis
        return (None, None) if axis is None else (axis[self.grids.target], axis[self.grids.source])

    @property
    def measured_by_target(self) -> NDArray[np.intp]:
        """Columns of the target's own channels."""
        return self.grids.target if self.own_target is None else self.own_target

    @property
    def named_axis(self) -> NDArray[np.float64] | None:
        """Axis in cm-1 that the column names give, None where they give none."""
        return check_axis(n_features=self.grids.n_columns, feature_names=self.names)

    @property
    def has_rising_wavenumbers(self) -> bool:
        """Whether the column names run from low to high wavenumber; False without an axis."""
        found = None if self.names is None else channels_in_names(self.names)
        if found is None:
            return False
        values, unit = found
        unit = unit or likely_unit(values.min(), values.max())[0]
        rises = {"nm": values[0] > values[-1], "cm-1": values[0] < values[-1]}
        return bool(rises.get(unit, False))

    def of_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return stacked target rows on the channels that the method takes them on."""
        return self.grids.on_target(X) if self.keeps_target_grid else self.grids.to_source(X)

    def at_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra on the channels of `of_target` at the source's channels.

        A method that takes target spectra on their own channels takes gaps too, which are filled.
        """
        if not self.keeps_target_grid:
            return X
        X, (target_axis, source_axis) = fill_gaps(X), self.axes
        if target_axis is None or source_axis is None:
            return X
        return interpolate_monotone(X, target_axis, source_axis)

    def as_given(self, X: NDArray[Any], channels: NDArray[Any] | None = None) -> Any:
        """Return `X` in the frame of fit with its column names, which may be the spectral axis.

        `channels` are the columns that `X` has, by default those of the source.
        """
        if self.frame is None or self.names is None:
            return X
        return as_frame(
            X, self.names[self.grids.source if channels is None else channels], self.frame
        )

    def remembering(self, *spectra: NDArray[Any]) -> "Layout":
        """Return the layout with a summary of the rows of each instrument, if columns are named."""
        if self.names is None or channels_in_names(self.names) is None:
            return self
        summaries = map(TrainingSpectra.of, spectra)
        return replace(self, training=tuple(each for each in summaries if each is not None))

    def read(self, estimator: BaseEstimator, X: Any, *, allow_nan: bool) -> NDArray[Any]:
        """Return float spectra in the columns of fit.

        Spectra on the target's own channels are placed in its columns. Data frames whose columns
        name the channels of fit are put in order by their names.
        """
        target = self.measured_by_target
        if len(target) < self.grids.n_columns and np.ndim(X) == 2:
            n_columns = np.shape(X)[1]
            if n_columns == len(target):
                return self._read_own_channels(X, target)
            if n_columns != self.grids.n_columns:
                raise ValueError(
                    f"X has {n_columns} columns, and the target has {len(target)} channels"
                    f"{self._ends(target)}. Pass these alone, or all {self.grids.n_columns} "
                    "columns of fit."
                )
        X = in_order_of_names(X, self.names)
        finite = "allow-nan" if allow_nan or self.grids.leave_gaps else True
        is_array = not hasattr(X, "columns")
        if is_array and self.training and np.shape(X)[1:] == (self.grids.n_columns,):
            # The order of arrays is checked below: no warning that they have no names.
            X = check_array(X, dtype=SPECTRUM_DTYPES, ensure_all_finite=finite, input_name="X")
            return self._in_order(X, lambda rows: rows, self.names, ask=False)
        return validate_data(
            estimator, X, dtype=SPECTRUM_DTYPES, ensure_all_finite=finite, reset=False
        )

    def read_as_given(self, estimator: BaseEstimator, X: Any) -> Any:
        """Return spectra in the columns of fit, as a data frame if fit got one."""
        X = self.read(estimator, X, allow_nan=True)
        return self.as_given(X, np.arange(self.grids.n_columns))

    def _read_own_channels(self, X, target):
        """Return stacked rows of spectra on the target's own channels."""
        names = None if self.names is None else self.names[target]
        X = in_order_of_names(X, names)
        is_named = hasattr(X, "columns") and names is not None
        if is_named:
            self._check_target_names(X, names)
        X = check_array(X, dtype=SPECTRUM_DTYPES, ensure_all_finite="allow-nan")
        if not is_named:
            X = self._in_order(X, lambda X: self.grids.stack_target(X, target), names, ask=True)
        return self.grids.stack_target(X, target)

    def _ends(self, channels):
        """Return the names of the first and last of some channels, if they have names."""
        if self.names is None:
            return ""
        return f" from {self.names[channels[0]]!r} to {self.names[channels[-1]]!r}"

    def _in_order(self, X, place, names, *, ask):
        """Return spectra without names in the order of fit; its channels have `names`."""
        ends = "" if names is None else f"from {names[0]!r} to {names[-1]!r}"
        return in_order_of_fit(X, place, self.training, ends, ask=ask)

    def _check_target_names(self, X, expected):
        """Refuse a frame on the target's own channels whose columns name others."""
        n_other = np.count_nonzero(expected != np.asarray(X.columns, dtype=object))
        if n_other:
            raise ValueError(
                f"{n_other} of the {len(expected)} columns of X are not named as in fit, and do "
                "not name the same channels in another order or unit. Pass the target's channels "
                f"with their names or as an array, or all {self.grids.n_columns} columns of fit."
            )


def whole_grid(n_columns: int) -> Grids:
    """Return the grids of two instruments that both measure every column."""
    columns = np.arange(n_columns)
    return Grids(columns, columns, n_columns, None)


def find_grids(
    X_source: NDArray[Any],
    X_target: NDArray[Any],
    more_sources: Sequence[NDArray[Any]] = (),
    *,
    feature_names: ArrayLike | None = None,
    wavenumber: ArrayLike | None = None,
) -> Grids:
    """Return the channels of the instruments: the columns that any of their rows measures."""
    n_columns = X_source.shape[1]
    measured = [np.isfinite(X).any(axis=0) for X in (X_source, X_target, *more_sources)]
    are_same = all(np.array_equal(measured[0], mask) for mask in measured)
    if (are_same and measured[0].all()) or not all(mask.any() for mask in measured):
        return whole_grid(n_columns)
    source, target, *more = (np.flatnonzero(mask) for mask in measured)
    axis = check_axis(wavenumber=wavenumber, n_features=n_columns, feature_names=feature_names)
    if are_same:  # other columns of a named axis belong to other instruments
        return whole_grid(n_columns) if axis is None else Grids(source, target, n_columns, None)
    if axis is None:
        counts = ", ".join(str(len(channels)) for channels in (source, *more))
        raise ValueError(
            f"The source measures {counts} of the {n_columns} columns of X and the target "
            f"{len(target)} others, and the columns do not name an axis for the interpolation. "
            "Stack the spectra with stack_instruments(..., wavelength=...)."
        )
    shared = source
    for role, channels in (("target", target), *(("other sources", each) for each in more)):
        low, high = axis[channels].min(), axis[channels].max()
        shared = shared[(axis[shared] >= low) & (axis[shared] <= high)]
        if len(shared) < 2 or len(channels) < 2:
            raise ValueError(
                f"{len(shared)} of the {len(source)} channels of the source "
                f"({_span(axis[source])}) lie within the range of the {role} "
                f"({_span(axis[channels])}), and at least 2 are needed. Choose instruments whose "
                "ranges overlap."
            )
    return Grids(shared, target, n_columns, axis, (source, *more) if more else ())


def _span(axis):
    """Return the range of an axis in cm-1, in nm, or in cm-1 if it has Raman shifts around 0."""
    if axis.min() <= 0:
        return f"{axis.min():.0f} to {axis.max():.0f} cm-1"
    return f"{1e7 / axis.max():.0f} to {1e7 / axis.min():.0f} nm"

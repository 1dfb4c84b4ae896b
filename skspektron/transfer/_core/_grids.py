"""The channels of two instruments in stacked rows, and the way from one grid to the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from sklearn.utils import assert_all_finite

from ..._validation import check_axis


@dataclass(frozen=True)
class Grids:
    """Columns of stacked rows that belong to the source and to the target.

    `source` are the channels that the calibration uses: those of the source within the range of
    the target, so that nothing is extrapolated. `axis` is None where both have the same channels.
    """

    source: NDArray[np.intp]
    target: NDArray[np.intp]
    n_columns: int
    axis: NDArray[np.float64] | None

    @property
    def leave_gaps(self) -> bool:
        """Tell whether stacked rows have columns that their instrument does not measure."""
        return min(len(self.source), len(self.target)) < self.n_columns

    def on_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the source's channels of stacked rows."""
        return X if len(self.source) == X.shape[1] else X[:, self.source]

    def on_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the target's channels of stacked rows."""
        return X if len(self.target) == X.shape[1] else X[:, self.target]

    def to_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target rows interpolated at the channels of the source."""
        X = self.on_target(X)
        if self.axis is None or len(X) == 0:
            return X if self.axis is None else np.empty((0, len(self.source)))
        assert_all_finite(X, input_name="X")
        order = np.argsort(self.axis[self.target])
        known = self.axis[self.target][order]
        return PchipInterpolator(known, X[:, order], axis=1)(self.axis[self.source])

    def stack_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return spectra on the target's own channels as rows of the stacked layout."""
        stacked = np.full((len(X), self.n_columns), np.nan)
        stacked[:, self.target] = X
        return stacked


def whole_grid(n_columns: int) -> Grids:
    """Return the grids of two instruments that measure every column."""
    columns = np.arange(n_columns)
    return Grids(columns, columns, n_columns, None)


def find_grids(
    X_source: NDArray[Any],
    X_target: NDArray[Any],
    *,
    feature_names: ArrayLike | None = None,
    wavenumber: ArrayLike | None = None,
) -> Grids:
    """Return the channels of both instruments: the columns that any of their rows measures."""
    n_columns = X_source.shape[1]
    measured = [np.isfinite(X).any(axis=0) for X in (X_source, X_target)]
    are_same = np.array_equal(*measured)
    if (are_same and measured[0].all()) or not all(mask.any() for mask in measured):
        return whole_grid(n_columns)
    source, target = (np.flatnonzero(mask) for mask in measured)
    axis = check_axis(wavenumber=wavenumber, n_features=n_columns, feature_names=feature_names)
    if are_same:  # on a named axis the rest is of other instruments; else the estimator judges it
        return whole_grid(n_columns) if axis is None else Grids(source, target, n_columns, None)
    if axis is None:
        raise ValueError(
            f"Of the {n_columns} channels the source measures {len(source)} and the target "
            f"{len(target)} others, and the columns of X do not name an axis to go from one grid "
            "to the other. Stack the spectra with stack_instruments(..., wavelength=...)."
        )
    low, high = axis[target].min(), axis[target].max()
    shared = source[(axis[source] >= low) & (axis[source] <= high)]
    if len(shared) < 2 or len(target) < 2:
        raise ValueError(
            f"{len(shared)} of the {len(source)} channels of the source "
            f"({_span(axis[source])}) lie within the range of the target ({_span(axis[target])}), "
            "and at least 2 are needed. Choose instruments whose ranges overlap."
        )
    return Grids(shared, target, n_columns, axis)


def _span(axis):
    """Return the range of an axis in words."""
    return f"{1e7 / axis.max():.0f} to {1e7 / axis.min():.0f} nm"

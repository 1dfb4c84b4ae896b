"""Views: the preprocessings to which an ensemble fits its calibrations."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ..._bands import channels_near
from ..._interpolation import fill_gaps, interpolate_monotone
from ...preprocessing import SNV
from .._core._standards import Rows, Standards
from ._weights import ViewedRows

FIRST_DERIVATIVE_WINDOW, SECOND_DERIVATIVE_WINDOW = 11, 21  # channels
BANDS = {
    "water": ("water",),
    "O-H": ("free O-H", "bonded O-H", "C-H of sugars"),
    "N-H": ("amide N-H", "amine N-H", "amide C=O"),
    "C-H": ("C-H of CH2", "C-H of CH3", "aromatic C-H"),
}
# A band view keeps at least 10 channels and at most 80 % of them.
MIN_BAND_CHANNELS, MAX_BAND_FRACTION = 10, 0.8


def spectral_views(n_channels: int, wavenumber: NDArray[Any] | None) -> dict[str, Any]:
    """Return transformers by name: the spectra, SNV, derivatives, and derivatives at bands.

    The band views need the axis `wavenumber` in cm-1.
    """
    views = {"spectra": FunctionTransformer(), "SNV": SNV()}
    if n_channels < 5:  # too few for a derivative
        return _with_array_output(views)
    first = _derivative(1, FIRST_DERIVATIVE_WINDOW, n_channels)
    views |= {
        "first derivative": first,
        "SNV, first derivative": make_pipeline(SNV(), first),
        "second derivative": _derivative(2, SECOND_DERIVATIVE_WINDOW, n_channels),
    }
    if wavenumber is not None:
        for name, groups in BANDS.items():
            near = channels_near(groups, wavenumber)
            if near.sum() >= MIN_BAND_CHANNELS and near.mean() <= MAX_BAND_FRACTION:
                chosen = FunctionTransformer(partial(np.take, indices=np.flatnonzero(near), axis=1))
                views[f"first derivative at {name}"] = make_pipeline(first, chosen)
    return _with_array_output(views)


def _with_array_output(views: dict[str, Any]) -> dict[str, Any]:
    """Return the views set to output arrays, whatever scikit-learn's global configuration says."""
    return {name: view.set_output(transform="default") for name, view in views.items()}


def _derivative(order: int, window_length: int, n_channels: int) -> SavitzkyGolay:
    """Return a Savitzky-Golay derivative whose window fits into the spectrum."""
    window_length = min(window_length, n_channels - 1 + n_channels % 2)
    return SavitzkyGolay(window_length=window_length, polyorder=2, deriv=order, mode="interp")


@dataclass(frozen=True)
class CommonViews:
    """Fitted views of spectra with gaps, at the channels of the source.

    `axes` are those of target and source in cm-1, None where both have the same channels.
    """

    axes: tuple[NDArray[Any] | None, NDArray[Any] | None]
    views: dict[str, Any]

    @classmethod
    def of(
        cls,
        X: NDArray[Any],
        wavenumber: NDArray[Any],
        axes: tuple[NDArray[Any] | None, NDArray[Any] | None],
    ) -> "CommonViews":
        """Fit the views on the rows of the source, on its channels at `wavenumber`."""
        views = spectral_views(X.shape[1], wavenumber)
        return cls(axes, {name: view.fit(fill_gaps(X)) for name, view in views.items()})

    def transform_training(self, source: Rows, standards: Standards) -> dict[str, ViewedRows]:
        """Return source rows and both spectra of the standards in every view."""
        X, X_source = (self._transform(fill_gaps(X)) for X in (source.X, standards.X_source))
        return viewed_rows(X, X_source, self.transform_target(standards.X_target))

    def transform_target(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return target spectra, on the target's channels, in every view."""
        X, (target, source) = fill_gaps(np.asarray(X, dtype=np.float64)), self.axes
        if target is not None and source is not None:
            X = interpolate_monotone(X, target, source)
        return self._transform(X)

    def _transform(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return spectra at the channels of the source in every view."""
        return {name: view.transform(X) for name, view in self.views.items()}


def viewed_rows(
    Z: dict[str, NDArray[Any]], Z_source: dict[str, NDArray[Any]], Z_target: dict[str, NDArray[Any]]
) -> dict[str, ViewedRows]:
    """Return source rows and both spectra of the standards, by view.

    A derivative has the rounding error of the spectra that it was taken from.
    """

    def size(name):
        before = "SNV" if name.startswith("SNV,") else "spectra"
        return norm(*(rows[before if "derivative" in name else name] for rows in blocks))

    blocks = Z, Z_source, Z_target
    return {
        name: ViewedRows(Z[name], Z_source[name], Z_target[name], size=size(name)) for name in Z
    }


def norm(*blocks: NDArray[Any]) -> float:
    """Return the norm of several blocks of rows together."""
    return float(np.sqrt(sum((rows**2).sum() for rows in blocks)))

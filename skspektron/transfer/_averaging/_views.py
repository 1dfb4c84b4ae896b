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
from ..._interpolation import fill_gaps
from ...preprocessing import SNV
from .._core._grids import Grids, find_grids
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
    """Fitted views of spectra with gaps, on the channels that two instruments have in common."""

    grids: Grids
    views: dict[str, Any]

    @classmethod
    def of(
        cls, X_source: NDArray[Any], X_target: NDArray[Any], wavenumber: NDArray[Any]
    ) -> "CommonViews":
        """Find the common channels and fit the views on the rows of the source."""
        grids = find_grids(X_source, X_target, wavenumber=wavenumber)
        X = fill_gaps(grids.on_source(X_source))
        views = spectral_views(X.shape[1], wavenumber[grids.source])
        return cls(grids, {name: view.fit(X) for name, view in views.items()})

    def transform_training(self, source: Rows, standards: Standards) -> dict[str, ViewedRows]:
        """Return source rows and both spectra of the standards in every view."""
        X, X_source = (fill_gaps(self.grids.on_source(X)) for X in (source.X, standards.X_source))
        X_target = self._on_common_channels(standards.X_target)
        return viewed_rows(*map(self._transform, (X, X_source, X_target)))

    def transform_target(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return target spectra in every view."""
        return self._transform(self._on_common_channels(X))

    def _transform(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return spectra on the common channels in every view."""
        return {name: view.transform(X) for name, view in self.views.items()}

    def _on_common_channels(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra on the common channels, with gaps filled."""
        filled = np.array(X, dtype=np.float64)
        filled[:, self.grids.target] = fill_gaps(filled[:, self.grids.target])
        return self.grids.to_source(filled)


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

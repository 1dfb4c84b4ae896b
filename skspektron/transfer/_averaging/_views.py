"""Views of spectra: the preprocessings that an ensemble of calibrations is fitted behind."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ..._bands import channels_near
from ...preprocessing import SNV
from .._core._grids import Grids, find_grids
from .._core._standards import Rows, Standards
from ._weights import ViewedRows

FIRST, SECOND = 11, 21  # channels in the window of a first and of a second derivative
BANDS = {
    "water": ("water",),
    "O-H": ("free O-H", "bonded O-H", "C-H of sugars"),
    "N-H": ("amide N-H", "amine N-H", "amide C=O"),
    "C-H": ("C-H of CH2", "C-H of CH3", "aromatic C-H"),
}
FEWEST_CHANNELS, LARGEST_SHARE = 10, 0.8  # of a band view: one channel or all of them are none


def spectral_views(n_channels: int, wavenumber: NDArray[Any] | None) -> dict[str, Any]:
    """Return transformers by name: the spectra, SNV, derivatives, and derivatives at bands.

    Without an axis (`wavenumber` in cm-1) nobody knows where the bands are.
    """
    views = {"spectra": FunctionTransformer(), "SNV": SNV()}
    if n_channels < 5:  # no derivative is worth its name
        return _as_arrays(views)
    first, second = _derivative(1, FIRST, n_channels), _derivative(2, SECOND, n_channels)
    views |= {
        "first derivative": first,
        "SNV, first derivative": make_pipeline(SNV(), first),
        "second derivative": second,
    }
    if wavenumber is not None:
        for name, groups in BANDS.items():
            near = channels_near(groups, wavenumber)
            if near.sum() >= FEWEST_CHANNELS and near.mean() <= LARGEST_SHARE:
                chosen = FunctionTransformer(partial(np.take, indices=np.flatnonzero(near), axis=1))
                views[f"first derivative at {name}"] = make_pipeline(first, chosen)
    return _as_arrays(views)


def _as_arrays(views: dict[str, Any]) -> dict[str, Any]:
    """Return the views so that they give arrays, whatever scikit-learn is asked for elsewhere."""
    return {name: view.set_output(transform="default") for name, view in views.items()}


def _derivative(order: int, window: int, n_channels: int) -> SavitzkyGolay:
    """Return a Savitzky-Golay derivative whose window fits into the spectrum."""
    window = min(window, n_channels - 1 + n_channels % 2)
    return SavitzkyGolay(window_length=window, polyorder=2, deriv=order, mode="interp")


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
        X = without_gaps(grids.on_source(X_source))
        views = spectral_views(X.shape[1], wavenumber[grids.source])
        return cls(grids, {name: view.fit(X) for name, view in views.items()})

    def see(self, source: Rows, standards: Standards) -> dict[str, ViewedRows]:
        """Return what every view makes of source rows and of both spectra of the standards."""
        X, X_source = (
            without_gaps(self.grids.on_source(X)) for X in (source.X, standards.X_source)
        )
        X_target = self.on_common(standards.X_target)
        return viewed_rows(
            *(
                {name: view.transform(rows) for name, view in self.views.items()}
                for rows in (X, X_source, X_target)
            )
        )

    def of_target(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return what every view makes of target spectra."""
        X = self.on_common(X)
        return {name: view.transform(X) for name, view in self.views.items()}

    def on_common(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra on the common channels, without gaps."""
        filled = np.array(X, dtype=np.float64)
        filled[:, self.grids.target] = without_gaps(filled[:, self.grids.target])
        return self.grids.to_source(filled)


def viewed_rows(
    Z: dict[str, NDArray[Any]], Z_source: dict[str, NDArray[Any]], Z_target: dict[str, NDArray[Any]]
) -> dict[str, ViewedRows]:
    """Return source rows and both spectra of the standards in every view.

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


def without_gaps(X: NDArray[Any]) -> NDArray[Any]:
    """Return spectra whose NaN are interpolated along the channels; one of NaN alone is zero."""
    gaps = np.isnan(X)
    if not gaps.any():
        return X
    filled, channels = np.where(gaps, 0.0, X), np.arange(X.shape[1])
    for row, gap in zip(filled, gaps, strict=True):
        if gap.any() and not gap.all():
            row[gap] = np.interp(channels[gap], channels[~gap], row[~gap])
    return filled

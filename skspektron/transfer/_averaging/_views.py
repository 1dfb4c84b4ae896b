"""Views: the preprocessings to which an ensemble fits its calibrations."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ..._bands import channels_near
from ..._interpolation import fill_gaps, interpolate_monotone
from ...calibration._views import DERIVATIVES, MIN_CHANNELS, savitzky_golay, spectral_views

BANDS = {
    "water": ("water",),
    "O-H": ("free O-H", "bonded O-H", "C-H of sugars"),
    "N-H": ("amide N-H", "amine N-H", "amide C=O"),
    "C-H": ("C-H of CH2", "C-H of CH3", "aromatic C-H"),
}
BAND_VIEWS = {f"first derivative at {name}": groups for name, groups in BANDS.items()}
# A band view keeps at least 10 channels and at most 80 % of them.
MIN_BAND_CHANNELS, MAX_BAND_FRACTION = 10, 0.8


def fit_views(X: NDArray[Any], wavenumber: NDArray[Any] | None) -> dict[str, Any]:
    """Return transformers by name, fitted on spectra: preprocessings, and derivatives at bands.

    The band views need the axis `wavenumber` in cm-1.
    """
    # Narrow second derivatives amplify noise, which differs between instruments.
    n_channels, views = X.shape[1], spectral_views(X.shape[1])
    views = {name: view for name, view in views.items() if "narrow" not in name}
    if wavenumber is not None and n_channels >= MIN_CHANNELS:
        views |= _band_views(n_channels, wavenumber)
    return {name: view.fit(X) for name, view in views.items()}


def _band_views(n_channels: int, wavenumber: NDArray[Any]) -> dict[str, Any]:
    """Return first derivatives at the bands that the axis covers."""
    views = {}
    for name, groups in BAND_VIEWS.items():
        near = channels_near(groups, wavenumber)
        if near.sum() >= MIN_BAND_CHANNELS and near.mean() <= MAX_BAND_FRACTION:
            first = savitzky_golay(*DERIVATIVES["first derivative"], n_channels)
            chosen = FunctionTransformer(partial(np.take, indices=np.flatnonzero(near), axis=1))
            views[name] = make_pipeline(first, chosen).set_output(transform="default")
    return views


def view_fractions(names: Iterable[str]) -> dict[str, float]:
    """Return the prior weight of each view: 1, which the views of bands share."""
    names = list(names)
    n_bands = sum(name in BAND_VIEWS for name in names)
    return {name: 1 / n_bands if name in BAND_VIEWS else 1.0 for name in names}


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
        return cls(axes, fit_views(fill_gaps(X), wavenumber))

    def place(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra, on the target's channels, at the channels of the source."""
        X, (target, source) = fill_gaps(np.asarray(X, dtype=np.float64)), self.axes
        if target is not None and source is not None:
            X = interpolate_monotone(X, target, source)
        return X

    def transform(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return spectra at the channels of the source in every view."""
        return {name: np.asarray(view.transform(X)) for name, view in self.views.items()}

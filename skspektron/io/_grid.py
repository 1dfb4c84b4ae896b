"""A common axis for spectra of several files."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._axes import CHANNEL_TOLERANCE
from .._interpolation import interpolate_linear
from ._spectrum import Spectrum

_UNITS = {"wavelength": "nm", "wavenumber": "cm-1"}


def in_one_unit(
    spectra: Sequence[Spectrum], names: Sequence[str], axis: str | None
) -> list[Spectrum]:
    """Return spectra with all axes in the unit of `axis`, or in the unit that they share."""
    unit = _UNITS[axis] if axis else spectra[0].unit
    converted = []
    for spectrum, name in zip(spectra, names, strict=True):
        if spectrum.unit != unit and axis is None:
            raise ValueError(
                f"The axis of {names[0]} is in {unit}, that of {name} in {spectrum.unit}. "
                "Pass axis='wavelength' or axis='wavenumber' to convert them."
            )
        if spectrum.unit != unit and spectrum.quantity == "raman intensity":
            raise ValueError(
                f"{name} is a Raman spectrum, whose shift in {spectrum.unit} has no {axis} without "
                "that of the laser. Pass axis=None."
            )
        if spectrum.unit != unit and not (spectrum.axis > 0).all():
            raise ValueError(
                f"{name} has an axis down to {spectrum.axis.min():g} {spectrum.unit}, a Raman "
                f"shift, which has no {axis} without that of the laser. Pass axis=None."
            )
        if spectrum.unit != unit:
            spectrum = replace(spectrum, axis=1e7 / spectrum.axis, unit=unit)
        converted.append(spectrum)
    return converted


def on_one_axis(
    spectra: Sequence[Spectrum], names: Sequence[str], interpolate: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return X (n_spectra, n_channels), its axis, and a description of the interpolation."""
    axis, unit = spectra[0].axis, spectra[0].unit
    same = [_rows_on(axis, spectrum) for spectrum in spectra]
    other = [i for i, values in enumerate(same) if values is None]
    if not other:
        return np.array(same), axis, []
    if not interpolate:
        raise ValueError(
            f"{names[0]} has {_describe(axis, unit)}, {names[other[0]]} has "
            f"{_describe(spectra[other[0]].axis, unit)}. Read them separately, or pass "
            "interpolate=True to interpolate at the channels of the first."
        )
    shared = _shared_channels(axis, spectra)
    X = np.concatenate([interpolate_linear(s.values[None], s.axis, shared) for s in spectra])
    count = f"{len(other)} of {len(spectra)} spectra"
    return X, shared, [f"{count}: interpolated linearly at {_describe(shared, unit)}."]


def _rows_on(axis: NDArray[np.float64], spectrum: Spectrum) -> NDArray[np.float64] | None:
    """Return the values of a spectrum in the order of `axis`, or None if its axis is another."""
    if spectrum.axis is axis:
        return spectrum.values
    if len(spectrum.axis) == len(axis):
        for order in (slice(None), slice(None, None, -1)):
            if np.allclose(spectrum.axis[order], axis, rtol=CHANNEL_TOLERANCE, atol=0):
                return spectrum.values[order]
    return None


def _shared_channels(axis: NDArray[np.float64], spectra: Sequence[Spectrum]) -> NDArray[np.float64]:
    """Return the channels of `axis`, the first, within the range of all axes."""
    low = max(spectrum.axis.min() for spectrum in spectra)
    high = min(spectrum.axis.max() for spectrum in spectra)
    inside = (axis >= low * (1 - CHANNEL_TOLERANCE)) & (axis <= high * (1 + CHANNEL_TOLERANCE))
    if inside.sum() < 2:
        raise ValueError(
            f"Only {inside.sum()} of {len(axis)} channels of the first file are within the range "
            "of all files, and at least 2 are needed. Read them separately."
        )
    shared: NDArray[np.float64] = axis[inside]
    return shared


def _describe(axis: NDArray[np.float64], unit: str) -> str:
    """Return a description of an axis."""
    return f"{len(axis)} channels from {axis[0]:g} to {axis[-1]:g} {unit}"

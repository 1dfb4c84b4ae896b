"""Tasks on which choices are made: real spectra, measured again by simulated second instruments.

Only the sugarcane handhelds are several real instruments with reference values among the
development sets. The others are single instruments: a second one is simulated that reads the same
samples with a shifted and stretched axis, other resolution, gain, baseline, stray light and noise,
each drawn at random. Samples are at most `MAX_SAMPLES` and channels at most `MAX_CHANNELS`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

MAX_SAMPLES, MAX_CHANNELS = 100, 300
# Set: array of spectra, properties, first and last wavelength in nm.
SINGLE_INSTRUMENTS = {
    "barley_auroranir": (("moisture", "protein"), 950.0, 1650.0),
    "diesel_swri": (("CN", "TOTAL"), 750.0, 1550.0),
    "gasoline_kalivas": (("octane",), 900.0, 1700.0),
    "soil_limesoda_ssp_460": (("SOC", "Clay"), 500.0, 2450.0),
    "soil_nirsoil": (("carbon", "CEC"), 1100.0, 2498.0),
    "soil_geeves": (("clay", "total_carbon"), 500.0, 2450.0),
    "tecator": (("moisture", "protein"), 850.0, 1048.0),
}
REFLECTANCE = {"soil_limesoda_ssp_460": 0.01, "soil_geeves": 1.0}  # factor to a fraction
STRENGTHS = {"alike": 0.3, "unlike": 1.0}  # of the differences between the instruments


def single_instrument_sets(
    max_samples: int = MAX_SAMPLES,
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any], dict[str, Any]]]:
    """Yield name, axis in nm, spectra (n, p) and properties (n,) of every set."""
    folder = os.environ.get("SKSPEKTRON_DATA")
    if folder is None:
        raise SystemExit("SKSPEKTRON_DATA is not set. Set it to the folder of the spectra.")
    for name, (properties, low, high) in SINGLE_INSTRUMENTS.items():
        with np.load(Path(folder) / f"{name}.npz") as file:
            data = dict(file)
        [key] = [key for key in data if key.startswith("X")]
        wavelength = np.asarray(data["wavelengths"], dtype=float)
        values = np.column_stack([np.asarray(data[p], dtype=float) for p in properties])
        is_used = np.isfinite(values).all(axis=1) & np.isfinite(data[key]).all(axis=1)
        if "duplicate_of_earlier" in data:
            is_used &= ~np.asarray(data["duplicate_of_earlier"], dtype=bool)
        rows = np.random.default_rng(0).permutation(np.flatnonzero(is_used))[:max_samples]
        inside = np.flatnonzero((wavelength >= low) & (wavelength <= high))
        channels = inside[:: -(-len(inside) // MAX_CHANNELS)]
        spectra = np.asarray(data[key], dtype=float)[np.ix_(rows, channels)]
        if name in REFLECTANCE:
            spectra = -np.log10(spectra * REFLECTANCE[name])
        yield (
            name,
            wavelength[channels],
            spectra,
            dict(zip(properties, values[rows].T, strict=True)),
        )


def second_instrument(X: NDArray[Any], strength: float, seed: int) -> NDArray[Any]:
    """Return the spectra (n, p) as another instrument would measure them.

    `strength` scales all differences; at 1 the axis moves by up to a channel, gain and baseline
    change by some per cent of the range of the spectra, and stray light is about 1 % of the light
    that reaches the detector at the median of the spectra.
    """
    rng = np.random.default_rng(seed)
    n_samples, n_channels = X.shape
    size = np.ptp(X, axis=1).mean()
    t = np.linspace(-1, 1, n_channels)

    def curve(degree):
        return np.polynomial.legendre.legval(t, rng.normal(size=degree + 1) / (degree + 1))

    moved = np.arange(n_channels) + strength * (rng.normal() + 0.5 * curve(2))
    X = np.stack([np.interp(moved, np.arange(n_channels), row) for row in X])
    X = gaussian_filter1d(X, strength * abs(rng.normal()) + 1e-6, axis=1, mode="nearest")
    stray = 0.01 * strength * rng.uniform() * 10.0 ** -np.median(X)
    X = -np.log10((10.0**-X + stray) / (1 + stray))
    X = X * (1 + 0.03 * strength * curve(3)) + 0.03 * strength * size * curve(4)
    per_spectrum = rng.normal(size=(n_samples, 3)) @ np.stack([np.ones_like(t), t, t**2])
    X = X + 0.01 * strength * size * per_spectrum
    return X + 2e-4 * strength * size * rng.normal(size=X.shape)


def replicated(X: NDArray[Any], seed: int) -> NDArray[Any]:
    """Return the spectra with the noise of a second scan, as the source measures them."""
    size = np.ptp(X, axis=1).mean()
    return X + 1e-4 * size * np.random.default_rng(seed).normal(size=X.shape)

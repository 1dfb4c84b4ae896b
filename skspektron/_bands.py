"""Absorption bands of simulated compounds: fundamentals, overtones and combinations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MAX_QUANTA = 5
HEIGHT_PER_QUANTUM = 0.1  # ratio of the heights of successive overtones
SPAN = (200.0, 16000.0)  # cm-1, from skeletal bending to the fourth O-H overtone


class Vibration(NamedTuple):
    """A stretching vibration and the bending vibrations that combine with it, in cm-1."""

    fundamental: float
    anharmonicity: float  # x_e, dimensionless
    width: float  # standard deviation of the fundamental band
    strength: float  # height of the fundamental, relative
    bendings: tuple[float, ...] = ()


HYDROGENIC = {
    "water": Vibration(3530, 0.0217, 80, 1.0, (1640,)),
    "free O-H": Vibration(3620, 0.0230, 20, 0.5, (1250, 1380)),
    "bonded O-H": Vibration(3370, 0.0190, 85, 1.0, (1410, 1100)),
    "amide N-H": Vibration(3370, 0.0185, 45, 0.6, (1550, 1655)),
    "amine N-H": Vibration(3400, 0.0175, 40, 0.4, (1610,)),
    "aromatic C-H": Vibration(3055, 0.0190, 14, 0.4, (1600, 1180)),
    "olefinic C-H": Vibration(3015, 0.0190, 14, 0.4, (1660, 1410)),
    "C-H of CH3": Vibration(2960, 0.0175, 16, 0.6, (1375, 1460)),
    "C-H of CH2": Vibration(2920, 0.0110, 16, 0.8, (1455, 1350, 720)),
    "C-H of sugars": Vibration(2900, 0.0120, 25, 0.5, (1370, 1080)),
    "S-H": Vibration(2570, 0.0190, 15, 0.1, (860,)),
}

SKELETAL = {
    "ester C=O": Vibration(1740, 0.0065, 10, 1.5),
    "acid C=O": Vibration(1705, 0.0065, 16, 1.5),
    "amide C=O": Vibration(1655, 0.0065, 18, 1.5),
    "ring C=C": Vibration(1600, 0.0050, 9, 0.6),
    "nitro or carboxylate": Vibration(1540, 0.0050, 12, 0.8),
    "aryl C-O": Vibration(1250, 0.0050, 12, 0.9),
    "alcohol C-O": Vibration(1080, 0.0050, 20, 1.5),
    "glycosidic C-O-C": Vibration(1020, 0.0050, 25, 1.5),
    "chain C-C": Vibration(890, 0.0050, 12, 0.3),
    "out-of-plane C-H": Vibration(760, 0.0050, 8, 0.7),
    "ring bending": Vibration(580, 0.0050, 12, 0.3),
    "C-C-O bending": Vibration(430, 0.0050, 15, 0.3),
}


@dataclass(frozen=True)
class Bands:
    """Bands of all compounds.

    Attributes
    ----------
    position, width : ndarray of shape (n_bands,)
        Centre and standard deviation in cm-1.
    lorentzian : ndarray of shape (n_bands,)
        Lorentzian fraction of the pseudo-Voigt profile, 0 to 1.
    height : ndarray of shape (n_components, n_bands)
        Absorptivity at the centre, relative; zero where a compound lacks the band.
    """

    position: np.ndarray
    width: np.ndarray
    lorentzian: np.ndarray
    height: np.ndarray

    def spectra(self, wavenumber: np.ndarray, line_width: float = 0.0) -> np.ndarray:
        """Return pure spectra (n_components, n_features) for a slit of `line_width` cm-1 (std)."""
        width = np.hypot(self.width, line_width)
        z = (wavenumber - self.position[:, None]) / width[:, None]  # (n_bands, n_features)
        z *= z
        profile = (1 - self.lorentzian[:, None]) * np.exp(-0.5 * z)
        # Same half width at half maximum, sigma sqrt(2 ln 2), for both parts.
        profile += self.lorentzian[:, None] / (1 + z / (2 * np.log(2)))
        return (self.height * (self.width / width)) @ profile


def draw_bands(n_components: int, rng: np.random.Generator) -> Bands:
    """Draw compounds with two or three hydrogenic and two to four skeletal groups each."""
    compounds = [_draw_compound(rng) for _ in range(n_components)]
    height = np.zeros((n_components, sum(len(rows) for rows in compounds)))
    stop = 0
    for component, rows in enumerate(compounds):
        start, stop = stop, stop + len(rows)
        height[component, start:stop] = rows[:, 2]
    position, width, _, lorentzian = np.concatenate(compounds).T
    return Bands(position, width, lorentzian, height)


def _draw_compound(rng: np.random.Generator) -> np.ndarray:
    """Return bands of one compound as rows (position, width, height, lorentzian)."""
    chosen = [
        *rng.choice(list(HYDROGENIC), size=rng.integers(2, 4), replace=False),
        *rng.choice(list(SKELETAL), size=rng.integers(2, 5), replace=False),
    ]
    vibrations = HYDROGENIC | SKELETAL
    return np.concatenate([_draw_vibration(vibrations[name], rng) for name in chosen])


def _draw_vibration(vibration: Vibration, rng: np.random.Generator) -> np.ndarray:
    """Return bands of one vibration, shifted at random as by its neighbours in the compound."""
    shifted = vibration._replace(
        fundamental=vibration.fundamental * (1 + 0.004 * rng.standard_normal()),
        width=vibration.width * np.exp(0.2 * rng.standard_normal()),
        strength=vibration.strength * np.exp(0.4 * rng.standard_normal()),
        bendings=tuple(b * (1 + 0.004 * rng.standard_normal()) for b in vibration.bendings),
    )
    bands = transitions(shifted)
    bands[:, 2] *= np.exp(0.3 * rng.standard_normal(len(bands)))
    return np.column_stack([bands, rng.uniform(0, 0.3, len(bands))])


def transitions(vibration: Vibration) -> np.ndarray:
    """Return position, width and height of each overtone and combination, (n_bands, 3).

    ``n`` quanta of an anharmonic stretching vibration lie at ``n w - n (n + 1) w x_e`` [1]_. The
    width of a band is proportional to its quanta, and each quantum reduces its height by a factor
    of ten, as tabulated in [2]_.

    References
    ----------
    .. [1] Morse, Phys. Rev. 34 (1929) 57-64.
    .. [2] Workman & Weyer, Practical Guide and Spectral Atlas for Interpretive
       Near-Infrared Spectroscopy, 2nd ed., CRC Press (2012).
    """
    states = [(n, 0, 0.0) for n in range(1, MAX_QUANTA + 1)]
    states += [
        (n, m, bending)
        for bending in vibration.bendings
        for m in (1, 2)
        for n in range(MAX_QUANTA + 1 - m)
    ]
    n, m, bending = np.array(states).T
    harmonic = vibration.fundamental / (1 - 2 * vibration.anharmonicity)
    position = n * harmonic * (1 - (n + 1) * vibration.anharmonicity) + m * bending
    quanta = n + m
    height = vibration.strength * HEIGHT_PER_QUANTUM ** (quanta - 1)
    return np.column_stack([position, vibration.width * quanta, height])


def channels_near(
    groups: Sequence[str], wavenumber: np.ndarray, *, reach: float = 1.25, strength: float = 0.15
) -> np.ndarray:
    """Return whether each channel is within `reach` widths of a band of the given groups.

    Only bands on the axis count whose height is at least `strength` times that of the strongest.
    """
    bands = np.concatenate([transitions((HYDROGENIC | SKELETAL)[name]) for name in groups])
    on_axis = (bands[:, 0] >= wavenumber.min()) & (bands[:, 0] <= wavenumber.max())
    strong = bands[:, 2] >= strength * bands[on_axis, 2].max(initial=0.0)
    position, width, _ = bands[on_axis & strong].T
    return (np.abs(wavenumber - position[:, None]) < reach * width[:, None]).any(axis=0)

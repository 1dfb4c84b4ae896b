"""Simulated spectrometers that measure the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_random_state

from .._bands import SPAN, Bands, draw_bands
from .._parameters import Integer, Kind, Number, check_arguments, declares, instance_of, is_sequence
from .._threads import one_thread
from .._typing import RANDOM_STATE, RandomState
from .._validation import check_axis
from .._warnings import warning_once

DEFAULT_WAVELENGTH = np.arange(1100.0, 2499.0, 2.0)


@declares(
    n_samples=Integer(1),
    instruments=Kind("a sequence of names", is_sequence),
    n_components=Integer(1),
    spread=Number(at_least=0),
    distortion=Number(at_least=0),
    scatter=Number(at_least=0),
    noise=Number(at_least=0),
    random_state=RANDOM_STATE | instance_of(np.random.Generator, "a Generator"),
)
def make_instruments(
    n_samples: int = 100,
    instruments: Sequence[str] = ("A", "B"),
    *,
    n_components: int = 5,
    spread: float = 0.05,
    wavelength: ArrayLike | None = None,
    wavenumber: ArrayLike | None = None,
    distortion: float = 1.0,
    scatter: float = 1.0,
    noise: float = 5e-4,
    random_state: RandomState = None,
) -> Bunch:
    r"""Simulate spectrometers that measure the same samples.

    Compounds are random combinations of functional groups with realistic fundamentals, overtones
    and combination bands [1]_ [2]_. Samples are mixtures of them that follow the Beer-Lambert law.
    Scatter differs each time that a sample is presented, and each instrument has its own
    wavelength error, line width, gain, offset, stray light, drift and noise:

    .. math:: A' = -g \log_{10} \frac{10^{-A} + s + \varepsilon}{1 + s} + o

    with gain g, stray light s, noise :math:`\varepsilon` and offset o.

    Parameters
    ----------
    n_samples : int, default=100
        Number of physical samples; each is measured once on each instrument.
    instruments : sequence of str, default=("A", "B")
        Names of the instruments, none of which is ideal. Adding a name at the end does not
        change the spectra of the others.
    n_components : int, default=5
        Number of compounds in a sample. Typical: 3 to 8.
    spread : float, default=0.05
        Relative standard deviation of the amount of a compound, before amounts are normalized to
        mass fractions. Typical: 0.05 (one product, such as grain) to 1 (diverse samples).
    wavelength : array-like of shape (n_features,) or dict of them, default=None
        Axis in nm, strictly monotonic, one for all instruments or one for each name.
        None, and no `wavenumber`: 1100 to 2498 nm in steps of 2.
    wavenumber : array-like of shape (n_features,) or dict of them, default=None
        The same in cm-1, instead of `wavelength`. Bands lie between 200 and 16000 cm-1.
    distortion : float, default=1.0
        Size of the differences between instruments. 0: all are ideal and equal.
        Typical: 0.3 (same model) to 2 (different kinds).
    scatter : float, default=1.0
        Size of light scatter, which differs at each presentation of a sample. 0: none.
    noise : float, default=5e-4
        Standard deviation of detector noise, as a fraction of the light without a sample. Noise
        with a 1/f spectrum along the channels, in absorbance, is added with half this value.
    random_state : int, RandomState, Generator or None, default=None
        Seed or generator of all random numbers. The compounds depend neither on `n_samples` nor
        on the axis.

    Returns
    -------
    Bunch
        X : dict of str to ndarray of shape (n_samples, n_features)
            Absorbance; row i of each instrument is sample i. The path length is such that the
            strongest band of the mean sample on the axis has an absorbance of 1.
        y : ndarray of shape (n_samples, n_components)
            Mass fractions; rows sum to 1.
        wavelength, wavenumber : ndarray of shape (n_features,) or dict of them
            Axis in nm and in cm-1; dicts if a dict was given.
        sample_id : ndarray of shape (n_samples,)
            1 to `n_samples`.
        target_names : list of str
            Names of the columns of `y`.
        parameters : dict of str to dict
            Parameters drawn for each instrument: `path_length` (relative), `shift` (cm-1),
            `stretch` (relative), `line_width` (standard deviation, cm-1), `gain`, `offset`
            and `drift` (n_features,), `stray_light` and `noise` (fractions of full light).

    Raises
    ------
    ValueError
        If both axes are given, an axis is not monotonic or has no band, an instrument has no axis
        or its name is repeated, or a parameter is out of range.

    References
    ----------
    .. [1] Morse, Phys. Rev. 34 (1929) 57-64.
    .. [2] Workman & Weyer, Practical Guide and Spectral Atlas for Interpretive
       Near-Infrared Spectroscopy, 2nd ed., CRC Press (2012).
    .. [3] Aitchison & Shen, Biometrika 67 (1980) 261-272: the distribution of `y`.

    Examples
    --------
    >>> from skspektron.datasets import make_instruments
    >>> data = make_instruments(20, ("lab", "field"), random_state=0)
    >>> data.X["field"].shape, data.y.shape
    ((20, 700), (20, 5))
    >>> print(data.y[0].sum().round(6))
    1.0
    """
    check_arguments(make_instruments, locals())
    names = _check_names(instruments)
    axes, is_shared = _check_axes(names, wavelength, wavenumber)
    chemistry, mixing, *streams = _spawn(random_state, 2 + len(names))
    bands = draw_bands(n_components, chemistry)
    y = _draw_fractions(n_samples, n_components, spread, mixing)
    grain = scatter * mixing.standard_normal((n_samples, 4))
    X, parameters = {}, {}
    with one_thread():
        for name, rng in zip(names, streams, strict=True):
            instrument = _Instrument.draw(axes[name], distortion, noise, rng)
            path_length = 1 / (y.mean(axis=0) @ bands.spectra(axes[name])).max()
            packing = grain + 0.3 * scatter * rng.standard_normal(grain.shape)
            X[name] = instrument.measure(path_length * y, bands, axes[name], packing, rng)
            parameters[name] = {"path_length": path_length, **asdict(instrument)}
    return Bunch(
        X=X,
        y=y,
        wavelength=1e7 / axes[names[0]] if is_shared else {n: 1e7 / axes[n] for n in names},
        wavenumber=axes[names[0]] if is_shared else axes,
        sample_id=np.arange(1, n_samples + 1),
        target_names=[f"component {i}" for i in range(n_components)],
        parameters=parameters,
    )


@dataclass(frozen=True)
class _Instrument:
    """Faults of one spectrometer, in the units of `make_instruments`."""

    shift: float
    stretch: float
    line_width: float
    gain: np.ndarray
    offset: np.ndarray
    drift: np.ndarray
    stray_light: float
    noise: float

    @classmethod
    def draw(cls, wavenumber, distortion, noise, rng):
        """Draw an instrument with faults proportional to `distortion`."""
        centre, basis = np.median(wavenumber), _smooth_basis(wavenumber, 16)
        fall = 1 / np.arange(1, 17)
        normal = rng.standard_normal(4)
        curves = (rng.standard_normal((3, 16)) * fall) @ basis  # (3, n_features)
        return cls(
            shift=distortion * 8e-4 * centre * normal[0],
            stretch=distortion * 6e-4 * normal[1],
            line_width=distortion * 2e-3 * centre * np.exp(0.4 * normal[2]),
            gain=np.exp(distortion * 0.08 * curves[0]),
            offset=distortion * 0.05 * curves[1],
            drift=distortion * 2e-3 * curves[2],
            stray_light=distortion * 5e-3 * np.exp(normal[3]),
            noise=noise,
        )

    def measure(self, amounts, bands: Bands, wavenumber, packing, rng):
        """Return absorbance (n_samples, n_features) for `amounts` (n_samples, n_components).

        `packing` (n_samples, 4) is the scatter: path length, offset, slope and curvature.
        """
        true_wavenumber = (
            wavenumber + self.shift + self.stretch * (wavenumber - np.median(wavenumber))
        )
        pure = bands.spectra(true_wavenumber, self.line_width)
        n_samples, n_features = len(amounts), len(wavenumber)
        baseline = packing[:, 1:] * [0.02, 0.01, 0.005] @ _smooth_basis(wavenumber, 3)
        absorbance = (np.exp(0.03 * packing[:, :1]) * amounts) @ pure + baseline
        light = 10**-absorbance + self.stray_light
        light += self.noise * rng.standard_normal(light.shape)
        measured = -np.log10(np.maximum(light, 1e-6) / (1 + self.stray_light))
        run = np.linspace(-1, 1, n_samples)[:, None]
        pink = 0.5 * self.noise * _pink_noise(n_samples, n_features, rng)
        return self.gain * measured + self.offset + run * self.drift + pink


def _smooth_basis(wavenumber: np.ndarray, n_terms: int) -> np.ndarray:
    """Return Legendre polynomials over the axis, (n_terms, n_features)."""
    low, high = wavenumber.min(), wavenumber.max()
    return legvander(2 * (wavenumber - low) / (high - low) - 1, n_terms - 1).T


def _pink_noise(n_samples: int, n_features: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of unit variance with a 1/f spectrum of 32 cosines."""
    frequency = np.arange(1, 33)
    basis = np.cos(np.pi * np.outer(frequency, (np.arange(n_features) + 0.5) / n_features))
    amplitude = np.sqrt(2 / frequency / (1 / frequency).sum())
    return (rng.standard_normal((n_samples, 32)) * amplitude) @ basis


def _draw_fractions(n_samples, n_components, spread, rng) -> np.ndarray:
    """Return correlated logistic-normal mass fractions, (n_samples, n_components)."""
    mean = rng.normal(0, 0.6, n_components)
    loading = rng.normal(0, 0.5, (2, n_components))  # half of the variance is shared
    logit = rng.standard_normal((n_samples, 2)) @ loading
    logit += np.sqrt(0.5) * rng.standard_normal((n_samples, n_components))
    amount = np.exp(mean + spread * logit)
    return amount / amount.sum(axis=1, keepdims=True)


def _spawn(random_state, n_streams: int) -> list[np.random.Generator]:
    """Return independent generators; the first ones do not depend on the number of others."""
    if isinstance(random_state, np.random.Generator):
        seed = random_state.integers(2**32)
    else:
        seed = check_random_state(random_state).randint(2**31)
    return [np.random.default_rng(s) for s in np.random.SeedSequence(int(seed)).spawn(n_streams)]


def _check_names(instruments) -> list[str]:
    """Return the names as a list after checking that they are distinct."""
    names = list(instruments)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"instruments has {len(names)} names, {len(set(names))} of them distinct. "
            "Pass at least one name, and each only once."
        )
    return names


@warning_once()
def _check_axes(names, wavelength, wavenumber) -> tuple[dict[str, np.ndarray], bool]:
    """Return the axis of each instrument in cm-1, and whether one was given for all."""
    if wavelength is not None and wavenumber is not None:
        raise ValueError("wavelength and wavenumber were both given. Pass only one of them.")
    if wavelength is None and wavenumber is None:
        wavelength = DEFAULT_WAVELENGTH
    unit, given = ("wavelength", wavelength) if wavenumber is None else ("wavenumber", wavenumber)
    is_shared = not isinstance(given, Mapping)
    by_name = dict.fromkeys(names, given) if is_shared else given
    if set(by_name) != set(names):
        raise ValueError(
            f"{unit} has axes for {sorted(by_name)}, the instruments are {sorted(names)}. "
            "Pass one axis for each instrument, or one array for all."
        )
    return {name: _check_one_axis(unit, by_name[name]) for name in names}, is_shared


def _check_one_axis(unit: str, axis) -> np.ndarray:
    """Return one axis in cm-1 after checking that bands lie on it."""
    wavenumber = np.asarray(check_axis(**{unit: axis}, n_features=np.size(axis)))
    low, high = wavenumber.min(), wavenumber.max()
    if len(wavenumber) < 2 or low <= 0 or high < SPAN[0] or low > SPAN[1]:
        raise ValueError(
            f"{unit} has {len(wavenumber)} channels from {low:g} to {high:g} cm-1, bands lie "
            f"between {SPAN[0]:g} and {SPAN[1]:g} cm-1. Pass at least 2 channels in that range."
        )
    return wavenumber

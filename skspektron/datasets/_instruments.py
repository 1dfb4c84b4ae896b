"""Simulated spectrometers that measure the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral, Real

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_random_state

from .._bands import SPAN, Bands, draw_bands
from .._typing import RandomState
from .._validation import check_axis

DEFAULT_WAVELENGTH = np.arange(1100.0, 2499.0, 2.0)


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

    Compounds are drawn as mixtures of functional groups whose fundamentals, overtones and
    combination bands lie where physics puts them [1]_ [2]_; samples mix them by Beer-Lambert.
    Every presentation of a sample scatters light anew, and every instrument adds its
    own wavelength error, line width, gain, offset, stray light, drift and noise:

    .. math:: A' = -g \log_{10} \frac{10^{-A} + s + \varepsilon}{1 + s} + o

    with gain g, stray light s, noise :math:`\varepsilon` and offset o.

    Parameters
    ----------
    n_samples : int, default=100
        Number of physical samples; each is measured once on every instrument.
    instruments : sequence of str, default=("A", "B")
        Names of the instruments. None of them is ideal. A name added at the end
        leaves the spectra of the others as they were.
    n_components : int, default=5
        Number of compounds in a sample. Typical: 3 to 8.
    spread : float, default=0.05
        Relative standard deviation of the amount of a compound, before the amounts are
        closed to mass fractions. Typical: 0.05 (one product, such as grain) to 1 (anything).
    wavelength : array-like of shape (n_features,) or dict of them, default=None
        Axis in nm, strictly monotonic, one for all or one for each name.
        None, and no `wavenumber`: 1100 to 2498 nm in steps of 2.
    wavenumber : array-like of shape (n_features,) or dict of them, default=None
        The same in cm-1, instead of `wavelength`. Bands lie between 200 and 16000 cm-1.
    distortion : float, default=1.0
        Size of the differences between instruments. 0: all are ideal and equal.
        Typical: 0.3 (two of one make) to 2 (two kinds).
    scatter : float, default=1.0
        Size of the scatter of light, which differs at each presentation of a sample. 0: none.
    noise : float, default=5e-4
        Standard deviation of detector noise, as a fraction of the light without a sample;
        half as much again is noise with a 1/f spectrum along the channels, in absorbance.
    random_state : int, RandomState, Generator or None, default=None
        Source of every random number. The compounds do not depend on `n_samples`, nor on
        the axis.

    Returns
    -------
    Bunch
        X : dict of str to ndarray of shape (n_samples, n_features)
            Absorbance, row i of every instrument is sample i. The path length suits the
            range of the axis: the strongest band of the mean sample has an absorbance of 1.
        y : ndarray of shape (n_samples, n_components)
            Mass fractions; rows sum to 1.
        wavelength, wavenumber : ndarray of shape (n_features,) or dict of them
            The axis in nm and in cm-1; dicts when a dict was given.
        sample_id : ndarray of shape (n_samples,)
            1 to `n_samples`.
        target_names : list of str
            Names of the columns of `y`.
        parameters : dict of str to dict
            What was drawn for each instrument: `path_length` (relative), `shift` (cm-1),
            `stretch` (relative), `line_width` (standard deviation, cm-1), `gain`, `offset`
            and `drift` (n_features,), `stray_light` and `noise` (fractions of full light).

    Raises
    ------
    ValueError
        If both axes are given, an axis is not monotonic or has no band, an instrument
        has no axis or its name appears twice, or a size is out of range.

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
    names = _check_names(instruments)
    _check_counts(n_samples=n_samples, n_components=n_components)
    _check_strengths(spread=spread, distortion=distortion, scatter=scatter, noise=noise)
    axes, share = _check_axes(names, wavelength, wavenumber)
    chemistry, mixing, *streams = _spawn(random_state, 2 + len(names))
    bands = draw_bands(n_components, chemistry)
    y = _draw_fractions(n_samples, n_components, spread, mixing)
    grain = scatter * mixing.standard_normal((n_samples, 4))
    X, parameters = {}, {}
    for name, rng in zip(names, streams, strict=True):
        instrument = _Instrument.draw(axes[name], distortion, noise, rng)
        path_length = 1 / (y.mean(axis=0) @ bands.spectra(axes[name])).max()
        packing = grain + 0.3 * scatter * rng.standard_normal(grain.shape)
        X[name] = instrument.measure(path_length * y, bands, axes[name], packing, rng)
        parameters[name] = {"path_length": path_length, **asdict(instrument)}
    return Bunch(
        X=X,
        y=y,
        wavelength=1e7 / axes[names[0]] if share else {n: 1e7 / axes[n] for n in names},
        wavenumber=axes[names[0]] if share else axes,
        sample_id=np.arange(1, n_samples + 1),
        target_names=[f"component {i}" for i in range(n_components)],
        parameters=parameters,
    )


@dataclass(frozen=True)
class _Instrument:
    """What one spectrometer does to light; see `make_instruments` for the units."""

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
        """Draw an instrument; `distortion` scales each of its faults."""
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
        """Absorbance (n_samples, n_features) of `amounts` (n_samples, n_components).

        `packing` (n_samples, 4) scatters: path length, offset, slope and curvature.
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
    """Legendre polynomials over the axis, shape (n_terms, n_features)."""
    low, high = wavenumber.min(), wavenumber.max()
    return legvander(2 * (wavenumber - low) / (high - low) - 1, n_terms - 1).T


def _pink_noise(n_samples: int, n_features: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit variance whose power falls as 1/f along the first 32 cosines."""
    frequency = np.arange(1, 33)
    basis = np.cos(np.pi * np.outer(frequency, (np.arange(n_features) + 0.5) / n_features))
    amplitude = np.sqrt(2 / frequency / (1 / frequency).sum())
    return (rng.standard_normal((n_samples, 32)) * amplitude) @ basis


def _draw_fractions(n_samples, n_components, spread, rng) -> np.ndarray:
    """Correlated mass fractions, logistic-normal, shape (n_samples, n_components)."""
    mean = rng.normal(0, 0.6, n_components)
    loading = rng.normal(0, 0.5, (2, n_components))  # half of the variance is shared
    logit = rng.standard_normal((n_samples, 2)) @ loading
    logit += np.sqrt(0.5) * rng.standard_normal((n_samples, n_components))
    amount = np.exp(mean + spread * logit)
    return amount / amount.sum(axis=1, keepdims=True)


def _spawn(random_state, n_streams: int) -> list[np.random.Generator]:
    """Independent generators; the first ones do not depend on how many follow."""
    if isinstance(random_state, np.random.Generator):
        seed = random_state.integers(2**32)
    else:
        seed = check_random_state(random_state).randint(2**31)
    return [np.random.default_rng(s) for s in np.random.SeedSequence(int(seed)).spawn(n_streams)]


def _check_names(instruments) -> list[str]:
    """Names as a list of at least one, none twice."""
    if isinstance(instruments, str):
        raise TypeError(
            f"instruments is the string {instruments!r}. "
            f"Pass a sequence of names, such as ({instruments!r},)."
        )
    names = list(instruments)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"instruments has {len(names)} names of which {len(set(names))} differ. "
            "Pass at least one name, and each only once."
        )
    return names


def _check_counts(**counts):
    """Refuse what is no integer of at least one."""
    for name, value in counts.items():
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} is {value!r}. Pass an integer of at least 1.")


def _check_strengths(**strengths):
    """Refuse what is no finite number of at least zero."""
    for name, value in strengths.items():
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} is {value!r}. Pass a finite number of at least 0.")


def _check_axes(names, wavelength, wavenumber) -> tuple[dict[str, np.ndarray], bool]:
    """Wavenumbers of each instrument, and whether they share one axis."""
    if wavelength is not None and wavenumber is not None:
        raise ValueError("Both wavelength= and wavenumber= are given. Pass only one of them.")
    if wavelength is None and wavenumber is None:
        wavelength = DEFAULT_WAVELENGTH
    unit, given = ("wavelength", wavelength) if wavenumber is None else ("wavenumber", wavenumber)
    share = not isinstance(given, Mapping)
    by_name = dict.fromkeys(names, given) if share else given
    if set(by_name) != set(names):
        raise ValueError(
            f"{unit} has axes for {sorted(by_name)}, the instruments are {sorted(names)}. "
            "Give each instrument its own axis, or one array for all of them."
        )
    return {name: _check_one_axis(unit, by_name[name]) for name in names}, share


def _check_one_axis(unit: str, axis) -> np.ndarray:
    """One axis in cm-1, checked to reach bands."""
    wavenumber = np.asarray(check_axis(**{unit: axis}, n_features=np.size(axis)))
    low, high = wavenumber.min(), wavenumber.max()
    if len(wavenumber) < 2 or high < SPAN[0] or low > SPAN[1]:
        raise ValueError(
            f"{unit} has {len(wavenumber)} channels from {low:g} to {high:g} cm-1, bands lie "
            f"between {SPAN[0]:g} and {SPAN[1]:g} cm-1. Pass two channels or more in that range."
        )
    return wavenumber

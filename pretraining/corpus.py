"""The training corpus of the weights `small`: data sets of samples on three instruments each.

A data set (`World`) is one product on one axis, with the scores of its compounds as reference
values. Its spectra are simulated, or real spectra to which synthetic analytes are added. They are
difficult to calibrate, as easy calibrations are of no use for training: compounds and
interferents are correlated, bands shift with the temperature, the noise varies over the channels,
and every spectrum has its own scatter. Everything is drawn from a seed; SNV is applied last, unless
the network has its own normalization.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legvander
from real_spectra import axis_of

from skspektron import SNV
from skspektron.datasets import make_instruments

N_SAMPLES, INSTRUMENTS, LONGEST = 80, ("A", "B", "C"), 500
N_TARGETS = 9  # columns of y
REAL = {  # file: names of the arrays of spectra
    "diesel_swri": ("NIR",),
    "ftir_fruit_puree": ("MIR",),
    "forensic_uva_K": ("MicroNIR1700", "NeoSpectra"),
    "forensic_uva_T": ("MicroNIR1700", "NIRone"),
}
# More sets, in groups of related ones: what is chosen on a group is trained without it. Not among
# them: reporting sets and `soil_geeves`, whose samples are those of one, and sets without a free
# licence, or with one that asks for the same licence.
GROUPS = {
    "fuel": {"diesel_swri": ("NIR",)},
    "infrared": dict.fromkeys(
        ("ftir_fresh_meat", "ftir_fruit_puree", "ftir_instant_coffee", "ftir_olive_oil"), ("MIR",)
    ),
    "forensic": {file: REAL[file] for file in ("forensic_uva_K", "forensic_uva_T")},
    "grain and meat": {"barley_auroranir": ("AuroraNIR",), "tecator": ("NIT",)},
    "soil": {"soil_nirsoil": ("NIR",)},
    "sugarcane": {
        "sugarcane_chaix": (
            *("F750", "MicroNIR1700_rep1", "MicroNIR2200", "NIRONE22", "NIRscanNano", "SCIO"),
            "TellSpec",
        )
    },
}


class World(NamedTuple):
    """Spectra of the same samples on every instrument, with their reference values."""

    wavenumber: np.ndarray  # (n_channels,) in cm-1
    X: dict[str, np.ndarray]  # (n_samples, n_channels) by instrument
    y: np.ndarray  # (n_samples, n_compounds)


def build_corpus(n_simulated, n_real, folder, seed, *, snv=True, groups=(REAL,)):
    """Return X, y, instrument and sample_id of all data sets, and the axis of every instrument.

    With `snv`, SNV is applied to the spectra. Real spectra are drawn evenly from `groups`, each
    with the names of the arrays of a file.
    """
    seeds = np.random.SeedSequence(seed).spawn(n_simulated + n_real)
    bases = [real_spectra(folder, group) for group in groups] if n_real else []
    worlds = [
        simulated(np.random.default_rng(seeds[i]))
        if i < n_simulated
        else on_real(np.random.default_rng(seeds[i]), bases)
        for i in range(n_simulated + n_real)
    ]
    n_rows = sum(len(world.y) for world in worlds) * len(INSTRUMENTS)
    n_channels = max(len(world.wavenumber) for world in worlds)
    X = np.full((n_rows, n_channels), np.nan, dtype=np.float32)
    y = np.full((n_rows, N_TARGETS), np.nan)
    instrument, sample_id, wavenumber, start = [], [], {}, 0
    for number, world in enumerate(worlds):
        rng = np.random.default_rng([seed, number])
        reference = measured_by_reference(world.y, rng)
        for name in INSTRUMENTS:
            rows = slice(start, start + len(reference))
            Z = world.X[name]
            X[rows, : len(world.wavenumber)] = SNV().fit_transform(Z) if snv else Z
            y[rows, : reference.shape[1]] = reference
            instrument += [f"{number}/{name}"] * len(reference)
            sample_id += [f"{number}/{sample}" for sample in range(len(reference))]
            wavenumber[f"{number}/{name}"] = world.wavenumber
            start = rows.stop
    return X, y, np.array(instrument), np.array(sample_id), wavenumber


def measured_by_reference(scores, rng):
    """Return scores (n, k) as reference values: with noise, and curvature in 20 % of columns."""
    y = (scores - scores.mean(0)) / scores.std(0)
    curvature = rng.uniform(-0.3, 0.3, y.shape[1]) * (rng.random(y.shape[1]) < 0.2)
    noise = rng.choice([0, 0.03, 0.1, 0.2], y.shape[1])
    return (y + curvature * y**2 + noise * rng.standard_normal(y.shape))[:, :N_TARGETS]


def draw_axis(rng):
    """Return a wavenumber axis, in the near infrared or as in infrared and Raman spectra."""
    if rng.random() < 0.75:
        low = rng.uniform(600, 1700)
        high = min(low + rng.uniform(200, 1500), 2600)
        n_channels = round((high - low) / rng.choice([1, 2, 2, 3.5, 6]))
        return 1e7 / np.linspace(low, high, int(np.clip(n_channels, 90, LONGEST)))
    low = rng.uniform(400, 1200)
    high = low + rng.uniform(700, 2400)
    n_channels = round((high - low) / rng.choice([2, 4, 8]))
    return np.linspace(low, high, int(np.clip(n_channels, 90, LONGEST)))


def simulated(rng):
    """Return a data set of simulated compounds, interferents and noise."""
    axis = draw_axis(rng)
    data = make_instruments(
        N_SAMPLES,
        INSTRUMENTS,
        n_components=int(rng.integers(3, N_TARGETS + 1)),
        spread=10 ** rng.uniform(-1.5, 0),
        wavenumber=axis,
        distortion=10 ** rng.uniform(-0.5, 0.5),
        scatter=10 ** rng.uniform(-0.5, 0.5),
        noise=1e-6,  # added below
        random_state=int(rng.integers(2**31)),
    )
    heavy = rng.random() < 0.5  # heavy tails of all random variables
    interferents = Interferents(rng, axis, heavy)
    warmth = 10 ** rng.uniform(-1.5, 0.7) * len(axis) / 3300  # shift of the bands, in channels
    moved = warmth * _scores(rng, heavy, N_SAMPLES, 1)
    noise = Noise(rng, len(axis), heavy)
    X = {}
    for name, Z in data.X.items():
        Z = Z + interferents.on_instrument()
        own = moved + 0.2 * warmth * rng.standard_normal((N_SAMPLES, 1))
        X[name] = noise.added(Z + own * np.gradient(Z, axis=1))
    return World(axis, X, data.y)


class Interferents:
    """Broad and medium curves; their amounts depend on the sample and slightly on the scan."""

    def __init__(self, rng, axis, heavy):
        n, x = int(rng.integers(0, 4)), np.linspace(-1, 1, len(axis))
        width = 10 ** rng.uniform(-1.6, 0, (n, 1, 1))
        bands = np.exp(-0.5 * ((x - rng.uniform(-1.2, 1.2, (n, 4, 1))) / width) ** 2)
        self.curves = (rng.standard_normal((n, 4, 1)) * bands).sum(1)  # (n, n_channels)
        self.amount = 10 ** rng.uniform(-3, -1.3, n)
        self.scores = _scores(rng, heavy, N_SAMPLES, n) * self.amount
        self.rng, self.heavy, self.n = rng, heavy, n

    def on_instrument(self):
        """Return the interferents measured on an instrument, (N_SAMPLES, n_channels)."""
        seen = self.scores * (1 + 0.1 * self.rng.standard_normal(self.n))
        scan = self.amount * 10 ** self.rng.uniform(-1.5, -0.3)
        return (seen + scan * _scores(self.rng, self.heavy, N_SAMPLES, self.n)) @ self.curves


class Noise:
    """Noise with the same level on all instruments of a data set."""

    def __init__(self, rng, n_channels, heavy):
        self.rng, self.heavy, self.level = rng, heavy, 10 ** rng.uniform(-4.3, -2.7)
        self.x = np.linspace(-1, 1, n_channels)

    def added(self, Z):
        """Return spectra with noise, and with an offset, slope and curvature per scan."""
        rng, e = self.rng, self.rng.standard_normal(Z.shape)
        if self.heavy:
            e *= np.exp(0.8 * rng.standard_normal((len(Z), 1)))
        drift = rng.choice([1, 5, 20]) * _scores(rng, self.heavy, len(Z), 3)
        e = self._profile() * smooth(e, rng.choice([0, 0, 1, 2, 4]))
        return Z + self.level * (e + drift @ legvander(self.x, 2).T)

    def _profile(self):
        """Return the noise level of every channel, higher at the ends and in bad channels."""
        rng, shape = self.rng, rng_shape(self.rng, 4)
        ends = rng.exponential(0.7) * np.abs(self.x) ** rng.choice([4, 8, 16])
        profile = np.exp(0.7 * legvander(self.x, 4) @ shape + ends)
        bad = rng.random(len(self.x)) < 0.03 if rng.random() < 0.2 else np.zeros(len(self.x), bool)
        return np.where(bad, 8 * profile, profile)


def smooth(e, reach):
    """Return noise (n, p) of unit variance, correlated over `reach` channels."""
    kernel = np.hanning(2 * reach + 3)[1:-1]
    kernel /= np.sqrt((kernel**2).sum())
    return np.apply_along_axis(np.convolve, 1, e, kernel, "same") if reach else e


def real_spectra(folder, files):
    """Return axes and unlabelled spectra of arrays of files in `folder`."""
    bases = []
    for file, names in files.items():
        data = np.load(Path(folder) / f"{file}.npz")
        for name in names:
            axis, X = axis_of(data, name), data[f"X_{name}"].astype(float)
            order = np.argsort(axis)
            bases.append((axis[order], X[np.isfinite(X).all(1)][:, order]))
    return bases


def on_real(rng, bases):
    """Return a data set of real spectra with synthetic analytes, on simulated instruments."""
    group = bases[rng.integers(len(bases))]
    axis, X = cut(rng, *group[rng.integers(len(group))])
    corrected = SNV().fit_transform(X)
    deviation = (corrected - corrected.mean(0)).std()
    n_samples, n_channels = X.shape
    scores = rng.standard_normal((n_samples, int(rng.integers(2, 5))))
    scores[:, 1:] += rng.uniform(-0.8, 0.8, scores.shape[1] - 1) * scores[:, :1]
    amount = deviation * 10 ** rng.uniform(-1.7, -0.2, scores.shape[1])
    Z = X + (scores * amount) @ analytes(rng, scores.shape[1], n_channels)
    distortion = 10 ** rng.uniform(-0.5, 0.5)
    noise = deviation * 10 ** rng.uniform(-3.7, -2)
    warmth = 10 ** rng.uniform(-1.5, 0.3) * n_channels / 3300
    moved = warmth * rng.standard_normal((n_samples, 1))
    return World(
        axis, {name: seen(rng, Z, moved, warmth, distortion, noise) for name in INSTRUMENTS}, scores
    )


def cut(rng, axis, X):
    """Return part of the axis, sometimes every other channel, and some spectra of unit range."""
    n = len(axis)
    length = int(n * rng.uniform(0.5, 1)) if n > 180 else n
    start, step = rng.integers(0, n - length + 1), rng.integers(1, 3) if length > 250 else 1
    step = max(step, -(-length // LONGEST))
    part = slice(start, start + length, step)
    rows = rng.choice(len(X), min(N_SAMPLES, len(X)), replace=False)
    X = X[rows][:, part]
    return axis[part], X / np.ptp(X.mean(0))


def analytes(rng, n, n_channels):
    """Return spectra of up to four bands, (n, n_channels)."""
    x = np.linspace(-1, 1, n_channels)
    spectra = np.zeros((n, n_channels))
    for spectrum in spectra:
        for _ in range(rng.integers(1, 5)):
            centre, width = rng.uniform(-1, 1), 10 ** rng.uniform(-1.7, -0.4)
            spectrum += rng.uniform(0.3, 1) * np.exp(-0.5 * ((x - centre) / width) ** 2)
    return spectra


def seen(rng, Z, moved, warmth, distortion, noise):
    """Return spectra on a simulated instrument: axis shift, resolution, response, stray light."""
    n_samples, n_channels = Z.shape
    basis = legvander(np.linspace(-1, 1, n_channels), 4)
    own = 0.3 * warmth * rng.standard_normal((n_samples, 1))
    Z = Z + np.gradient(Z, axis=1) * (moved + own + distortion * rng.normal() * n_channels / 700)
    broadening = distortion * rng.exponential(0.5) * (n_channels / 350) ** 2
    Z = Z + broadening * np.gradient(np.gradient(Z, axis=1), axis=1)
    gain, offset = (basis @ rng_shape(rng, 4) for _ in range(2))
    Z = Z * np.exp(0.06 * distortion * gain) + 0.05 * distortion * offset
    Z = Z * np.exp(0.03 * distortion * rng.standard_normal((n_samples, 1)))
    Z = Z + 0.01 * distortion * rng.standard_normal((n_samples, 3)) @ basis[:, :3].T
    if rng.random() < 0.5:
        stray = 10 ** rng.uniform(-3, -1.5)
        Z = -np.log10((10 ** (Z.min() - Z) + stray) / (1 + stray))
    return Z + noise * rng.standard_normal(Z.shape)


def rng_shape(rng, degree):
    """Return coefficients of a smooth Legendre series, (degree + 1,)."""
    return rng.standard_normal(degree + 1) / np.arange(1, degree + 2)


def _scores(rng, heavy, *shape):
    """Return random numbers of about unit deviation, heavy-tailed or normal."""
    return 0.6 * rng.standard_t(3, shape) if heavy else rng.standard_normal(shape)

"""The training corpus of the weights `masked`: real spectra, cut, thinned, reversed and mixed.

A world is 32 spectra on one axis, made of spectra of one data set or of the sum of two. Reference
values are not read. `GROUPS` are sets of related products or instruments, which are held out
together when a network is evaluated.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skspektron import SNV

GROUPS = {  # file: group
    "soil_nirsoil": "soil",
    "sugarcane_chaix": "cane",
    "ftir_fresh_meat": "ftir",
    "ftir_fruit_puree": "ftir",
    "ftir_instant_coffee": "ftir",
    "ftir_olive_oil": "ftir",
    "diesel_swri": "fuel",
    "barley_auroranir": "grain",
    "tecator": "grain",
    "forensic_uva_K": "forensic",
    "forensic_uva_T": "forensic",
}
N_ROWS = 32  # of a world
SHORTEST, LONGEST = 80, 400  # channels of a world
LONG_AXIS = 800  # channels; longer spectra are thinned out first
P_MIXED, LEAST_GAIN = 0.5, 0.1


class Source(NamedTuple):
    """Spectra of one instrument from low to high wavenumber, with their axis."""

    name: str  # file/instrument
    axis: NDArray  # (p,) in cm-1
    X: NDArray  # (n, p)


def read_sources(folder: Path, files: Iterable[str]) -> list[Source]:
    """Return the spectra of all instruments in .npz files."""
    return [source for file in files for source in read_file(folder / f"{file}.npz")]


def read_file(path: Path) -> Iterator[Source]:
    """Yield the spectra of every instrument of a file."""
    with np.load(path) as data:
        for key in sorted(data.files):
            if key.startswith("X_"):
                X = data[key].astype(float)
                X = X[np.isfinite(X).all(axis=1) & (np.ptp(X, axis=1) > 0)]
                axis, step = axis_of(data, key[2:]), -(-X.shape[1] // LONG_AXIS)
                order = np.argsort(axis)[::step]
                yield Source(f"{path.stem}/{key[2:]}", axis[order], X[:, order])


def axis_of(data, instrument: str) -> NDArray:
    """Return the axis of an instrument in cm-1."""
    for name in (f"wavelengths_{instrument}", "wavelengths"):
        if name in data.files:
            return 1e7 / data[name]
    return np.asarray(data["wavenumbers"], dtype=float)


def build_worlds(sources: Sequence[Source], n_worlds: int, seed: int):
    """Return X, the world of every row, and the axis of every world."""
    seeds = np.random.SeedSequence(seed).spawn(n_worlds)
    files = sorted({source.name.split("/")[0] for source in sources})
    by_file = [[s for s in sources if s.name.split("/")[0] == file] for file in files]
    worlds = [draw_world(by_file, np.random.default_rng(each)) for each in seeds]
    X = np.full((n_worlds * N_ROWS, LONGEST), np.nan, dtype=np.float32)
    for number, (_, rows) in enumerate(worlds):
        X[number * N_ROWS : (number + 1) * N_ROWS, : rows.shape[1]] = rows
    axes = {number: axis for number, (axis, _) in enumerate(worlds)}
    return X, np.repeat(np.arange(n_worlds), N_ROWS), axes


def draw_world(by_file: Sequence[Sequence[Source]], rng: np.random.Generator):
    """Return an axis, and spectra of a source or sums of those of two, after SNV."""
    axis, X = cut(pick(by_file, rng), LONGEST, rng)
    if rng.random() < P_MIXED:
        other = cut(pick(by_file, rng), X.shape[1], rng)[1]
        p = min(X.shape[1], other.shape[1])
        gain = LEAST_GAIN ** rng.random()
        axis, X = axis[:p], snv(X[:, :p]) + gain * snv(other[:, :p])
    return axis, snv(X)


def pick(by_file: Sequence[Sequence[Source]], rng: np.random.Generator) -> Source:
    """Return a random instrument of a random file."""
    sources = by_file[rng.integers(len(by_file))]
    return sources[rng.integers(len(sources))]


def cut(source: Source, longest: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Return axis and random spectra in a random range, with every step-th channel."""
    X = source.X[rng.choice(len(source.X), N_ROWS, replace=len(source.X) < N_ROWS)]
    step = int(rng.integers(1, max(X.shape[1] // SHORTEST, 1).bit_length() + 1))
    first = rng.integers(step)
    X, axis = X[:, first::step], source.axis[first::step]
    p = X.shape[1]
    width = int(rng.integers(min(SHORTEST, p, longest), min(p, longest) + 1))
    start = rng.integers(p - width + 1)
    X, axis = X[:, start : start + width], axis[start : start + width]
    return axis, X[:, :: rng.choice([-1, 1])]


def snv(X: NDArray) -> NDArray:
    """Return spectra after SNV; constant ones are zero."""
    varies = np.ptp(X, axis=1, keepdims=True) > 0
    return np.where(varies, SNV().fit_transform(np.where(varies, X, np.arange(X.shape[1]))), 0.0)

"""Sets in which one instrument measures the same samples in other conditions.

A change of conditions is a transfer too. These sets are for reporting only, like corn and tablets:
no setting is chosen on them. A calibration is made where it usually is (at the lowest temperature,
on air-dry soil, on either presentation of the roots) and moves to where it is used, so not every
ordered pair is a task:

- alcohol: ternary mixtures at 30 degrees Celsius; used at 40, 50, 60 and 70, as in the
  publication. 12 tasks with 19 samples, of which 14 can be standards.
- soil-moisture: soils air-dry; used wet, and after one day of drying. 2 tasks.
- cassava: roots intact and mashed, both directions, since both are calibrated in practice: mashed
  roots predict better, intact ones need no preparation. 2 tasks of 2016 roots of one country with
  two properties, 2 of the other with one: 6 tasks.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_CHANNEL = 850.0  # nm; the file counts channels, the publication says 850 to 1049
STEP = 5  # every fifth of the channels at 1 nm: the instruments resolve 3 to 10 nm
Spectra = dict[str, NDArray[Any]]
# Axis in nm, spectra by condition, properties, sample ids, and pairs of conditions.
Conditions = tuple[NDArray[Any], Spectra, Spectra, NDArray[Any], list[tuple[str, str]]]


def alcohol() -> Iterator[Conditions]:
    """Yield 19 mixtures of ethanol, water and isopropanol at five temperatures.

    Wülfert, Kok & Smilde, Anal. Chem. 70 (1998) 1761-1767.
    """
    data = load("alcohol_temperature")
    temperatures = ("T30", "T40", "T50", "T60", "T70")
    properties = {name: data[name] for name in ("ethanol", "water", "isopropanol")}
    pairs = [("T30", other) for other in temperatures[1:]]
    X = {name: data[f"X_{name}"].astype(float) for name in temperatures}
    yield FIRST_CHANNEL + data["channel"], X, properties, data["sample_id"], pairs


def soil_moisture() -> Iterator[Conditions]:
    """Yield 100 soils, air-dry, wet and dried again; total carbon.

    Minasny et al., Geoderma 167-168 (2011) 118-124. The spectra are absorbances, noisy below
    500 nm in the wet states. Two soils have 12 and 13 % of carbon, the others at most 7 %.
    """
    data = load("soil_moisture")
    states = ("airdry", "wet", "wet_dried1day")
    pairs = [("airdry", other) for other in states[1:]]
    yield from thinned(data, "", states, ("total_carbon",), pairs, low=500.0)


def cassava() -> Iterator[Conditions]:
    """Yield roots intact and mashed: dry matter, and total carotenoids of one of the trials.

    Ikeogu et al., PLoS ONE 12 (2017) e0188918. The spectra are absorbances; the trial that was
    measured in reflectance, on intact roots only, is left out.
    """
    data = load("cassava_presentation")
    for trial, names in (("C16", ("DM", "TCC")), ("U16", ("DM",))):
        states = (f"{trial}_intact", f"{trial}_mashed")
        properties = tuple(f"{name}_{trial}" for name in names)
        pairs = [states, states[::-1]]
        yield from thinned(data, f"_{trial}", states, properties, pairs, low=400.0)


def thinned(data, suffix, states, properties, pairs, *, low) -> Iterator[Conditions]:
    """Yield samples with all properties, in every fifth channel from `low` nm on."""
    values = {name: np.asarray(data[name], dtype=float) for name in properties}
    used = np.isfinite(list(values.values())).all(axis=0)
    wavelength = data["wavelengths"]
    channels = np.flatnonzero(wavelength >= low)[::STEP]
    X = {name: data[f"X_{name}"][np.ix_(used, channels)].astype(float) for name in states}
    values = {name: value[used] for name, value in values.items()}
    yield wavelength[channels], X, values, data[f"sample_id{suffix}"][used], pairs


def load(name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file in the folder of the spectra."""
    folder = os.environ.get("SKSPEKTRON_DATA")
    if folder is None:
        raise SystemExit(f"SKSPEKTRON_DATA is not set. Set it to the folder of {name}.npz.")
    with np.load(Path(folder) / f"{name}.npz") as file:
        return dict(file)


CONDITIONS: dict[str, Callable[[], Iterator[Conditions]]] = {
    "alcohol": alcohol,
    "soil-moisture": soil_moisture,
    "cassava": cassava,
}

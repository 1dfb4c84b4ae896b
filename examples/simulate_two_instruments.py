"""Simulate the table `two_instruments.csv`: moisture on an old and on a new NIR instrument.

60 samples with reference values are measured on the old instrument; 10 of them, drawn at
random, are measured on the new one as well. 25 further samples are measured on the new
instrument only, and 20 of these have a reference value to check predictions against.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from skspektron.datasets import make_instruments

N_OLD, N_BOTH, N_NEW, N_CHECKED = 60, 10, 25, 20


def simulate() -> pd.DataFrame:
    """Return one row a spectrum: instrument, sample, moisture in % by mass, absorbances."""
    wavelength = np.arange(1100.0, 2500.0, 20.0)  # nm
    lab = make_instruments(
        N_OLD + N_NEW, ("old", "new"), n_components=7, wavelength=wavelength, random_state=5
    )
    order = np.random.default_rng(0).permutation(len(lab.y))
    old, both, further = order[:N_OLD], order[:N_BOTH], order[N_OLD:]
    on_new = np.concatenate([both, further])
    rows = np.concatenate([old, on_new])
    spectra = np.vstack([lab.X["old"][old], lab.X["new"][on_new]])
    table = pd.DataFrame(spectra.round(5), columns=[str(value) for value in wavelength])
    moisture = (100 * lab.y[rows, 0]).round(2)
    moisture[len(old) + N_BOTH + N_CHECKED :] = np.nan
    table.insert(0, "moisture", moisture)
    table.insert(0, "sample_id", [f"S{row + 1:03d}" for row in rows])
    table.insert(0, "instrument", np.repeat(["old", "new"], [len(old), len(on_new)]))
    return table


if __name__ == "__main__":
    default = Path(__file__).with_name("two_instruments.csv")
    simulate().to_csv(sys.argv[1] if len(sys.argv) > 1 else default, index=False)

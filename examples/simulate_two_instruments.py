"""Simulate moisture on an old and a new NIR instrument, as two CSV files.

`two_instruments.csv` has 60 samples with reference values, measured on the old instrument, and 10
of them, drawn at random, measured on the new instrument as well. `new_samples.csv` has 25 other
samples measured on the new instrument; 20 of them have a reference value, to check predictions.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from skspektron.datasets import make_instruments

N_OLD, N_BOTH, N_NEW, N_CHECKED = 60, 10, 25, 20


def simulate() -> dict[str, pd.DataFrame]:
    """Return the tables by file name; one row is one spectrum with its sample and moisture in %."""
    wavelength = np.arange(1100, 2500, 20)  # nm
    lab = make_instruments(
        N_OLD + N_NEW, ("old", "new"), n_components=7, wavelength=wavelength, random_state=5
    )
    order = np.random.default_rng(0).permutation(len(lab.y))
    moisture = (100 * lab.y[:, 0]).round(2)
    moisture[order[N_OLD + N_CHECKED :]] = np.nan

    def table(name, rows):
        frame = pd.DataFrame(
            lab.X[name][rows].round(5), columns=[f"{value} nm" for value in wavelength]
        )
        frame.insert(0, "moisture", moisture[rows])
        frame.insert(0, "sample_id", [f"S{row + 1:03d}" for row in rows])
        frame.insert(0, "instrument", name)
        return frame

    both = pd.concat([table("old", order[:N_OLD]), table("new", order[:N_BOTH])], ignore_index=True)
    return {"two_instruments.csv": both, "new_samples.csv": table("new", order[N_OLD:])}


if __name__ == "__main__":
    for file_name, frame in simulate().items():
        frame.to_csv(Path(__file__).with_name(file_name), index=False)

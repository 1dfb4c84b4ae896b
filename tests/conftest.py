"""Fixtures that more than one test module uses."""

import os
import sys
import tempfile
from importlib.abc import MetaPathFinder
from pathlib import Path

# One thread for numerical libraries, set before they are imported: the tests' arrays are small, and
# `pytest -n 2` already runs a process on each core.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from skspektron.datasets import make_instruments
from skspektron.model_selection import stack_instruments

set_hypothesis_home_dir(Path(tempfile.gettempdir(), "hypothesis"))  # not into the repository


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn, so that no other test depends on it."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def data_dir():
    """Return the folder of public spectra, which are not in the repository; skip without it."""
    folder = os.environ.get("SKSPEKTRON_DATA")
    if folder is None or not Path(folder).is_dir():
        pytest.skip("no public spectra: set SKSPEKTRON_DATA to the folder that holds them")
    return Path(folder)


@pytest.fixture(scope="session")
def two_instruments():
    """Simulate 40 samples on the instruments "source" and "target", 60 channels each."""
    bunch = make_instruments(
        40, ("source", "target"), wavelength=np.linspace(1100, 2498, 60), random_state=0
    )
    for array in (*bunch.X.values(), bunch.y):
        array.flags.writeable = False  # the session shares them: a test that writes must fail
    return bunch


@pytest.fixture(scope="session")
def stacked(two_instruments):
    """Stack both instruments: X (80, 60), y (80,), instrument, sample_id."""
    y, sample_id = two_instruments.y[:, 0], two_instruments.sample_id
    return stack_instruments({name: (X, y, sample_id) for name, X in two_instruments.X.items()})


class WithoutPandas(MetaPathFinder):
    """Import hook that raises for pandas, as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)


@pytest.fixture
def without_pandas(monkeypatch):
    """Make `import pandas` fail."""
    # Not sys.modules["pandas"] = None: scikit-learn 1.6 looks up the class of frames there.
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr(sys, "meta_path", [WithoutPandas(), *sys.meta_path])

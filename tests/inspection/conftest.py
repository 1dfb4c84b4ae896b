"""Axes without a window, and small fitted estimators."""

import warnings

import numpy as np
import pytest

from skspektron._nn.architecture import Architecture
from skspektron.foundation import SpektronPretrainer

WAVELENGTH = np.linspace(1100, 2498, 60)


@pytest.fixture
def make_axes():
    """Return a function that makes `n` axes."""
    Figure = pytest.importorskip("matplotlib.figure").Figure
    return lambda n: Figure().subplots(1, n, squeeze=False)[0]


@pytest.fixture(scope="session")
def X():
    X = np.random.default_rng(0).normal(size=(9, 60)).cumsum(axis=1)
    X.flags.writeable = False  # shared by the session: a display that writes to it must fail
    return X


@pytest.fixture(scope="session")
def fit(X):
    """Return a function that fits a pretrainer for two steps with the given parts."""

    def make(*, instrument=None, X=X, parameters=None, **parts):
        sizes = {"patch_length": 6, "d_model": 8, "d_state": 4, "n_layers": 2}
        settings = {"max_steps": 2, "warmup_steps": 1, "batch_size": 4, "random_state": 0}
        given = parameters or {"wavelength": WAVELENGTH}
        pretrainer = SpektronPretrainer(Architecture(**sizes | parts), **settings | given)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Linear interpolation")
            return pretrainer.fit(X, instrument=instrument)

    return make


@pytest.fixture(scope="session")
def pretrained(fit):
    """A fitted pretrainer, shared by the session."""
    return fit()

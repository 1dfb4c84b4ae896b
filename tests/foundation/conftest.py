"""Simulated spectra and pretrainers that fit in seconds."""

import numpy as np
import pytest

from skspektron._nn.architecture import Architecture
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronPretrainer


@pytest.fixture(scope="session")
def bunch():
    """24 samples on two instruments with 60 channels each."""
    return make_instruments(24, ("a", "b"), wavelength=np.linspace(1100, 2498, 60), random_state=0)


@pytest.fixture(scope="session")
def X(bunch):
    X = bunch.X["a"].copy()
    X.flags.writeable = False  # shared by the session: an estimator that writes must fail
    return X


@pytest.fixture(scope="session")
def make_pretrainer(bunch):
    """Return a function that builds a pretrainer of ten steps on the axis of `X`."""

    def make(**parameters):
        settings = {
            "architecture": Architecture(patch_length=6, d_model=8, d_state=4, n_layers=1),
            "max_steps": 10,
            "batch_size": 8,
            "warmup_steps": 3,
            "report_every": 5,
            "random_state": 0,
        }
        if "wavenumber" not in parameters:
            settings["wavelength"] = bunch.wavelength
        return SpektronPretrainer(**settings | parameters)

    return make


@pytest.fixture(scope="session")
def pretrained(make_pretrainer, X):
    """A fitted pretrainer, shared by the session."""
    return make_pretrainer().fit(X)

"""A source "A" and a target "B" with gain and offset, stacked; small enough to check by hand."""

from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron import SNV, SpektronEmbedder, SpektronPretrainer
from skspektron.datasets import make_instruments
from skspektron.foundation import Architecture
from skspektron.model_selection import stack_instruments
from tests.transfer.methods import fit, make

SOURCE_AXIS = np.arange(1100, 1500, 20.0)  # nm; 18 of 20 channels lie within the target's range
TARGET_AXIS = np.arange(1050, 1460, 15.0)
WAVELENGTH = np.linspace(1100, 2498, 96)  # nm; of the simulated spectra


@pytest.fixture(scope="session")
def make_stack():
    """Return a function that stacks 30 samples on A and, in another order, on B."""

    def make(n_samples=30, n_targets=None, random_state=0):
        rng = np.random.default_rng(random_state)
        scores = rng.normal(size=(n_samples, 3))
        channel = np.linspace(0, 3, 24)
        bands = np.exp(-((channel - np.array([[0.6], [1.5], [2.4]])) ** 2) / 0.3)
        X_a = scores @ bands + 1e-3 * rng.normal(size=(n_samples, 24))
        X_b = X_a * (1 + 0.2 * np.sin(channel)) + 0.5 + 0.1 * channel
        y = scores[:, 0] if n_targets is None else scores[:, :n_targets]
        shuffled = rng.permutation(n_samples)
        X = np.concatenate([X_a, X_b[shuffled]])
        y = np.concatenate([y, y[shuffled]])
        ids = np.array([f"s{i:02d}" for i in range(n_samples)])
        for array in (X, y):
            array.flags.writeable = False  # a method that writes into its input must fail
        return X, y, np.repeat(["A", "B"], n_samples), np.concatenate([ids, ids[shuffled]])

    return make


@pytest.fixture(scope="session")
def reference(make_stack):
    """Return `make`, fitted on the stack of `make_stack` once for each method and setting."""

    @cache
    def fitted(method, n_transfer=10, **parameters):
        return fit(make(method, n_transfer, **parameters), make_stack())

    return fitted


@pytest.fixture(scope="session")
def make_grids():
    """Return a function that stacks 24 samples on A and, in another order, on B, as a frame."""

    def make(source=SOURCE_AXIS, target=TARGET_AXIS):
        rng = np.random.default_rng(0)
        scores = rng.normal(size=(24, 3))
        position, shuffled = np.array([[1150.0], [1300.0], [1450.0]]), rng.permutation(24)
        X_a, X_b = (scores @ np.exp(-(((axis - position) / 70) ** 2)) for axis in (source, target))
        ids = np.array([f"s{i:02d}" for i in range(24)])
        return stack_instruments(
            {
                "A": (X_a, scores[:, 0], ids),
                "B": (1.1 * X_b[shuffled] + 0.3, scores[shuffled, 0], ids[shuffled]),
            },
            wavelength={"A": source, "B": target},
        )

    return make


@pytest.fixture(scope="session")
def reference_on_grids(make_grids):
    """Return `make`, fitted on the stack of `make_grids` once for each method."""

    @cache
    def fitted(method, n_transfer=10):
        return fit(make(method, n_transfer), make_grids())

    return fitted


@pytest.fixture(scope="session")
def pretrainer():
    """Return small weights, trained on simulated spectra."""
    data = make_instruments(100, wavelength=WAVELENGTH, random_state=1)
    X = SNV().fit_transform(np.concatenate(list(data.X.values())))
    return SpektronPretrainer(
        "tiny", wavelength=WAVELENGTH, max_steps=60, warmup_steps=5, random_state=0
    ).fit(X)


@pytest.fixture(scope="session")
def knows_domains():
    """Return a calibration of near infrared spectra, unfitted, whose network has a domain token."""
    data = make_instruments(40, wavelength=WAVELENGTH, random_state=1)
    sizes = Architecture(patch_length=8, d_model=16, d_state=16, n_layers=1, domain_token=True)
    pretrainer = SpektronPretrainer(
        sizes, wavelength=WAVELENGTH, domain="NIR", max_steps=5, warmup_steps=1, random_state=0
    ).fit(SNV().fit_transform(data.X["A"]))
    embedder = SpektronEmbedder(pretrainer, wavelength=WAVELENGTH, domain="NIR")
    return make_pipeline(SNV(), embedder, Ridge(1e-3))


@pytest.fixture(scope="session")
def stack():
    """Return 40 simulated samples on A and on B, stacked."""
    data = make_instruments(40, wavelength=WAVELENGTH, random_state=3)
    stack = stack_instruments(
        {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()}
    )
    for array in stack:
        array.flags.writeable = False
    return stack


def ridge_on(weights):
    """Return a ridge regression on embeddings, unfitted."""
    return make_pipeline(SNV(), SpektronEmbedder(weights, wavelength=WAVELENGTH), Ridge(1e-3))


@pytest.fixture
def calibration(pretrainer):
    """Return a ridge regression on embeddings, unfitted."""
    return ridge_on(pretrainer)

"""Long computations show a progress bar with verbose=1 and are silent by default."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron import LoRATransfer, SpektronEmbedder, SpektronPretrainer
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronRegressor
from skspektron.model_selection import TransferCurveDisplay, stack_instruments, transfer_curve
from skspektron.transfer import FNOTransfer, PDSTransfer, TTTTransfer
from tests.foundation.weights import SMALLEST

WAVELENGTH = np.arange(1100.0, 2500.0, 100.0)
NETWORK = {"width": 2, "n_modes": 2, "n_layers": 1, "max_epochs": 1}


@pytest.fixture(scope="module")
def stack():
    data = make_instruments(12, wavelength=WAVELENGTH, random_state=0)
    return stack_instruments(
        {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()}
    )


@pytest.fixture(scope="module")
def pretrainer(stack):
    return make_pretrainer().fit(stack[0])


def make_pretrainer(**parameters):
    return SpektronPretrainer(
        SMALLEST, wavelength=WAVELENGTH, max_steps=2, warmup_steps=1, random_state=0, **parameters
    )


def calibration(pretrainer):
    return make_pipeline(SpektronEmbedder(pretrainer, wavelength=WAVELENGTH), Ridge())


def curve(function):
    """Return a function that scores a transfer with two numbers of standards in two folds."""

    def score(stack, pretrainer, **options):
        X, y, instrument, sample_id = stack
        model = PDSTransfer(Ridge(), source="A", target="B", window_length=1)
        metadata = {"instrument": instrument, "sample_id": sample_id}
        function(model, X, y, n_transfer=[2, 3], cv=2, **metadata, **options)

    return score


def fit(make):
    """Return a function that fits what `make` returns on stacked rows."""

    def run(stack, pretrainer, **options):
        X, y, instrument, sample_id = stack
        model = make(pretrainer, source="A", target="B", **options)
        model.fit(X, y, instrument=instrument, sample_id=sample_id).predict(X[-2:])

    return run


RUNS = {
    "pretraining": lambda stack, pretrainer, **options: make_pretrainer(**options).fit(stack[0]),
    "fitting": lambda stack, pretrainer, **options: SpektronRegressor(
        pretrainer, wavelength=WAVELENGTH, max_epochs=1, **options
    ).fit(*stack[:2]),
    "mapping": fit(lambda pretrainer, **options: FNOTransfer(Ridge(), **NETWORK, **options)),
    "adapting": fit(
        lambda pretrainer, **options: LoRATransfer(calibration(pretrainer), max_epochs=1, **options)
    ),
    "adapting ": fit(
        lambda pretrainer, **options: TTTTransfer(calibration(pretrainer), max_steps=1, **options)
    ),
    " adapting": fit(
        lambda pretrainer, **options: TTTTransfer(
            calibration(pretrainer), max_steps=1, reset="input", **options
        )
    ),
    "transfer curve": curve(transfer_curve),
    "transfer curve ": curve(TransferCurveDisplay.from_estimator),
}


@pytest.mark.parametrize("bar", RUNS)
def test_a_bar_is_shown_with_verbose_only(bar, stack, pretrainer, capsys):
    capsys.readouterr()
    RUNS[bar](stack, pretrainer)
    assert capsys.readouterr() == ("", "")
    RUNS[bar](stack, pretrainer, verbose=1)
    printed = capsys.readouterr()
    assert f"{bar.strip()}: " in printed.err
    assert printed.out == ""

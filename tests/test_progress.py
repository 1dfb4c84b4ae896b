"""Long computations show a progress bar with verbose=1 and are silent by default."""

import pickle
import re
from types import SimpleNamespace

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron import (
    EnsembleTransfer,
    LoRATransfer,
    SpektronEmbedder,
    SpektronPretrainer,
    _progress,
)
from skspektron._training.engine._callbacks import ProgressBar
from skspektron.calibration import KernelEnsembleRegressor
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronRegressor
from skspektron.model_selection import TransferCurveDisplay, stack_instruments, transfer_curve
from skspektron.model_selection._transfer_curve import CountedScorer
from skspektron.reliability import ConformalTransfer
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


def intervals(pretrainer, *, source, target, **options):
    """Return a transfer with prediction intervals."""
    transfer = PDSTransfer(Ridge(), source=source, target=target, window_length=1)
    return ConformalTransfer(transfer, confidence_level=0.8, **options)


RUNS = {
    "calibrating": lambda stack, pretrainer, **options: KernelEnsembleRegressor(**options).fit(
        *stack[:2]
    ),
    "averaging": fit(lambda pretrainer, **options: EnsembleTransfer(**options)),
    "folds": fit(intervals),
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


def test_the_bar_of_an_ensemble_names_the_view(stack, capsys):
    RUNS["averaging"](stack, None, verbose=1)
    printed = capsys.readouterr().err
    assert "second derivative" in printed
    assert "6/6" in printed


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_bar_of_a_curve_counts_the_folds(stack, capsys, n_jobs):
    with parallel_config("threading"):
        curve(transfer_curve)(stack, None, verbose=1, n_jobs=n_jobs)
    printed = capsys.readouterr().err
    assert "4/4" in printed
    assert "n_transfer=3" in printed


def test_a_counted_scorer_loses_its_bar_in_another_process(stack):
    X, y = np.eye(3), np.arange(3.0)
    bar = SimpleNamespace(update=lambda: updates.append(1))
    updates = []
    scorer = CountedScorer(Ridge(), "r2", bar)
    model = Ridge().fit(X, y)
    assert pickle.loads(pickle.dumps(scorer))(model, X, y) == scorer(model, X, y)
    assert len(updates) == 1


@pytest.mark.parametrize("report_every", [1, 100])
def test_the_bar_of_pretraining_moves_with_every_step(stack, monkeypatch, report_every):
    steps, moved = [], ProgressBar.on_batch_end
    monkeypatch.setattr(
        ProgressBar,
        "on_batch_end",
        lambda self, net, **kwargs: (moved(self, net), steps.append(self.bar_.n)),
    )
    make_pretrainer(verbose=1, report_every=report_every).fit(stack[0])
    assert steps == [1, 2]


@pytest.fixture
def slow(monkeypatch):
    """Call every fit slow, and forget which classes have given advice."""
    monkeypatch.setattr(_progress, "SLOW", 0.0)
    monkeypatch.setattr(_progress, "_advised", set())


def test_a_slow_fit_gives_advice_once(stack, slow, caplog):
    for _ in range(2):
        RUNS["averaging"](stack, None)
    [record] = caplog.records
    assert record.name == "skspektron"
    assert re.match(r"EnsembleTransfer.fit took \d+ s. In a search, pass", record.getMessage())


def test_advice_can_be_silenced(stack, slow, caplog):
    with caplog.at_level("ERROR", logger="skspektron"):
        RUNS["averaging"](stack, None)
    assert not caplog.records


def test_a_failed_or_short_fit_gives_no_advice(stack, caplog, slow, monkeypatch):
    with pytest.raises(ValueError, match="source"):
        fit(lambda pretrainer, **options: EnsembleTransfer(source="A", target="A"))(stack, None)
    monkeypatch.setattr(_progress, "SLOW", 10.0)
    RUNS["averaging"](stack, None)
    assert not caplog.records


@pytest.mark.parametrize("name", ["averaging", "folds", "mapping", "adapting", "pretraining"])
def test_advice_names_parameters_of_the_class(name, stack, pretrainer, slow, caplog):
    RUNS[name](stack, pretrainer)
    messages = [record.getMessage() for record in caplog.records]
    assert any("n_jobs=" in message or "device=" in message for message in messages)


def test_an_embedder_is_not_told_to_train_for_fewer_steps(stack, pretrainer, slow, caplog):
    SpektronEmbedder(pretrainer, wavelength=WAVELENGTH).fit(stack[0])
    assert not caplog.records

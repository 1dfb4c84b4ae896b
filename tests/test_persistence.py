"""Fitted objects can be saved and loaded in another process, with the same results."""

import importlib
import inspect
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron import SNV, SpektronEmbedder
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronPretrainer, SpektronRegressor
from skspektron.inspection import classify_kernels
from skspektron.io import LinearCalibration
from skspektron.model_selection import TransferGroupKFold, stack_instruments, transfer_curve
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import FNO, FNOTransfer, LoRATransfer, PDSTransfer, TTTTransfer
from skspektron.validation import ControlChart
from tests.test_api import PUBLIC

AXIS = np.linspace(1100, 2498, 96)
TRAINING = {"max_epochs": 1, "random_state": 0, "device": "cpu"}
SMALL_FNO = {"width": 4, "n_modes": 4, "n_layers": 1, **TRAINING}


def embedding(weights):
    return make_pipeline(SNV(), SpektronEmbedder(weights, wavelength=AXIS), PLSRegression(2))


# Estimators that need parameters, or that are slow with the default ones.
FACTORIES = {
    "ConformalTransfer": lambda: ConformalTransfer(PDSTransfer(source="A", target="B")),
    "FNO": lambda: FNO(**SMALL_FNO),
    "FNOTransfer": lambda: FNOTransfer(**SMALL_FNO),
    "LinearCalibration": lambda: LinearCalibration(np.ones(96), wavelength=AXIS),
    "LoRATransfer": lambda: LoRATransfer(embedding("small"), **TRAINING),
    "SpektronEmbedder": lambda: SpektronEmbedder("masked", wavelength=AXIS),
    "SpektronPretrainer": lambda: SpektronPretrainer(
        "tiny", wavelength=AXIS, max_steps=2, random_state=0
    ),
    "SpektronRegressor": lambda: SpektronRegressor(wavelength=AXIS, **TRAINING),
    "TTTTransfer": lambda: TTTTransfer(
        wavelength=AXIS, max_steps=1, random_state=0, device="cpu", batch_size=4
    ),
}
MAPS = ["DS", "PDS", "SST", "CCAMap", "EPO", "FNO"]  # fitted on the spectra of two instruments
READ = """
import sys, joblib
fitted = joblib.load(sys.argv[1])
assert all(type(model).__module__.startswith("skspektron") for model, *_ in fitted.values())
results = {name: getattr(model, use)(X) for name, (model, use, X) in fitted.items()}
joblib.dump(results, sys.argv[2])
"""


def public_estimators():
    """Return the public estimator classes by name, except charts, which do not predict."""
    names = {(module, name) for module, names in PUBLIC.items() for name in names}
    found = {name: getattr(importlib.import_module(module), name) for module, name in names}
    return {
        name: kind
        for name, kind in sorted(found.items())
        if inspect.isclass(kind) and issubclass(kind, BaseEstimator) and kind is not ControlChart
    }


ESTIMATORS = public_estimators()


@pytest.fixture(scope="module")
def lab():
    """Simulate 24 samples on A and B."""
    return make_instruments(24, ("A", "B"), wavelength=AXIS, random_state=0)


@pytest.fixture(scope="module")
def stacked(lab):
    rows = {name: (X, lab.y[:, 0], lab.sample_id) for name, X in lab.X.items()}
    return stack_instruments(rows)


def fit(name, kind, lab, stacked):
    """Return a fitted estimator, the name of its method to call, and the spectra to pass."""
    estimator = FACTORIES.get(name, kind)()
    X, y, instrument, sample_id = stacked
    if name in MAPS:
        estimator.fit(lab.X["B"], lab.X["A"])
    elif "instrument" in inspect.signature(kind.fit).parameters and hasattr(kind, "predict"):
        if "source" in estimator.get_params():
            estimator.set_params(source="A", target="B")
        estimator.fit(X, y, instrument=instrument, sample_id=sample_id)
    else:
        estimator.fit(lab.X["A"], lab.y[:, 0])
    use = next(use for use in ("predict", "transform") if hasattr(estimator, use))
    return estimator, use, lab.X["B"]


@pytest.fixture(scope="module")
def fitted(lab, stacked):
    """Return what `fit` returns for every public estimator."""
    return {name: fit(name, kind, lab, stacked) for name, kind in ESTIMATORS.items()}


@pytest.fixture(scope="module")
def loaded_results(fitted, tmp_path_factory):
    """Return the results of all estimators, loaded in a new process."""
    folder = tmp_path_factory.mktemp("persistence")
    joblib.dump(fitted, folder / "fitted.joblib")
    paths = [str(folder / name) for name in ("fitted.joblib", "results.joblib")]
    result = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    return joblib.load(paths[1])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_results_are_the_same_in_another_process(name, fitted, loaded_results):
    model, use, X = fitted[name]
    np.testing.assert_array_equal(loaded_results[name], getattr(model, use)(X))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_loaded_estimator_equals_the_original(name, fitted, tmp_path):
    model, use, X = fitted[name]
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    assert loaded.get_params().keys() == model.get_params().keys()
    assert vars(loaded).keys() == vars(model).keys()
    np.testing.assert_array_equal(getattr(loaded, use)(X), getattr(model, use)(X))


def test_curves_and_kernel_classes_can_be_loaded(lab, stacked, tmp_path):
    X, y, instrument, sample_id = stacked
    curve = transfer_curve(
        PDSTransfer(PLSRegression(3), source="A", target="B"),
        X,
        y,
        instrument=instrument,
        sample_id=sample_id,
        n_transfer=[3, 5],
        cv=TransferGroupKFold(2, target="B"),
    )
    kernels = classify_kernels(np.eye(5) + 0.1)
    joblib.dump((lab, curve, kernels), tmp_path / "data.joblib")
    lab_again, curve_again, kernels_again = joblib.load(tmp_path / "data.joblib")
    np.testing.assert_array_equal(lab_again.X["B"], lab.X["B"])
    for value, again in zip((*curve, *kernels), (*curve_again, *kernels_again), strict=True):
        np.testing.assert_array_equal(again, value)


def test_shipped_weights_are_pickled_by_name_and_others_once(lab):
    X, y = lab.X["A"], lab.y[:, 0]
    shipped = embedding("masked").fit(X, y)[1]
    assert len(pickle.dumps(shipped.network_)) < 300  # 44 kB of weights
    pretrainer = SpektronPretrainer("tiny", wavelength=AXIS, max_steps=1, random_state=0).fit(X)
    one, two = (embedding(pretrainer).fit(X, y)[1].network_ for _ in range(2))
    held = len(pickle.dumps(one))
    assert held > sum(tensor.nbytes for tensor in one.tensors().values())
    assert len(pickle.dumps([one, two])) < held + 100


@pytest.mark.parametrize("name", ["LoRATransfer", "TTTTransfer"])
def test_only_changed_tensors_of_adapted_weights_are_pickled(name, fitted):
    model = fitted[name][0]
    before, after = (
        next(step.network_ for step in pipeline if hasattr(step, "network_"))
        for pipeline in (model.estimator_, model.target_estimator_)
    )
    changed = [k for k, t in after.tensors().items() if not t.equal(before.tensors()[k])]
    size = sum(after.tensors()[k].nbytes for k in changed)
    assert 0 < size < sum(tensor.nbytes for tensor in after.tensors().values())
    assert size < len(pickle.dumps([before, after])) < size + 1000 + 100 * len(changed)


def test_changing_weights_back_gives_the_original():
    base = embedding("small").fit(np.eye(4, 96), np.arange(4.0))[1].network_
    name = next(iter(base.tensors()))
    other = base.changed({name: base.tensors()[name] + 1})
    assert other.digest != base.digest
    assert other.changed({name: base.tensors()[name].clone()}) is base
    assert base.changed({}) is base
    assert pickle.loads(pickle.dumps(other)) is other


def test_missing_shipped_weights_are_named(fitted, monkeypatch):
    model = fitted["SpektronEmbedder"][0]
    held = pickle.dumps(model)
    monkeypatch.setattr("skspektron.foundation._weights.shipped_weights", lambda: ["small"])
    with pytest.raises(ValueError, match=r"uses the weights 'masked' .* ships no such weights"):
        pickle.loads(held)

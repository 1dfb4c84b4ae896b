"""With `memory` the calibration is fitted once for all that a search tries on a fold."""

import os

import joblib
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skspektron.foundation import Architecture, SpektronEmbedder, SpektronPretrainer
from skspektron.model_selection import TransferGroupKFold
from skspektron.transfer import PDSTransfer, TargetOnly
from skspektron.transfer._core import _base
from tests.transfer.methods import METHODS, fit, make

N_FOLDS = 2
SIZES = [0, 3, 6]


class CountedRidge(Ridge):
    """Count the fits of all clones."""

    n_fits = 0

    def fit(self, X, y):
        CountedRidge.n_fits += 1
        return super().fit(X, y)


class Unreadable(Ridge):
    """An estimator whose fit needs a file that does not exist."""

    def fit(self, X, y):
        raise FileNotFoundError("absent")


@pytest.fixture
def memory(tmp_path):
    """Return the path of an empty cache."""
    CountedRidge.n_fits = 0
    return str(tmp_path)


def search(estimator, stack, memory, method=PDSTransfer, **grid):
    """Search over numbers of standards, without a final fit."""
    X, y, instrument, sample_id = stack
    metadata = {"instrument": instrument, "sample_id": sample_id}
    cv = TransferGroupKFold(N_FOLDS, target="B")
    return GridSearchCV(
        method(estimator, source="A", target="B", memory=memory),
        {"n_transfer": SIZES, **grid},
        cv=list(cv.split(X, y, **metadata)),
        error_score="raise",
        refit=False,
    ).fit(X, y, **metadata)


def scores(search):
    return search.cv_results_["mean_test_score"]


@pytest.mark.parametrize("as_path", [True, False])
def test_one_fit_a_fold(as_path, memory, make_stack):
    stack = make_stack()
    plain = search(CountedRidge(), stack, None, window_length=[1, 3])
    assert CountedRidge.n_fits == N_FOLDS * 2 * len(SIZES)
    CountedRidge.n_fits = 0
    cache = memory if as_path else joblib.Memory(memory, verbose=0)
    cached = search(CountedRidge(), stack, cache, window_length=[1, 3])
    assert CountedRidge.n_fits == N_FOLDS
    np.testing.assert_array_equal(scores(cached), scores(plain))


def test_one_default_calibration_a_fold(memory, make_stack, monkeypatch):
    choose, calls = _base.cross_validated_pls, []

    def counted(X, y, ids):
        calls.append(len(X))
        return choose(X, y, ids)

    stack = make_stack()
    plain = search(None, stack, None)
    monkeypatch.setattr(_base, "cross_validated_pls", counted)
    cached = search(None, stack, memory)
    assert calls == [15] * N_FOLDS
    np.testing.assert_array_equal(scores(cached), scores(plain))


def test_calibrations_on_standards_are_cached_too(memory, make_stack):
    for _ in range(2):
        search(CountedRidge(), make_stack(), memory, method=TargetOnly)
        assert CountedRidge.n_fits == N_FOLDS * len(SIZES)  # the source, 3 and 6 standards


@pytest.mark.parametrize("estimator", [Ridge(alpha=1e-3), None])
@pytest.mark.parametrize("method", METHODS)
def test_predictions_are_those_without_memory(method, estimator, memory, make_stack):
    X, *_ = stack = make_stack()
    plain = fit(make(method).set_params(estimator=estimator), stack).predict(X)
    for _ in range(2):  # first written, then read
        model = fit(make(method, memory=memory).set_params(estimator=estimator), stack)
        np.testing.assert_array_equal(model.predict(X), plain)


def test_the_cache_depends_on_rows_and_parameters(memory, make_stack):
    X, y, instrument, sample_id = make_stack()
    for alpha, labels, n_fits in ((1.0, y, 1), (2.0, y, 2), (2.0, y + 1, 3), (1.0, y, 3)):
        model = PDSTransfer(CountedRidge(alpha=alpha), source="A", target="B", memory=memory)
        predictions = fit(model, (X, labels, instrument, sample_id)).predict(X)
        assert CountedRidge.n_fits == n_fits
    assert predictions.shape == (60,)


def test_the_order_of_rows_does_not_matter(memory, make_stack):
    stack = make_stack()
    for part in (stack, [part[::-1] for part in stack]):
        fit(PDSTransfer(CountedRidge(), source="A", target="B", memory=memory), part)
    assert CountedRidge.n_fits == 1


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_the_cache_depends_on_the_content_of_weights(memory, make_stack, tmp_path):
    """A calibration of weights that were replaced under the same path is fitted again."""
    X, *_ = stack = make_stack()
    sizes = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
    axis, path = np.linspace(9000, 4000, X.shape[1]), tmp_path / "w.safetensors"
    settings = {"wavenumber": axis, "max_steps": 1, "device": "cpu"}
    pretrained = [SpektronPretrainer(sizes, random_state=n, **settings).fit(X) for n in range(2)]
    for n, pretrainer in enumerate(pretrained):
        pretrainer.save(tmp_path / f"{n}.safetensors")
    calibration = make_pipeline(SpektronEmbedder(str(path), wavenumber=axis), CountedRidge())
    for n, n_fits in ((0, 1), (0, 1), (1, 2), (0, 2)):
        path.write_bytes((tmp_path / f"{n}.safetensors").read_bytes())
        model = PDSTransfer(calibration, source="A", target="B", memory=memory)
        found = fit(model, stack).estimator_[0].network_.digest
        assert found == pretrained[n].network_.digest
        assert CountedRidge.n_fits == n_fits


@pytest.mark.parametrize("kind", ["file", "full"])
def test_a_folder_that_cannot_be_used_warns(make_stack, tmp_path, monkeypatch, kind):
    X, *_ = stack = make_stack()
    folder = tmp_path / "cache"
    if kind == "file":
        folder.write_text("not a folder")
    else:

        def refuse(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "makedirs", refuse)
    plain = fit(PDSTransfer(Ridge(), source="A", target="B"), stack).predict(X)
    model = PDSTransfer(Ridge(), source="A", target="B", memory=str(folder))
    with pytest.warns(UserWarning, match=r"could not be cached in memory=.*cache.*writable folder"):
        fit(model, stack)
    np.testing.assert_array_equal(model.predict(X), plain)


def test_errors_of_the_estimator_are_not_those_of_the_folder(memory, make_stack):
    with pytest.raises(FileNotFoundError, match="absent"):
        fit(PDSTransfer(Unreadable(), source="A", target="B", memory=memory), make_stack())

"""Small matrices are computed with one thread, and the numbers of threads are restored."""

import sys
from threading import Barrier, Thread

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from skspektron import _threads
from skspektron._bridge import one_torch_thread
from skspektron._bridge import work_of as work_of_network
from skspektron._nn.network import SpektronNetwork
from skspektron._threads import LARGE, one_thread, one_thread_if_small, work_of
from skspektron._training.engine._net import StepNet
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer
from skspektron.model_selection import kennard_stone, stack_instruments
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import EnsembleTransfer, PDSTransfer
from tests.foundation.weights import SMALLEST

WAVELENGTH = np.arange(1100.0, 1500.0, 20.0)


@pytest.fixture(autouse=True)
def two_threads():
    """Use two threads of every library, whatever the environment of the tests says."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2):
        yield
        assert threads("blas") == {2}
        assert threads("openmp") == {2}
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def stack():
    data = make_instruments(12, wavelength=WAVELENGTH, random_state=0)
    return stack_instruments(
        {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()}
    )


def threads(api):
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == api}


class Recorder(TransformerMixin, BaseEstimator):
    """A step of a user's pipeline that records the numbers of threads in its methods."""

    seen: list = []  # noqa: RUF012

    def __init__(self, *, fails=False):
        self.fails = fails

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        self.seen.append((threads("blas"), threads("openmp")))
        if self.fails:
            raise RuntimeError("no fit")
        return self

    def transform(self, X):
        self.seen.append((threads("blas"), threads("openmp")))
        return X


def fit(model, stack):
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


def test_a_step_of_a_transfer_gets_one_thread_of_blas_and_all_of_openmp(stack):
    Recorder.seen.clear()
    model = fit(EnsembleTransfer(make_pipeline(Recorder(), Ridge()), source="A", target="B"), stack)
    model.predict(stack[0][:3])
    assert len(Recorder.seen) > 2
    assert all(seen == ({1}, {2}) for seen in Recorder.seen)


def test_threads_are_restored_after_an_exception(stack):
    model = PDSTransfer(make_pipeline(Recorder(fails=True), Ridge()), source="A", target="B")
    with pytest.raises(RuntimeError, match="no fit"):
        fit(model, stack)
    assert threads("blas") == {2}


def test_threads_of_joblib_share_the_limit(stack):
    Recorder.seen.clear()
    transfer = PDSTransfer(make_pipeline(Recorder(), Ridge()), source="A", target="B")
    with parallel_config("threading"):
        fit(ConformalTransfer(transfer, confidence_level=0.8, n_jobs=2), stack)
    assert {tuple(blas) for blas, _ in Recorder.seen} == {(1,)}


@pytest.mark.parametrize("first", [0, 1])
def test_two_threads_may_leave_in_any_order(first):
    inside, left = Barrier(3, timeout=10), [Barrier(2, timeout=10) for _ in range(2)]

    def compute(number):
        openmp = threads("openmp")  # of a new thread, from the environment
        with one_thread(openmp=True):
            assert threads("openmp") == {1}
            inside.wait()
            left[number].wait()
        assert threads("blas") == ({1} if number == first else {2})
        assert threads("openmp") == openmp
        left[number].wait()

    errors = []

    def run(number):
        try:
            compute(number)
        except BaseException as error:
            errors.append(error)

    workers = [Thread(target=run, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    inside.wait()
    assert threads("blas") == {1}
    assert threads("openmp") == {2}  # of this thread, which is not inside
    for number in (first, 1 - first):
        left[number].wait()
        left[number].wait()
    for worker in workers:
        worker.join()
    assert not errors


def test_nested_limits_are_lifted_once():
    with one_thread():
        with one_thread(openmp=True):
            assert threads("blas") == threads("openmp") == {1}
        assert threads("blas") == {1}
        assert threads("openmp") == {2}
    assert threads("blas") == {2}


def test_large_spectra_use_all_threads():
    @one_thread_if_small
    def count(X):
        return threads("blas")

    small, large = (np.broadcast_to(0.0, shape) for shape in ((400, 700), (50_000, 1000)))
    assert count(small) == count(X=small) == count([[1.0]]) == {1}
    assert count(large) == count(X=large) == {2}
    assert work_of(large) == work_of(None, large.T) == 5e10 > LARGE


def test_large_networks_use_all_threads():
    network = torch.nn.Linear(1000, 3000, device="meta")  # as many parameters as "base"
    assert work_of_network(network, 64) < LARGE < work_of_network(network, 640)


def test_a_step_of_training_and_an_embedding_get_one_thread(stack, monkeypatch):
    seen = []

    def record(function):
        def wrapper(*args, **kwargs):
            seen.append((torch.get_num_threads(), threads("blas")))
            return function(*args, **kwargs)

        return wrapper

    monkeypatch.setattr(StepNet, "train_step", record(StepNet.train_step))
    monkeypatch.setattr(SpektronNetwork, "forward", record(SpektronNetwork.forward))
    pretrainer = SpektronPretrainer(
        SMALLEST, wavelength=WAVELENGTH, max_steps=2, warmup_steps=1, random_state=0
    )
    SpektronEmbedder(pretrainer.fit(stack[0]), wavelength=WAVELENGTH).fit_transform(stack[0])
    assert len(seen) > 2
    assert all(one == (1, {1}) for one in seen)
    assert torch.get_num_threads() == 2


def test_selection_uses_one_thread(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "skspektron.model_selection._orderings._select",
        lambda distance: seen.append(threads("blas")) or iter(range(len(distance))),
    )
    kennard_stone(np.eye(3))
    assert seen == [{1}]


def test_libraries_are_searched_again_only_after_imports(monkeypatch):
    n_searches = []
    monkeypatch.setattr(
        _threads,
        "ThreadpoolController",
        lambda: n_searches.append(1) or ThreadpoolController(),
    )
    for _ in range(3):
        with one_thread():
            pass
    searched = len(n_searches)
    assert searched <= 1
    monkeypatch.setitem(sys.modules, "a_library_that_is_loaded_later", sys)
    for _ in range(3):
        with one_thread():
            pass
    assert len(n_searches) == searched + 1


@pytest.mark.parametrize("is_set", [False, True])
def test_torch_gets_one_thread_whether_its_number_was_set_or_not(is_set):
    if is_set:
        torch.set_num_threads(2)
    before = torch.__config__.parallel_info()
    with one_torch_thread():
        inside = torch.__config__.parallel_info()
        assert torch.get_num_threads() == 1
        assert "mkl_get_max_threads() : 2" not in inside
    assert torch.__config__.parallel_info() == before

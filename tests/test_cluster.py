"""Results on a Dask cluster equal those of one process, also after a worker is killed."""

import csv
import functools
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from benchmarks import bench_transfer
from skspektron import SNV, LoRATransfer, PDSTransfer, SpektronEmbedder, SpektronPretrainer
from skspektron.datasets import SpektraArchive, make_instruments
from skspektron.foundation import embed_archive
from skspektron.model_selection import (
    TransferCurveDisplay,
    TransferGroupKFold,
    dask_parallel,
    stack_instruments,
    transfer_curve,
)
from tests.workers import FatalRidge, FatalStep

dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

BENCHMARK = Path(bench_transfer.__file__)
# Workers start and answer slowly where many processes share two cores. The connection timeout stays
# at 30 s: a worker may keep calling a killed one for that long.
TIMEOUTS = {
    "distributed.comm.timeouts.connect": "30s",
    "distributed.comm.timeouts.tcp": "300s",
    "distributed.deploy.lost-worker-timeout": "300s",
}
SMALL = ["--data", "simulated", "--n-transfer", "0", "5", "--repeats", "2"]
SMALL += ["--methods", "no-transfer", "slope-bias"]


@pytest.fixture(scope="module")
def client():
    """Return a client of two worker processes, restarted by their nannies when they die."""
    path = os.pathsep.join([str(BENCHMARK.parents[1]), os.environ.get("PYTHONPATH", "")])
    with (
        pytest.MonkeyPatch.context() as patch,
        dask.config.set(TIMEOUTS),
        nullcontext(patch.setenv("PYTHONPATH", path)),  # as docs/benchmark.md says
        nullcontext(
            patch.syspath_prepend(BENCHMARK.parents[1])
        ),  # for the scheduler, in this process
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def both_workers(client):
    """Return the client once both workers are running; the last test may have killed one."""
    client.wait_for_workers(2, timeout="300s")
    return client


@pytest.fixture(scope="module")
def rows():
    """Stack 90 samples on two instruments, so that index arrays of a fold exceed a kilobyte."""
    bunch = make_instruments(90, ("A", "B"), wavelength=range(1100, 2100, 25), random_state=0)
    pair = {name: (X, bunch.y[:, 0], bunch.sample_id) for name, X in bunch.X.items()}
    X, y, instrument, sample_id = stack_instruments(pair)
    return bunch.wavelength, X, y, {"instrument": instrument, "sample_id": sample_id}


def in_one_process(run):
    """Return the result of `run` without a cluster, on one thread like a worker."""
    with threadpool_limits(1), joblib.parallel_config("sequential"):
        return run()


def search_scores(estimator, grid, rows, routing=False):
    """Return the scores of all candidates and splits, (n_candidates, n_splits)."""
    _, X, y, metadata = rows
    cv = TransferGroupKFold(3, target="B")
    with sklearn.config_context(enable_metadata_routing=routing):
        splits = cv if routing else list(cv.split(X, y, **metadata))
        search = GridSearchCV(estimator, grid, cv=splits, refit=False, error_score="raise")
        results = search.fit(X, y, **metadata).cv_results_
    return np.transpose([results[f"split{k}_test_score"] for k in range(3)])


@pytest.mark.parametrize("context", [dask_parallel, lambda client: joblib.parallel_config("dask")])
@pytest.mark.parametrize("routing", [False, True])
def test_searches_equal_those_in_one_process(both_workers, rows, routing, context):
    transfer = PDSTransfer(Ridge(1e-3), source="A", target="B")
    run = functools.partial(search_scores, transfer, {"n_transfer": [0, 5, 9]}, rows, routing)
    with context(both_workers):
        scores = run()
    np.testing.assert_array_equal(scores, in_one_process(run))


def test_networks_are_sent_to_workers(both_workers, rows):
    wavelength, X, _, _ = rows
    pretrainer = SpektronPretrainer(
        "tiny", wavelength=wavelength, max_steps=2, warmup_steps=1, random_state=0, device="cpu"
    )
    embedder = SpektronEmbedder(pretrainer.fit(X[:30]), wavelength=wavelength, device="cpu")
    model = make_pipeline(SNV(), embedder, Ridge(1e-3))
    transfer = LoRATransfer(
        model, source="A", target="B", max_epochs=2, random_state=0, device="cpu"
    )
    run = functools.partial(search_scores, transfer, {"n_transfer": [0, 5]}, rows)
    with dask_parallel(both_workers):
        scores = run()
    # Sums of single-precision numbers depend on the threads that a process has.
    np.testing.assert_allclose(scores, in_one_process(run), rtol=1e-6)


def test_curves_equal_those_in_one_process(both_workers, rows):
    from matplotlib.figure import Figure

    _, X, y, metadata = rows
    transfer = PDSTransfer(Ridge(1e-3), source="A", target="B")
    settings = {**metadata, "n_transfer": [0, 6], "cv": 2, "n_jobs": -1}

    def run():
        display = TransferCurveDisplay.from_estimators(
            {"PDS": transfer}, X, y, **settings, ax=Figure().subplots()
        )
        drawn = display.lines_["PDS"].get_ydata()
        return transfer_curve(transfer, X, y, **settings).test_scores, drawn

    with dask_parallel(both_workers):
        scores, drawn = run()
    expected, expected_drawn = in_one_process(run)
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(drawn, expected_drawn)


@pytest.mark.parametrize("nested", [False, True])
def test_no_result_is_lost_with_a_killed_worker(both_workers, rows, tmp_path, nested):
    marker = tmp_path / "killed"
    _, X, y, metadata = rows
    transfer = PDSTransfer(
        FatalRidge(marker=str(marker)), source="A", target="B", n_transfer=5, window_length=3
    )
    grid = {"estimator__alpha": [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]}

    def run():
        if not nested:
            return search_scores(transfer, grid, rows)
        cv = TransferGroupKFold(3, target="B")
        with sklearn.config_context(enable_metadata_routing=True):
            search = GridSearchCV(transfer, grid, cv=cv, error_score="raise")
            return cross_validate(
                search, X, y, cv=cv, params=metadata, error_score="raise", return_estimator=True
            )["test_score"]

    with dask_parallel(both_workers):
        scores = run()
    assert marker.exists()  # so that nothing is killed below
    assert scores.shape == ((3,) if nested else (6, 3))
    np.testing.assert_array_equal(scores, in_one_process(run))


def test_an_archive_is_embedded_after_a_worker_is_killed(both_workers, rows, tmp_path):
    wavelength, X, _, _ = rows
    X, marker = X.copy(), tmp_path / "killed"
    X[100, 0] = 7
    np.savez(tmp_path / "a.npz", X=X[:70], wavelength=wavelength)
    np.savez(tmp_path / "b.npz", X=X[70:], wavelength=wavelength)
    embedder = SpektronEmbedder(wavelength=wavelength, batch_size=20, device="cpu")
    model = make_pipeline(FatalStep(str(marker)), embedder).fit(X[:2])
    archive = SpektraArchive([tmp_path / "a.npz", tmp_path / "b.npz"])
    with dask_parallel(both_workers):
        Z = embed_archive(model, archive, tmp_path / "Z.npy", chunk_size=20, n_jobs=-1)
    assert marker.exists()
    np.testing.assert_array_equal(Z, in_one_process(lambda: model.transform(X)))


def read(path):
    """Return the sorted rows of a CSV, without `seconds`."""
    with path.open(newline="") as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    return sorted(rows, key=lambda row: [row[name] for name in bench_transfer.KEY])


def test_the_benchmark_neither_loses_nor_repeats_a_row(both_workers, tmp_path, monkeypatch):
    pids = both_workers.run(os.getpid)
    victims = iter(pids.values())

    class KillingBar(bench_transfer.tqdm):
        """A progress bar that kills one worker when the first rows arrive."""

        def update(self, n=1):
            if self.n == 0:
                os.kill(next(victims), signal.SIGKILL)
            return super().update(n)

    address = both_workers.scheduler.address
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    with monkeypatch.context() as patch:
        patch.setattr(bench_transfer, "tqdm", KillingBar)
        bench_transfer.main([*SMALL, "--cluster", address, "--output", str(two)])
    bench_transfer.main([*SMALL, "--output", str(one)])
    assert read(two) == read(one)
    both_workers.wait_for_workers(2, timeout="300s")
    assert set(both_workers.run(os.getpid).values()) != set(pids.values())
    # The script, run as documented, computes only the additional repeat.
    command = [
        sys.executable,
        "-m",
        "benchmarks.bench_transfer",
        *SMALL,
        "--cluster",
        address,
        "--output",
        two,
    ]
    command[command.index("2")] = "3"
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert [row for row in read(two) if row["repeat"] != "2"] == read(one)
    assert len(read(two)) == 1.5 * len(read(one))

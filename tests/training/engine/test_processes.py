"""Two processes train like one, and a killed run resumes to the same weights."""

import json
import multiprocessing
import signal
import socket
import sys

import pytest
import torch

from skspektron._bridge import load_tensors
from skspektron._training.engine._processes import Processes, join
from tests.training import one_run

# Where there is a fork server, all processes come from one that has imported torch, and the module
# that the first optimizer imports.
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
CONTEXT = multiprocessing.get_context(METHOD)
CONTEXT.set_forkserver_preload([one_run.__name__, "torch._dynamo"])


def start(settings, folder, **kwargs):
    """Start a run in a new process with as many threads as this one."""
    kwargs["n_threads"] = torch.get_num_threads()
    process = CONTEXT.Process(target=one_run.main, args=(settings, folder), kwargs=kwargs)
    process.start()
    return process


def exit_codes(processes):
    """Wait for all processes, kill those that hang, and return their exit codes."""
    for process in processes:
        process.join(timeout=300)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes


def without_seconds(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Return the folder and the files of two processes that train together."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    files = {"checkpoint": str(folder / "run.safetensors"), "log": str(folder / "log.jsonl")}
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [start(files, folder, env=world | {"RANK": str(rank)}) for rank in (0, 1)]
    assert exit_codes(processes) == [0, 0]
    return folder, [load_tensors(folder / f"rank{rank}.safetensors") for rank in (0, 1)]


@pytest.mark.slow
def test_two_processes_train_like_one(two_runs):
    _, runs = two_runs
    (first, header), (second, other_header) = runs
    # Batches of 19 spectra and of 1, of which the first process has none.
    network, history = one_run.train()
    for name, tensor in network.state_dict().items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], tensor, atol=1e-5, rtol=0)
    assert without_seconds(header["history"]) == without_seconds(other_header["history"])
    for record, expected in zip(header["history"], history, strict=True):
        for name in ("step", "masked", "train_loss", "masked_mse", "n_skipped"):
            assert record[name] == pytest.approx(expected[name], rel=1e-5)


def test_only_the_first_process_writes(two_runs):
    folder, ((_, header), _) = two_runs
    names = {"log.jsonl", "run.safetensors", "rank0.safetensors", "rank1.safetensors"}
    assert {path.name for path in folder.iterdir()} == names
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert log == header["history"]


def test_processes_with_other_seeds_are_refused(two_runs):
    _, runs = two_runs
    for _, header in runs:
        assert "2 processes: they drew different seeds (0 and 1)" in header["refusal"]
        assert "random_state must be an int to" in header["refusal"]


@pytest.mark.parametrize(("n_rows", "count"), [(19, 2), (1, 2), (3, 8), (0, 2), (64, 1)])
def test_every_row_belongs_to_one_process(n_rows, count):
    shares = [Processes(rank, count).rows(n_rows) for rank in range(count)]
    assert [row for share in shares for row in share] == list(range(n_rows))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_without_a_launcher_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join("cpu") == Processes(0, 1)
    assert join("cpu").broadcast("value") == "value"


@pytest.fixture(scope="module")
def killed_runs(tmp_path_factory):
    """Return the checkpoints of a run killed in its 8th step and one in its 2nd write."""
    folders = {event: tmp_path_factory.mktemp(event) for event in ("step", "write")}
    processes = []
    for (event, folder), count in zip(folders.items(), (8, 2), strict=True):
        settings = {"checkpoint": folder / "run.safetensors"}
        processes.append(start(settings, folder, event=event, count=count))
    assert exit_codes(processes) == [-signal.SIGKILL, -signal.SIGKILL]
    return folders


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
@pytest.mark.parametrize("event", ["step", "write"])
def test_killed_run_ends_with_the_same_weights(killed_runs, event):
    folder = killed_runs[event]
    left = [path.name for path in folder.iterdir() if path.suffix == ".part"]
    assert len(left) == (event == "write")
    assert not (folder / "rank0.safetensors").exists()
    network, history = one_run.train()
    resumed, same_history = one_run.train(checkpoint=folder / "run.safetensors")
    assert load_tensors(folder / "run.safetensors")[1]["step"] == 10
    assert without_seconds(same_history) == without_seconds(history)
    for name, tensor in network.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name

"""The benchmark of training steps runs, and its committed results pass the limits."""

import csv
from pathlib import Path

import pytest
import torch

from benchmarks import bench_network

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "network.csv"


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_per_network(tmp_path, capsys):
    path = tmp_path / "network.csv"
    threads = str(torch.get_num_threads())
    bench_network.main(
        ["--models", "tiny", "--rounds", "1", "--threads", threads, "--output", str(path)]
    )
    [row] = read_rows(path)
    assert row["model"] == "tiny"
    assert float(row["spectra_per_second"]) > 0
    assert path.with_name("network.csv.json").exists()
    assert "tiny" in capsys.readouterr().out


def test_speed_up_compares_equal_dropout():
    times = {
        ("published", 0.0): 6,
        ("spektron", 0.0): 2,
        ("published", 0.1): 8,
        ("spektron", 0.1): 1,
    }
    rows = [
        {"model": model, "dropout": rate, "seconds": t, "cpu_seconds": 2 * t}
        for (model, rate), t in times.items()
    ]
    assert bench_network.speed_up(rows) == {0.0: (3, 3), 0.1: (8, 8)}


def test_folder_without_the_published_code_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        bench_network.parse(["--published", str(tmp_path)])
    assert "has no folder src" in capsys.readouterr().err


def test_committed_results_pass_the_limits():
    rows = read_rows(RESULTS)
    for model, minimum in bench_network.MIN_SPEED.items():
        [row] = [row for row in rows if row["model"] == model]
        # The CPU time of all threads: two idle cores are at least as fast as one.
        assert int(row["batch"]) / float(row["cpu_seconds"]) >= minimum
    factors = bench_network.speed_up(rows)
    assert set(factors) == set(bench_network.MIN_SPEED_UP)
    for rate, minimum in bench_network.MIN_SPEED_UP.items():
        assert min(factors[rate]) >= minimum

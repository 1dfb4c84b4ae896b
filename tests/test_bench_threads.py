"""The benchmark of threads: its committed results, and a run of one case."""

import csv
from pathlib import Path

from benchmarks import bench_threads
from skspektron import transfer

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "threads.csv"


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_committed_results_have_all_methods_within_the_ratio():
    rows = read(RESULTS)
    assert {name for name in transfer.__all__ if name.endswith("Transfer")} < {
        row["case"] for row in rows
    }
    assert "pretraining, 50 steps" in {row["case"] for row in rows}
    for row in rows:
        assert float(row["wall_ratio"]) <= bench_threads.LARGEST_RATIO
        assert float(row["cpu_ratio"]) <= bench_threads.LARGEST_RATIO


def test_one_case(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_threads, "LARGEST_RATIO", float("inf"))
    path = tmp_path / "threads.csv"
    bench_threads.main(["--cases", "NoTransfer", "--rounds", "1", "--output", str(path)])
    [row] = read(path)
    assert tuple(row) == bench_threads.COLUMNS
    assert row["case"] == "NoTransfer"
    assert "NoTransfer" in capsys.readouterr().out

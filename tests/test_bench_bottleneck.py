"""The benchmark of the bottleneck runs, and its committed results support the documentation."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_bottleneck

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "bottleneck.csv"


def read(path):
    with path.open(newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.filterwarnings("ignore:Linear interpolation", "ignore:Stochastic Optimizer")
def test_one_row_per_simulation(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_bottleneck, "N_SAMPLES", 24)
    path = tmp_path / "b.csv"
    sizes = ["--steps", "3", "--batch-size", "4", "--n-instruments", "2", "3", "--seeds", "0"]
    bench_bottleneck.main([*sizes, "--output", str(path)])
    rows = read(path)
    assert tuple(rows[0]) == bench_bottleneck.COLUMNS
    assert [row["n_instruments"] for row in rows] == [2, 3]
    assert np.isfinite([list(row.values()) for row in rows]).all()


def test_committed_results_support_the_documentation():
    rows = read(RESULTS)
    assert {row["n_instruments"] for row in rows} == {2, 3}
    for row in rows:
        assert max(row[probe] for probe in bench_bottleneck.PROBES) <= row["chance"] + 0.1
        assert row["instrument_part"] >= 0.95
        assert row["r2_concentrations"] >= 0.9

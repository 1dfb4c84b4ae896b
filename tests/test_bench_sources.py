"""The benchmark of several sources: its committed results, and a run of one task."""

import csv
from pathlib import Path

import numpy as np

from benchmarks import bench_sources
from skspektron.datasets import make_instruments
from skspektron.model_selection import stack_instruments

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "sources.csv"


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_further_source_raises_the_committed_r2():
    rows = read(RESULTS)
    means = {
        (n, k): np.mean(
            [float(r["r2"]) for r in rows if (r["n_transfer"], r["n_sources"]) == (n, k)]
        )
        for n in ("5", "10")
        for k in "123"
    }
    for n in ("5", "10"):
        assert means[n, "1"] < means[n, "2"] < means[n, "3"]


def test_one_task(tmp_path, monkeypatch, capsys):
    names = bench_sources.HANDHELDS
    data = make_instruments(24, names, wavelength=np.arange(1100.0, 2500.0, 20.0), random_state=0)
    stack = stack_instruments(
        {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()}
    )
    monkeypatch.setattr(bench_sources, "tasks", lambda: iter([(names[0], names[1], "y", stack)]))
    path = tmp_path / "sources.csv"
    bench_sources.main(["--n-transfer", "5", "--repeats", "1", "--output", str(path)])
    rows = read(path)
    assert tuple(rows[0]) == bench_sources.COLUMNS
    assert [row["n_sources"] for row in rows] == ["1", "2", "3"]
    assert "NARTransfer" in capsys.readouterr().out

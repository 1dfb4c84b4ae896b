"""The rates of `ApplicabilityDomain`: rows of a small set, and the table."""

import csv

import numpy as np
import pytest

from benchmarks import bench_domain
from benchmarks.bench_calibration import SpectralSet
from skspektron.datasets import make_instruments


def simulated(n, seed):
    axis = np.linspace(1100, 2500, 90)
    data = make_instruments(n, ("A",), wavelength=axis, random_state=seed)
    return SpectralSet(data.X["A"], 1e7 / axis, {"y": data.y[:, 0]}, np.arange(n))


@pytest.fixture(scope="module")
def of_set(tmp_path_factory):
    """Return a function that computes the rows of a small set with more arguments."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(bench_domain, "SETS", ("simulated",))
    monkeypatch.setattr(bench_domain, "SIZES", (30, 100))
    monkeypatch.setattr(bench_domain, "load", lambda name, folder: simulated(60, len(name)))
    path = tmp_path_factory.mktemp("domain") / "domain.csv"

    def compute(*more):
        bench_domain.main(["--sets", "simulated", "--draws", "1", "--output", str(path), *more])
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    yield compute
    monkeypatch.undo()


@pytest.fixture(scope="module")
def rows(of_set):
    return of_set()


def test_rows_have_every_size_and_decision(rows):
    cells = [(row["variance"], row["decision"]) for row in rows]
    assert cells == [(str(v), d) for v in (0.99, 0.999) for d in bench_domain.DECISIONS]
    assert {row["n_good"] for row in rows} == {"30"}  # 100 leave no other good spectra
    assert tuple(rows[0]) == bench_domain.COLUMNS
    dead = {cell: float(row["dead"]) for cell, row in zip(cells, rows, strict=True)}
    for variance in ("0.99", "0.999"):
        two, three = (dead[variance, decision] for decision in bench_domain.DECISIONS)
        assert three >= two > 0.5


def test_table_has_means_of_real_sets_beside_simulated_ones(rows):
    real = [{**row, "set": "real", "false_alarms": "0.5"} for row in rows]
    lines = bench_domain.table([*rows, *real, *real]).splitlines()[2:]
    assert [line.split(" | ")[1:3] for line in lines] == [
        [row["variance"], row["decision"]] for row in rows
    ]
    for line, row in zip(lines, rows, strict=True):
        assert line.split(" | ")[3:5] == [f"{float(row['false_alarms']):.2f}", "0.50"]


def test_limits_are_compared_at_three_levels(of_set):
    rows = of_set("--limits")
    assert [row["nominal"] for row in rows] == ["0.0717", "0.0170", "0.0033"]
    for name in bench_domain.DISTRIBUTIONS:
        rates = [float(row[name]) for row in rows]
        assert 0.5 > rates[0] >= rates[1] >= rates[2]

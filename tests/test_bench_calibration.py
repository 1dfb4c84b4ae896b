"""The benchmark of calibrations runs, and its committed results are better than PLS."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from benchmarks import bench_calibration

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "calibration.csv"


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def small_set(tmp_path, monkeypatch):
    """Write a file of 18 samples, two of them measured twice, under the name of a real set."""
    rng = np.random.default_rng(0)
    y = rng.uniform(size=20)
    X = y[:, None] * np.exp(-(np.linspace(-2, 2, 25) ** 2)) + 0.01 * rng.normal(size=(20, 25))
    np.savez(
        tmp_path / "gasoline_kalivas.npz",
        X_NIR=X,
        octane=y,
        wavelengths=np.linspace(900, 1700, 25),
        sample_id=np.array([*range(18), 0, 1]),
    )
    monkeypatch.setattr(bench_calibration, "N_DRAWS", 1)
    return ["--data", str(tmp_path), "--sets", "gasoline", "--sizes", "10"]


def test_one_row_per_property_and_method(small_set, tmp_path, capsys):
    path = tmp_path / "calibration.csv"
    bench_calibration.main([*small_set, "--output", str(path)])
    rows = read_rows(path)
    assert tuple(rows[0]) == bench_calibration.COLUMNS
    assert [row["method"] for row in rows] == ["kernel ensemble", "best PLS", "SNV, PLS"]
    assert float(rows[0]["rmsep"]) < 0.1
    assert [bool(row["coverage"]) for row in rows] == [True, False, False]
    assert path.with_name("calibration.csv.json").exists()
    assert "kernel ensemble / best PLS, 10" in capsys.readouterr().out
    bench_calibration.main([*small_set, "--output", str(path)])
    assert read_rows(path) == rows  # nothing is computed again


def test_samples_are_never_in_training_and_test_rows():
    ids = np.repeat(np.arange(20), 2)
    for size in ("all", "10"):
        for train, test in bench_calibration.splits(ids, size):
            assert set(ids[train]).isdisjoint(ids[test])
            assert size == "all" or len(set(ids[train])) == 10


@pytest.mark.parametrize("scale", [False, True])
def test_pls_equals_that_of_scikit_learn(scale):
    rng = np.random.default_rng(0)
    X, y, new = rng.normal(size=(20, 8)), rng.normal(size=20), rng.normal(size=(3, 8))
    path = bench_calibration.pls_path(X, y, new, scale, 4)
    expected = [PLSRegression(a, scale=scale).fit(X, y).predict(new) for a in (1, 2, 3, 4)]
    np.testing.assert_allclose(path, np.reshape(expected, (4, 3)), atol=1e-9)


def test_committed_results_are_better_than_pls():
    rows = read_rows(RESULTS)
    reported = [row for row in rows if row["set"] in bench_calibration.REPORTING]
    assert {row["set"] for row in reported} == set(bench_calibration.REPORTING)
    rows = [row for row in rows if row not in reported]
    assert {row["set"] for row in rows} == set(bench_calibration.FILES)
    over_best = bench_calibration.ratios(rows, "kernel ensemble", "best PLS", "all")
    assert bench_calibration.geometric_mean(over_best.values()) <= 0.82
    assert max(over_best.values()) <= 1.03
    for size in ("10", "20", "30"):
        found = bench_calibration.ratios(rows, "kernel ensemble", "SNV, PLS", size)
        assert bench_calibration.geometric_mean(found.values()) <= 0.8
    over_best = bench_calibration.ratios(reported, "kernel ensemble", "best PLS", "all")
    assert max(over_best.values()) <= 1.03
    large = bench_calibration.ratios(rows, "kernel ensemble", "best PLS", bench_calibration.LARGE)
    assert large["simulated"] <= 1.0


def test_committed_standard_deviations_cover_the_errors():
    rows = [row for row in read_rows(RESULTS) if row["coverage"]]
    for size in bench_calibration.SIZES:
        found = [float(row["coverage"]) for row in rows if row["n_samples"] == size]
        assert 0.9 < np.mean(found) < 0.97

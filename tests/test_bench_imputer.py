"""The comparison of fills: gaps, PCA, and the rows of small data sets."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_imputer
from skspektron.datasets import make_instruments

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    data = make_instruments(70, ("A",), wavelength=np.linspace(1100, 2500, 120), random_state=0)
    fat = np.where(np.arange(70) == 3, np.nan, data.y[:, 0])
    np.savez(tmp_path / "tecator.npz", X_NIT=data.X["A"], fat=fat)
    monkeypatch.setattr(bench_imputer, "classics", lambda: [])
    monkeypatch.setattr(bench_imputer, "LABELLED", {"tecator": ("fat",)})
    return tmp_path


def committed(name):
    path = ROOT / "benchmarks" / "results" / name
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def rows(folder, *arguments):
    path = folder / "rows.csv"
    bench_imputer.main(["--data", str(folder), "--output", str(path), "--repeats", "1", *arguments])
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_complete_spectra_beat_interpolation_on_simulated_ones(folder):
    found = rows(folder)
    assert len(found) == len(bench_imputer.GAPS) * len(bench_imputer.SIZES)
    assert {row["sets"] for row in found} == {"development"}
    many = [row for row in found if row["n_complete"] == "50"]
    assert all(0 < float(row[name]) < 0.1 for row in many for name in ("imputer", "pca"))
    none = [row for row in found if row["n_complete"] == "0"]
    assert {row["pca"] for row in none} == {"nan"}


def test_incomplete_spectra_come_close_to_complete_ones(folder, monkeypatch):
    monkeypatch.setattr(bench_imputer, "FEW", (12,))
    for row in rows(folder, "--incomplete"):
        assert 0 < float(row["incomplete"]) < 0.05 and float(row["complete"]) < 0.05


def test_predictions_from_filled_spectra_are_those_of_complete_ones(folder):
    found = rows(folder, "--predict")
    many = [row for row in found if row["n_complete"] == "50"]
    by_spectra, by_line = ([float(row[name]) for row in many] for name in list(many[0])[4:])
    assert np.mean(by_spectra) < 4 < 0.1 * np.mean(by_line)


def test_gaps_have_the_size_that_they_are_named_after():
    rng = np.random.default_rng(0)
    for name, draw in bench_imputer.GAPS.items():
        fraction = 0.2 if name.startswith("patches") else float(name.split()[2]) / 100
        assert draw(400, rng=rng).mean() == pytest.approx(fraction, abs=0.01)


def test_pca_with_all_components_finds_spectra_of_its_span():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 2)) @ rng.normal(size=(2, 30)) + rng.normal(size=30)
    hidden = np.arange(30) < 5
    spectra, mean, scale = bench_imputer.standardize_visible(X, hidden)
    new = spectra.mean(axis=0) + rng.normal(size=(3, 2)) @ (spectra[:2] - spectra.mean(axis=0))
    fill = bench_imputer.fill_by_pca(spectra, new, hidden)[2]
    _, mean, scale = bench_imputer.standardize_visible(new, hidden)
    np.testing.assert_allclose(fill, ((new - mean) / scale)[:, hidden], atol=1e-6)


def test_mean_is_over_files_first():
    sets = ("a/1", "a/2", "b/1"), ("1", "4", "8")
    found = [{"set": name, "x": value} for name, value in zip(*sets, strict=True)]
    assert bench_imputer.geometric_mean(found, "x") == pytest.approx(4)


def test_complete_spectra_beat_pca_and_a_straight_line_on_committed_rows():
    for size in bench_imputer.SIZES:
        found = [row for row in committed("imputer.csv") if row["n_complete"] == str(size)]
        mean = bench_imputer.geometric_mean(found, "imputer")
        assert mean < 0.6
        if size:
            assert mean < 0.05 and mean < bench_imputer.geometric_mean(found, "pca")

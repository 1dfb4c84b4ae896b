"""The tests of a validation reject as often as stated."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_validation

ROOT = Path(__file__).parents[1]
NULL = ("bias", "SEP", "slope", "joint")


def committed():
    """Return {(data, samples, test, deviation): rate of rejection}."""
    path = ROOT / "benchmarks" / "results" / "validation.csv"
    with path.open(newline="") as file:
        return {tuple(key): float(rate) for *key, rate in map(dict.values, csv.DictReader(file))}


SIZES = bench_validation.SIZES


def test_type_1_errors_are_nominal_and_powers_are_those_stated():
    rates = committed()
    null = [rates["exact", str(n), test, "none"] for n in SIZES for test in NULL]
    power = [rates["exact", str(n), test, "detectable"] for n in SIZES for test in NULL[:3]]
    assert min(null) > 0.04 and max(null) < 0.06
    assert power == pytest.approx([0.8] * len(power), abs=0.01)


def test_rates_are_reproduced_with_other_random_numbers():
    rng = np.random.default_rng(1)
    rows = list(bench_validation.exact_rows(rng, 15, 10_000))
    rates = {(test, deviation): rate for _, _, test, deviation, rate in rows}
    assert all(0.04 < rates[test, "none"] < 0.06 for test in NULL)
    assert all(rates[test, "detectable"] == pytest.approx(0.8, abs=0.015) for test in NULL[:3])


def test_sec_is_exceeded_more_often_than_secv():
    rows = bench_validation.calibration_rows(np.random.default_rng(2), 20, 2000)
    rates = {test: rate for _, _, test, _, rate in rows}
    assert rates["SEP against SECV"] < 0.06 < rates["SEP against SEC"]


def test_the_script_writes_the_csv(tmp_path):
    path = tmp_path / "validation.csv"
    bench_validation.main(["--simulations", "20", "--output", str(path)])
    assert len(path.read_text().splitlines()) == 1 + len(committed())

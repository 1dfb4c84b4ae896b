"""The tests of a validation reject as often as stated, and the page quotes the results."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_validation
from skspektron.validation._statistics import detectable_ratio, detectable_shift

ROOT = Path(__file__).parents[1]
NULL = ("bias", "SEP", "slope", "joint")


def committed():
    """Return {(data, samples, test, deviation): rate of rejection}."""
    path = ROOT / "benchmarks" / "results" / "validation.csv"
    with path.open(newline="") as file:
        return {tuple(key): float(rate) for *key, rate in map(dict.values, csv.DictReader(file))}


def tables():
    """Return the cells of the tables of numbers of the page."""
    text = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = [
        line for line in text.splitlines() if line.startswith(tuple(f"| {n} |" for n in SIZES))
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


SIZES = bench_validation.SIZES


def expected_tables():
    """Return the cells of the table of detectable deviations, and of those of the rates."""
    rates, rows = committed(), []
    for n in SIZES:
        bias = detectable_shift(n - 1, 0.05) / np.sqrt(n)
        slope = detectable_shift(n - 2, 0.05) / np.sqrt(n - 1)
        rows.append(
            [str(n), *(f"{x:.2f}" for x in (bias, slope, detectable_ratio(n - 1, 40, 0.05)))]
        )
    for n in map(str, SIZES):
        cells = [rates["exact", n, test, "none"] for test in (*NULL, "any of three")]
        cells += [rates["exact", n, test, "detectable"] for test in NULL[:3]]
        rows.append([n, *(f"{rate:.3f}" for rate in cells)])
    for n in map(str, SIZES):
        cells = [rates["calibration", n, f"SEP against {name}", "none"] for name in ("SEC", "SECV")]
        rows.append([n, *(f"{rate:.3f}" for rate in cells)])
    return rows


def test_the_page_quotes_the_committed_results():
    assert tables() == expected_tables()


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

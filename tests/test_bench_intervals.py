"""The benchmark of intervals runs, and its committed results are near their target."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_intervals

ROOT = Path(__file__).parents[1]


def test_simulated_coverage_is_nominal():
    """Jackknife+ guarantees 80 % at nominal 90 %, and has about 10 / 11 with stable fits."""
    results = bench_intervals.read_rows(ROOT / "benchmarks" / "results" / "intervals.csv")
    random = {
        key: np.mean([coverage for coverage, _ in draws])
        for key, draws in bench_intervals.coverages(results).items()
        if key[0] == "simulated" and key[2] == "random"
    }
    assert len(random) >= 4
    assert all(0.87 <= coverage <= 0.98 for coverage in random.values())


def test_a_second_run_adds_only_what_is_missing(tmp_path, capsys):
    path = tmp_path / "intervals.csv"
    arguments = ["--methods", "nar-fixed", "--output", str(path)]
    bench_intervals.main([*arguments, "--draws", "1"])
    first = bench_intervals.read_rows(path)
    bench_intervals.main([*arguments, "--draws", "2"])
    both = bench_intervals.read_rows(path)
    assert tuple(first[0]) == bench_intervals.COLUMNS
    assert both[0] == first[0]  # seconds included: it was not computed again
    assert [row["draw"] for row in both] == ["0", "1"]
    assert len(json.loads(path.with_name("intervals.csv.json").read_text())) == 2
    assert "nar-fixed" in capsys.readouterr().out


@pytest.mark.parametrize("drawn", ["random", "kennard-stone"])
def test_standards_are_among_the_calibration_samples_and_no_test_sample(drawn):
    [(_, lab)] = bench_intervals.simulated(0)
    at = bench_intervals.pick(lab, drawn, 10)
    assert len(set(at.tolist())) == 10
    assert at.max() < bench_intervals.N_CALIBRATION < len(lab.y)


def test_corn_is_carried_to_two_instruments(data_dir):
    tasks = dict(bench_intervals.corn(0))
    assert len(tasks) == 8
    assert {lab.X_target.shape for lab in tasks.values()} == {(80, 700)}

"""Simulated run lengths agree with theory."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_monitoring
from benchmarks.bench_monitoring import CHARTS, read_rows

ROOT = Path(__file__).parents[1]
ROWS = read_rows(ROOT / "benchmarks" / "results" / "monitoring.csv")


def test_committed_run_lengths_agree_with_theory():
    rows = [row for row in ROWS if row["kind"] in ("shift", "drift") and row["theory"]]
    assert len(rows) == 3 * (len(bench_monitoring.SHIFTS) + len(bench_monitoring.DRIFTS))
    for row in rows:
        assert float(row["simulated"]) == pytest.approx(float(row["theory"]), rel=0.05)
        if row["markov_chain"]:
            assert float(row["markov_chain"]) == pytest.approx(float(row["theory"]), rel=0.003)


@pytest.mark.parametrize(("kind", "setting"), [("shift", 1.0), ("shift", 2.0), ("drift", 0.1)])
def test_simulated_run_lengths_agree_with_theory(kind, setting):
    limits = bench_monitoring.limits_of_errors(370.0, 0.2, 0.5)
    if kind == "shift":
        theory, mean_at = bench_monitoring.theory(limits, setting), lambda t: setting
    else:
        theory = bench_monitoring.theory_of_drift(limits, setting)
        mean_at = lambda t: setting * t  # noqa: E731
    found = bench_monitoring.run_lengths(limits, mean_at, 4000, np.random.default_rng(3))
    for name in CHARTS:
        assert found[name].mean() == pytest.approx(theory[name], rel=0.1)
    assert found["any of three"].mean() < min(theory.values())


def test_a_small_run_writes_all_rows(tmp_path, monkeypatch, capsys):
    small = {"ARL": 20.0, "DRIFTS": (0.1,), "N_VALIDATION": (10,), "N_SPECTRA": (30,), "N_NEW": 60}
    for name, value in small.items():
        monkeypatch.setattr(bench_monitoring, name, value)
    rng = np.random.default_rng(0)
    sets = [
        ("set", None, rng.normal(size=(n, 3)) @ rng.normal(size=(3, 9)), {}) for n in (250, 210, 90)
    ]
    for _, _, X, _ in sets:
        X += 0.1 * rng.normal(size=X.shape)
    monkeypatch.setattr(bench_monitoring, "single_instrument_sets", lambda n: sets)
    path = tmp_path / "monitoring.csv"
    sizes = ["--runs", "20", "--draws", "3", "--sets", "2"]
    bench_monitoring.main([*sizes, "--output", str(path)])
    rows = read_rows(path)
    assert tuple(rows[0]) == bench_monitoring.COLUMNS
    assert {row["kind"] for row in rows} == {row["kind"] for row in ROWS}
    assert "| any of three |" in capsys.readouterr().out

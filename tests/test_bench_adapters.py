"""The comparison of adapted networks: a run of one small task, and its table."""

import csv
from pathlib import Path

import pytest

from benchmarks import bench_adapters, bench_transfer
from skspektron.transfer import _lora

ROOT = Path(__file__).parents[1]
METHODS = {
    "WITH_STANDARDS": ("ensemble", bench_adapters.NEITHER),
    "UNLABELLED": ("mean-centring", "ttt, tokens, not trained"),
}


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Return a file; the benchmark has one simulated task, one size and few methods."""
    [task, *_] = bench_transfer.simulated_tasks()
    monkeypatch.setattr(bench_adapters, "tasks", lambda: iter([task]))
    monkeypatch.setattr(bench_adapters, "SIZES", (4,))
    monkeypatch.setattr(bench_adapters, "N_CHANNELS", ())
    for table, names in METHODS.items():
        own = getattr(bench_adapters, table)
        monkeypatch.setattr(bench_adapters, table, {name: own[name] for name in names})
    return tmp_path / "adapters.csv"


def test_every_fit_is_a_row_that_is_computed_once(path):
    learn = _lora.learn_input_term
    bench_adapters.run(path)
    assert _lora.learn_input_term is learn
    first = path.read_text()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == bench_adapters.COLUMNS
    assert [(row["method"], row["n_transfer"], row["samples"]) for row in rows] == [
        ("ensemble", "4", "same"),
        (bench_adapters.NEITHER, "4", "same"),
        (bench_adapters.NEITHER + bench_adapters.ALONE, "4", "same"),
        *[(name, "0", samples) for samples in ("same", "other") for name in METHODS["UNLABELLED"]],
    ]
    assert all(0 < float(row["error"]) < 3 for row in rows)
    bench_adapters.run(path)
    assert path.read_text() == first


def test_the_table_compares_with_the_reference_of_each_size():
    def row(task, method, n_transfer, error):
        values = (task, method, n_transfer, "same", error, "1.0")
        return dict(zip(bench_adapters.COLUMNS, values, strict=True))

    rows = [
        row("a", "ensemble", "5", "0.5"),
        row("b", "ensemble", "5", "0.2"),
        row("a", "lora", "5", "1.0"),
        row("b", "lora", "5", "0.1"),
        row("a", "ttt", "0", "0.3"),
        row("a", "mean-centring", "0", "0.2"),
        row("speed/700", "lora", "10", "nan"),
    ]
    found = {line[1::2][:2]: line[4:] for line in bench_adapters.summary(rows)}
    assert found[5, "lora"] == pytest.approx((2, 1.0, 1.0))  # the geometric mean of 2 and 0.5
    assert found[0, "ttt"] == pytest.approx((1, 1.5, 1.0))
    assert found[10, "lora"][-1] == 1.0  # the seconds of a timed fit
    assert "| simulated | 5 | same | lora | 2 | 1.000 | 1.00 |" in bench_adapters.report(rows)


def test_a_fit_stays_within_the_times_promised():
    results = ROOT / "benchmarks" / "results" / "adapters.csv"
    seconds = {
        row["task"]: float(row["cpu_seconds"])
        for row in bench_adapters.read_rows(results)
        if row["task"].startswith(bench_adapters.SPEED)
    }
    assert seconds["speed/700"] < 10
    assert seconds["speed/2151"] < 30

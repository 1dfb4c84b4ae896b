"""The comparison of adapted networks: a run of one small task, and its table."""

import csv

import pytest

from benchmarks import bench_adapters, bench_transfer
from skspektron.transfer import _lora

METHODS = {
    "WITH_STANDARDS": ("ensemble", bench_adapters.WITHOUT_TERM),
    "UNLABELLED": ("mean-centring", "ttt, not trained"),
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
        (bench_adapters.WITHOUT_TERM, "4", "same"),
        (bench_adapters.WITHOUT_TERM + bench_adapters.ALONE, "4", "same"),
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
    table = [line.split() for line in bench_adapters.report(rows).splitlines()]
    lines = {(line[1], line[3]): line[-4:] for line in table[1:]}
    assert lines["5", "lora"] == ["0.550", "1.000", "1/2", "1.00"]
    assert lines["0", "ttt"] == ["0.300", "1.500", "1/1", "1.00"]
    assert table[-1] == ["speed/700", "channels:", "1.0", "s", "of", "CPU"]

"""bench_inputs: networks are trained once, rows are resumed, and the table has the mean ratios."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_inputs
from benchmarks.bench_calibration import SpectralSet
from skspektron.datasets import make_instruments
from skspektron.foundation import Architecture


@pytest.fixture
def small(monkeypatch):
    """Replace the sets by 20 simulated samples, and train one small network alone."""
    data = make_instruments(20, wavelength=np.arange(1100.0, 1500.0, 10.0), random_state=0)
    y = {"amount": data.y[:, 0]}
    wavenumber = 1e7 / data.wavelength
    one_set = SpectralSet(
        X=data.X["A"], properties=y, sample_id=data.sample_id, wavenumber=wavenumber
    )
    network = Architecture(patch_length=8, d_model=4, d_state=4, n_layers=1)
    monkeypatch.setattr(bench_inputs, "load", lambda name, folder: one_set)
    monkeypatch.setattr(bench_inputs, "NETWORKS", [bench_inputs.BOTH])
    monkeypatch.setattr(bench_inputs, "PRESETS", {"calibration": network})


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_a_run_resumes_and_prints_means(small, tmp_path, capsys):
    output = tmp_path / "inputs.csv"
    argv = ["--sets", "gasoline", "--steps", "0", "1", "--worlds", "2", "0"]
    argv += ["--weights", str(tmp_path), "--output", str(output)]
    bench_inputs.main(argv)
    rows = bench_inputs.read_rows(output)
    # steps, SNV before or not, scaled or not; and the shipped weights
    assert len(rows) == 2 * 2 * 2 + 4
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    written = output.read_bytes()
    bench_inputs.main(argv)
    assert output.read_bytes() == written
    text = capsys.readouterr().out
    for key, ratios in bench_inputs.mean_ratios(rows).items():
        [line] = {line for line in text.splitlines() if line.startswith(f"{', '.join(key)} ")}
        assert f"{ratios['gasoline']:.3f}" in line


def test_committed_results_have_all_sets_and_networks():
    root = Path(__file__).parents[1]
    rows = bench_inputs.read_rows(root / "benchmarks" / "results" / "inputs.csv")
    assert len({row["set"] for row in rows}) == len(bench_inputs.SETS)
    _, _, *lines = bench_inputs.table(rows).splitlines()
    assert len(lines) == len(bench_inputs.NETWORKS) + 1

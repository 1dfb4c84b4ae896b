"""The README's code runs and its links work from a package index."""

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skspektron._documentation import SITE
from skspektron.metrics import r2
from skspektron.transfer import NoTransfer

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def script_blocks():
    """Return the Python blocks that are no doctests."""
    blocks = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    return [block for block in blocks if not block.startswith(">>>")]


def run(block):
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    return names


def test_there_are_two_scripts():
    first, second = script_blocks()
    assert len([line for line in first.splitlines() if line and "import" not in line]) == 6
    assert len([line for line in second.splitlines() if line]) <= 15


def test_the_first_script_transfers_a_calibration():
    names = run(script_blocks()[0])
    X_test, y_test = names["lab"].X["new"][80:], names["lab"].y[80:, 0]
    metadata = {"instrument": names["instrument"], "sample_id": names["sample_id"]}
    untransferred = NoTransfer(source="old", target="new").fit(names["X"], names["y"], **metadata)
    assert r2(y_test, untransferred.predict(X_test)) < 0 < 0.95 < r2(y_test, names["y_pred"])


@pytest.mark.slow
def test_the_csv_script_ends_with_intervals_and_a_figure(tmp_path, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names = run(script_blocks()[1])
    plt.close("all")
    assert (tmp_path / "intervals.png").read_bytes().startswith(b"\x89PNG")
    bounds, y = names["intervals"], names["new"].metadata["moisture"].to_numpy()
    assert bounds.shape == (25, 2)
    assert np.isfinite(y).sum() == 20
    within = ((bounds[:, 0] <= y) & (y <= bounds[:, 1]))[np.isfinite(y)]
    assert within.mean() >= 0.8
    assert np.diff(bounds).mean() < np.nanstd(y)  # narrower than the spread of the samples


def test_the_csv_files_are_what_the_script_simulates():
    spec = importlib.util.spec_from_file_location(
        "simulate", EXAMPLES / "simulate_two_instruments.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tables = module.simulate()
    assert set(tables) == {path.name for path in EXAMPLES.glob("*.csv")}
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, pd.read_csv(EXAMPLES / name), atol=2e-5)


def test_links_are_absolute_and_lead_to_pages_of_this_repository():
    """A package index shows the README without the files beside it."""
    targets = re.findall(r"\]\(([^)]*)\)", readme())
    assert all(target.startswith("https://") for target in targets)
    pages = [target.removeprefix(SITE) for target in targets if target.startswith(SITE)]
    assert len(pages) >= 4
    for page in pages:
        source = page.replace("auto_examples/", "examples/").removesuffix(".html")
        assert (ROOT / f"{source}.py").exists() or (ROOT / "docs" / f"{source}.md").exists(), page
    [figure] = [target for target in targets if "/raw/main/" in target]
    assert (ROOT / figure.split("/raw/main/")[1]).exists()

"""The first code block of the README: fifteen lines from a table to intervals and a figure."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = "simulate_two_instruments.py"
TABLE = ROOT / "examples" / "two_instruments.csv"


def first_block():
    fence, block = (ROOT / "README.md").read_text(encoding="utf-8").split("```", 2)[:2]
    assert "```" not in fence
    language, code = block.split("\n", 1)
    assert language == "python"
    return code


def test_the_first_block_has_at_most_fifteen_lines():
    assert len([line for line in first_block().splitlines() if line]) <= 15


def test_the_first_block_ends_with_intervals_and_a_figure(tmp_path, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    (tmp_path / "examples").mkdir()
    shutil.copy(TABLE, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(first_block(), "README.md", "exec"), names)
    plt.close("all")
    assert (tmp_path / "intervals.png").read_bytes().startswith(b"\x89PNG")
    bounds, y = names["intervals"], names["table"].moisture[names["is_new"]].to_numpy()
    assert bounds.shape == (25, 2)
    assert np.isfinite(y).sum() == 20
    within = ((bounds[:, 0] <= y) & (y <= bounds[:, 1]))[np.isfinite(y)]
    assert within.mean() >= 0.8
    assert np.diff(bounds).mean() < np.nanstd(y)  # they say something


def test_the_table_is_what_the_script_simulates():
    spec = importlib.util.spec_from_file_location("simulate", ROOT / "examples" / SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pd.testing.assert_frame_equal(module.simulate(), pd.read_csv(TABLE), atol=2e-5)

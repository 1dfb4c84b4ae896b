"""Blocks of numbers equal their cells one by one, whichever library reads them."""

import random
import sys

import numpy as np
import pytest

from skspektron.io import read_spectra
from skspektron.io._blocks import read_block
from skspektron.io._numbers import read_numbers
from skspektron.io._table import Block, Table

ODD = ["", " ", "NaN", "na", "N/A", "NULL", "None", " nan", "nan ", "+1.5", "-.5", "1.", "1e-400"]
BAD = ["1_2", "inf", "1 2", "nan1", "1nan", "-nan", "0x1", "1d3", "٣", "x", "1\t2", "1.2.3", "--1"]


@pytest.fixture(params=["numpy", "pandas"], autouse=True)
def reader(request, monkeypatch):
    """Read short numbers and long ones with pandas and without it."""
    if request.param == "pandas":
        pandas = pytest.importorskip("pandas")
        if tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1):
            pytest.skip("this pandas does not read the nearest float64")
        monkeypatch.setattr("skspektron.io._blocks._LONG", 0)
    else:
        monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr("skspektron.io._blocks._CHUNK", 9)


def number(rng, decimal):
    """Return a number as any program may write it."""
    value = rng.choice([rng.random(), rng.gauss(0, 1e5), rng.randrange(-50, 50)])
    text = rng.choice(
        [repr(value), f"{value:.{rng.randrange(25)}e}", f"{value:.{rng.randrange(9)}f}"]
    )
    return text.replace(".", decimal)


@pytest.mark.parametrize("seed", range(40))
def test_blocks_equal_their_cells(seed):
    rng = random.Random(seed)
    separator = rng.choice(["\t", ";", ",", None])
    decimal = "." if separator == "," else rng.choice(".,")
    width, height = rng.randrange(1, 7), rng.randrange(1, 12)
    cells = [[number(rng, decimal) for _ in range(width)] for _ in range(height)]
    odd = rng.choice([[], ODD, BAD, ODD + BAD]) if separator else []
    for _ in range(rng.randrange(4) if odd else 0):
        word = rng.choice(odd)
        if separator != "\t" or "\t" not in word:
            cells[rng.randrange(height)][rng.randrange(width)] = word.replace(".", decimal)
    if all("," not in cell for row in cells for cell in row):
        decimal = "."
    around = [["S_1", *row, "end"] for row in cells]
    lines = [(separator or " ").join(row) if rng.random() < 0.8 else row for row in around]
    rows = Block(Table([*range(height)], lines, width + 2, separator, 0), 0, 1, width + 1)
    try:
        values, sign, bad = read_block(rows, [])
    except ValueError:  # points and commas, or separators of thousands
        assert decimal == ","
        return
    assert sign == decimal or bad is not None
    for at, row in enumerate(cells):
        expected, position = read_numbers(row, sign)
        if position is not None:
            assert bad == (at, position)
            return
        np.testing.assert_array_equal(values[at], expected)
    assert bad is None


def test_the_nearest_float_is_read(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.random((7, 30)) * 10.0 ** rng.integers(-12, 12, size=(7, 30))
    lines = ["sample_id," + ",".join(f"{w} nm" for w in range(1100, 1130))]
    lines += [f'"S{i}",' + ",".join(map(repr, x.tolist())) for i, x in enumerate(X)]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(lines))
    read = read_spectra(file)
    np.testing.assert_array_equal(read.X, X)
    assert read.sample_id.tolist() == [f"S{i}" for i in range(7)]

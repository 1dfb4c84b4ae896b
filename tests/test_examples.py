import functools
import importlib.util
import sys
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart.py"
FAST = ["--methods", "no transfer", "PDS"]


@pytest.fixture
def quickstart():
    spec = importlib.util.spec_from_file_location("quickstart", QUICKSTART)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(printed):
    """Return {(method, n_transfer): (rmsep, r2, bias)} from the printed table."""
    lines = printed.split("bias\n", 1)[1].splitlines()
    fields = [line.rsplit(maxsplit=4) for line in lines if not line.startswith(("Figure", "No "))]
    return {(name, int(n)): tuple(map(float, values)) for name, n, *values in fields}


def test_simulated_run_ends_with_a_table_and_a_figure(quickstart, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    figure = tmp_path / "curve.png"
    quickstart.main(["--simulate", "--output", str(figure), *FAST])
    results = table(capsys.readouterr().out)
    assert set(results) == {(name, n) for name in FAST[1:] for n in (0, 5, 10, 20)}
    assert results["PDS", 0] == results["no transfer", 20]
    assert results["PDS", 20][0] < 0.5 * results["no transfer", 20][0]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_missing_corn_is_reported_in_one_line_and_simulated(quickstart, monkeypatch, capsys):
    def unreachable():
        raise OSError("corn.mat could not be downloaded")

    monkeypatch.setattr(quickstart, "fetch_corn", unreachable)
    data, title = quickstart.load(simulate=False)
    assert capsys.readouterr().out.count("\n") == 1
    assert title.startswith("simulated")
    assert set(data.X) == {"m5", "mp6"}


def test_damaged_corn_is_an_error(quickstart, monkeypatch, tmp_path):
    (tmp_path / "corn.mat").write_bytes(b"half a file")
    monkeypatch.setenv("SKSPEKTRON_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"corn\.mat has 11 bytes"):
        quickstart.load(simulate=False)


def test_missing_matplotlib_is_reported_in_one_line(quickstart, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    quickstart.draw({("PDS", 0): (1.0, 0.0, 0.0)}, "title", tmp_path / "curve.png")
    assert capsys.readouterr().out.startswith("No figure: matplotlib is missing")
    assert list(tmp_path.iterdir()) == []


def test_all_methods_run_on_corn(quickstart, data_dir, monkeypatch, tmp_path, capsys):
    brief = functools.partial(quickstart.LoRATransfer, max_epochs=1)
    monkeypatch.setattr(quickstart, "LoRATransfer", brief)
    monkeypatch.setattr(quickstart, "N_TRANSFER", (0, 10))
    quickstart.main(["--output", str(tmp_path / "curve.png")])
    printed = capsys.readouterr().out
    assert printed.startswith("corn, moisture")
    results = table(printed)
    assert {name for name, _ in results} == set(quickstart.METHODS)
    # about 1.9 % without transfer and 0.2 % with PDS
    assert results["PDS", 10][0] < 0.2 * results["no transfer", 10][0]
    assert results["LoRA", 10] != results["LoRA", 0]

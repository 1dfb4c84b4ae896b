import numpy as np
import pytest

pd = pytest.importorskip("pandas")

from benchmarks import bench_read  # noqa: E402
from skspektron import read_spectra  # noqa: E402


def test_one_line_per_kind_of_file(capsys):
    bench_read.main(["--rounds", "1", "--n-spectra", "3", "--n-channels", "5"])
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line[:12].strip() for line in lines] == list(bench_read.KINDS)


@pytest.mark.parametrize("kind", bench_read.KINDS)
def test_both_read_the_same_numbers(kind, tmp_path):
    file = tmp_path / "table.csv"
    bench_read.write_table(file, kind, 4, 6)
    expected = pd.read_csv(file, float_precision="round_trip" if pd.__version__ < "3" else None)
    numbers = expected.iloc[:, 1:].to_numpy(dtype=float)
    np.testing.assert_array_equal(read_spectra(file).X, numbers.T if kind == "columns" else numbers)

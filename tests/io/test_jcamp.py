import numpy as np
import pytest
from numpy.testing import assert_allclose

from skspektron.io import read_spectra
from tests.io import layouts

# With zeros, repeats, changes of sign, and steps of one, two and three digits.
COUNTS = np.array([0, 0, 0, 0, 2, 4, 6, 6, 5, -7, -7, -120, 3, 3, 3, 3, 3, 3, 99, 1000, 0, 0])
SIZE = {"first": 400.0, "last": 421.0, "n_points": len(COUNTS)}


@pytest.fixture
def read(tmp_path):
    """Return a function that writes text to a file and reads it."""

    def write_and_read(text, encoding="latin-1", **options):
        (tmp_path / "wheat.dx").write_bytes(text.encode(encoding))
        return read_spectra(tmp_path / "wheat.dx", **options)

    return write_and_read


@pytest.mark.parametrize("per_line", [2, 5, 30])
@pytest.mark.parametrize("form", ["AFFN", "PAC", "SQZ", "DIF", "DIFDUP"])
def test_all_forms_of_numbers_are_read(read, form, per_line):
    table = layouts.asdf(COUNTS, form, first=400, per_line=per_line)
    lab = read(layouts.jcamp(table, **SIZE, y_factor=0.001))
    assert_allclose(lab.X, [COUNTS * 0.001])
    assert_allclose(lab.wavenumber, np.arange(400, 422))
    assert lab.quantity == "absorbance"


def test_example_of_the_paper(read):
    """McDonald & Wilks write 1, 2, 3, 3, 2, 1, 0, -1, -2, -3 in six forms."""
    values = [1, 2, 3, 3, 2, 1, 0, -1, -2, -3]
    tables = [
        "0 1 2 3 3 2 1 0 -1 -2 -3",
        "0+1+2+3+3+2+1+0-1-2-3",
        "0ABCCBA@abc",
        "0ABCTBA@abc",
        "0AJJ%jjjjjj",
        "0AJT%jX",
    ]
    for table in tables:
        lab = read(layouts.jcamp(table, 10, first=400.0, last=409.0).replace("\n0", "\n400"))
        assert_allclose(lab.X, [values], err_msg=table)


def test_exponents_differ_from_squeezed_fives(read):
    table = "400 1.5E-2 2.5e+1 3.5E1\n403 1E-02,2E+00 ?"
    lab = read(layouts.jcamp(table, 6, last=405.0))
    assert_allclose(lab.X, [[0.015, 25, 35, 0.01, 2, np.nan]])
    assert_allclose(read(layouts.jcamp("400E5e5A", 3, last=402.0)).X, [[55, -55, 1]])


@pytest.mark.parametrize("table", ["400, 1; 402, 3\n410, 2", "400 1\n402 3\n410 2"])
@pytest.mark.parametrize("form", ["XYDATA=(XY..XY)", "XYPOINTS= (XY..XY)"])
def test_pairs(read, table, form):
    lab = read(layouts.jcamp(table, 3, form=form, y_factor=2.0))
    assert_allclose(lab.X, [[2, 6, 4]])
    assert_allclose(lab.wavenumber, [400, 402, 410])


def test_blocks_of_a_compound_file(read):
    blocks = [
        layouts.jcamp(layouts.asdf(k * COUNTS, "DIF", first=400), **SIZE, title=f"block {k}")
        for k in (1, 2)
    ]
    link = "##TITLE=all\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=3\n"
    peaks = "##TITLE=peaks\n##DATA TYPE=INFRARED PEAK TABLE\n##PEAK TABLE=(XY..XY)\n1,2\n##END=\n"
    lab = read(link + "".join(blocks) + peaks + "##END=\n")
    assert_allclose(lab.X, [COUNTS, 2 * COUNTS])
    assert [each["title"] for each in lab.metadata] == ["block 1", "block 2"]
    assert [name.split("wheat.dx")[1] for name in lab.sample_id] == ["-1", "-2"]


@pytest.mark.parametrize(
    ("x_units", "y_units", "name", "first", "quantity"),
    [
        ("NANOMETERS", "REFLECTANCE", "wavelength", 400, "reflectance"),
        ("MICROMETERS", "TRANSMITTANCE", "wavelength", 400_000, "transmittance"),
        ("cm^-1", "% T", "wavenumber", 400, "percent transmittance"),
        ("1/CM", "LOG(1/R)", "wavenumber", 400, "log(1/R)"),
        ("ARBITRARY UNITS", "ARBITRARY UNITS", "wavelength", 400, "unknown"),
        ("", "KUBELKA-MUNK", "wavelength", 400, "kubelka-munk"),
    ],
)
def test_units(read, x_units, y_units, name, first, quantity):
    lab = read(layouts.jcamp("400 1 2", 2, last=402.0, x_units=x_units, y_units=y_units))
    assert lab[name][0] == first
    assert lab.quantity == quantity


def test_metadata_comments_and_common_faults_of_writers(read):
    text = layouts.jcamp(
        "400 1 $$ the first\n401 2",
        2,
        first="400,0",
        last="401,0",
        extra=["OWNER=Labor für Getreide", "$FILTER=3", "COMMENTS=one", "two"],
        form="XYDATA=(X++(Y..Y)",
    ).replace("##two", "two")
    lab = read("$$ written by hand\n" + text)
    assert_allclose(lab.X, [[1, 2]])
    assert lab.metadata[0]["owner"] == "Labor für Getreide"
    assert lab.metadata[0]["comments"] == "one\ntwo"
    assert lab.metadata[0]["$filter"] == "3"
    assert_allclose(read(text, encoding="utf-8").X, lab.X)


def test_step_is_read_if_the_last_abscissa_is_missing(read):
    text = layouts.jcamp("400 1 2 3", 3).replace("LASTX=4000.0", "DELTAX=2.5")
    assert_allclose(read(text).wavenumber, [400, 402.5, 405])


GOOD = layouts.jcamp(layouts.asdf(COUNTS, "DIF", first=400), **SIZE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>", "must begin with .* got '<html>'"),
        (GOOD.replace("NPOINTS=22", "NPOINTS=23"), "NPOINTS= is 23, its table has 22"),
        (GOOD.replace("NPOINTS=22", "NPOINTS=21"), "NPOINTS= is 21, its table has at least 22"),
        (GOOD.replace("NPOINTS=22", "NPOINTS=1e15"), "NPOINTS= is 1e\\+15 for a table of"),
        (GOOD.replace("NPOINTS=22", "NPOINTS=many"), "NPOINTS= must be a number, got 'many'"),
        (GOOD.replace("400@", "400A"), "begins with 6, the line before it ends with 7"),
        (GOOD.replace("418", "813"), "line begins with X = 813"),
        (GOOD.replace("400@", "400!"), "is not a number"),
        (GOOD.replace("400@", "400J"), "begins with the difference 'J'"),
        (GOOD.replace("400@", "400@s999999999"), "repeated 9999999999 times"),
        (GOOD.replace("400@", "x400@"), "does not begin with a number"),
        (GOOD.replace("1/CM", "SECONDS"), "axis is in 'SECONDS'"),
        (GOOD.replace("(X++(Y..Y))", "(X++(R..R))"), r"got '\(X\+\+\(R\.\.R\)\)'"),
        (GOOD.replace("XYDATA", "NTUPLES"), "INFRARED SPECTRUM.* have no ##XYDATA or"),
        (GOOD.replace("##END=", "##XYDATA=(X++(Y..Y))\n##END="), "##XYDATA twice"),
        (layouts.jcamp("1 2 3", 2, form="XYPOINTS=(XY..XY)"), "3 entries that are not pairs"),
        (layouts.jcamp("1 2 3 4", 3, form="XYPOINTS=(XY..XY)"), "is 3, its table has 2 pairs"),
    ],
)
def test_damaged_or_foreign_files_raise(read, text, message):
    with pytest.raises(ValueError, match=rf"wheat\.dx was not read: .*{message}"):
        read(text)

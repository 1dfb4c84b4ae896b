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


def test_fractions_in_squeezed_and_difference_forms(read):
    lab = read(layouts.jcamp("400A.5B.25B.0\n403 -.5c.125", 5, last=404.0))
    assert_allclose(lab.X, [[1.5, 2.25, 2.0, -0.5, -3.125]])
    lab = read(layouts.jcamp("400A.5%.75%.1%.1\n403B.45J.5\n404C.95", 5, last=404.0))
    assert_allclose(lab.X, [[1.5, 2.25, 2.35, 2.45, 3.95]])


@pytest.mark.parametrize(
    ("form", "table", "n_points"),
    [
        ("XYPOINTS=(XY..XY)", "400,5 0,25\n401,5 0,5\n402,5 0,75", 3),
        ("XYPOINTS=(XY..XY)", "400,5, 0,25\n401,5, 0,5; 402,5, 0,75", 3),
        ("XYDATA=(X++(Y..Y))", "400,5 0,25 0,5 0,75", 3),
        ("XYDATA=(X++(Y..Y))", "400,5+0,25+0,5+0,75", 3),
        ("XYDATA=(X++(Y..Y))", "400,5@,25@,5@,75", 3),
    ],
)
def test_count_decides_that_commas_are_decimal(read, form, table, n_points):
    lab = read(layouts.jcamp(table, n_points, first="400,5", last="402,5", form=form))
    assert_allclose(lab.X, [[0.25, 0.5, 0.75]])
    assert_allclose(lab.wavenumber, [400.5, 401.5, 402.5])


def test_commas_that_may_be_either_are_refused(read):
    table = layouts.jcamp("400,1 401,2\n402,1 403,3", 4, form="XYPOINTS=(XY..XY)")
    assert_allclose(read(table).X, [[1, 2, 1, 3]])
    with pytest.raises(ValueError, match="commas in its table may be decimal or separate numbers"):
        read(table.replace("##NPOINTS=4\n", ""))


def test_labels_may_be_indented(read):
    assert_allclose(read(GOOD.replace("##", "  ##")).X, [COUNTS])


def test_raman_shift_below_zero(read):
    text = layouts.jcamp("-100 1 2 3", 3, first=-100.0, last=100.0)
    assert_allclose(read(text).wavenumber, [-100, 0, 100])
    with pytest.raises(ValueError, match="down to -100 cm-1, a Raman shift, which has no"):
        read(text, axis="wavelength")
    with pytest.raises(ValueError, match="in nm, positive, got 3 channels from -100 to 100"):
        read(text.replace("1/CM", "NANOMETERS"))


def test_check_after_the_last_ordinate_warns_and_keeps_the_table(read):
    text = layouts.jcamp("400A0J0J0J0\n403@", 4, last=403.0)
    with pytest.warns(UserWarning, match="complete and ends with 40; a line after it has 0"):
        assert_allclose(read(text).X, [[10, 20, 30, 40]])
    with pytest.raises(ValueError, match="begins with 0, the line before it ends with 30"):
        read(layouts.jcamp("400A0J0J0\n402@J0", 4, last=403.0))


@pytest.mark.parametrize("kind", ["DARK SPECTRUM", "reference", "Scan: Background scan"])
def test_dark_and_reference_blocks_are_left_out(read, kind):
    blocks = [layouts.jcamp("400 1 2 3", 3, last=402.0, title=name) for name in ("rye", kind)]
    lab = read("##TITLE=all\n##DATA TYPE=LINK\n##BLOCKS=2\n" + "".join(blocks) + "##END=\n")
    assert len(lab.X) == 1
    assert lab.metadata[0]["title"] == "rye"
    assert lab.conversions[0].endswith("1 dark, reference or background scans were left out.")
    with pytest.raises(ValueError, match="its 1 spectra are dark, reference or background scans"):
        read(blocks[1])
    assert len(read(blocks[0].replace("rye", "dark beer, reference 3")).X) == 1


RECORDS = {"FIRSTY": 0.1, "MAXY": 0.3, "MINY": 0.1}


@pytest.mark.parametrize("factor", ["0", "nan", "inf", "1", "1,000", "0.01", None])
def test_lost_factor_is_refused(read, factor):
    extra = [f"{name}={value}" for name, value in RECORDS.items()]
    text = layouts.jcamp("400 100 200 300", 3, last=402.0, y_factor=0.001, extra=extra)
    assert_allclose(read(text).X, [[0.1, 0.2, 0.3]])
    lost = text.replace("##YFACTOR=0.001\n", f"##YFACTOR={factor}\n" if factor else "")
    with pytest.raises(ValueError, match=r"##YFACTOR= (must be a number|is .* say 0\.001)"):
        read(lost)


def test_records_without_factor_and_rounded_ones_are_no_contradiction(read):
    raw = [f"{name}={1000 * value}" for name, value in RECORDS.items()]
    for extra in (raw, ["FIRSTY=0.1004", "MAXY=0.3"], ["MAXY=9", "MINY=0.1"]):
        text = layouts.jcamp("400 100 200 300", 3, last=402.0, y_factor=0.001, extra=extra)
        assert_allclose(read(text).X, [[0.1, 0.2, 0.3]])
    text = layouts.jcamp("400 100 200 300", 3, last=402.0, extra=["FIRSTY=0.1"])
    with pytest.warns(UserWarning, match=r"##YFACTOR= is 1, FIRSTY say 0\.001\. Check its values"):
        read(text)


def test_records_that_contradict_the_factor_and_each_other_warn(read):
    extra = ["FIRSTY=5", "MAXY=8"]
    text = layouts.jcamp("400 100 200 300", 3, last=402.0, y_factor=0.001, extra=extra)
    with pytest.warns(UserWarning, match=r"is 0\.001, FIRSTY says 0\.05, MAXY says 0\.0266667\."):
        assert_allclose(read(text).X, [[0.1, 0.2, 0.3]])


@pytest.mark.parametrize("factor", ["", "##XFACTOR= 10\n", "##XFACTOR= 0\n", "##XFACTOR= nan\n"])
def test_lost_factor_of_the_axis_of_pairs_is_refused(read, factor):
    text = (
        "##TITLE= a\n##XUNITS= 1/CM\n##YUNITS= ABSORBANCE\n##FIRSTX= 400\n##LASTX= 410\n"
        f"{factor}##NPOINTS= 3\n##XYPOINTS= (XY..XY)\n4000 1\n4050 2\n4100 3\n##END=\n"
    )
    with pytest.raises(ValueError, match=r"##XFACTOR="):
        read(text)
    assert_allclose(
        read(text.replace(factor, "", 1).replace("##NP", "##XFACTOR= 0.1\n##NP")).wavenumber,
        [400, 405, 410],
    )


def test_step_that_contradicts_the_ends_warns(read):
    table = layouts.asdf(COUNTS, "AFFN", first=400, per_line=30)
    text = layouts.jcamp(table, **SIZE, y_factor=0.001)
    with pytest.warns(UserWarning, match=r"##DELTAX= is 0.5, from ##FIRSTX= to ##LASTX= the step"):
        read(text.replace("##NPOINTS", "##DELTAX= 0.5\n##NPOINTS"))


@pytest.mark.parametrize("damaged", ["556556", "5560", "-827"])
def test_ordinates_beyond_the_stated_range_warn(read, damaged):
    table = "400 10 300\n402 556 784\n404 827 797"
    records = "##FIRSTY= 0.01\n##MAXY= 0.827\n##MINY= 0.01\n##NPOINTS"
    text = layouts.jcamp(table, first=400.0, last=405.0, n_points=6, y_factor=0.001)
    text = text.replace("##NPOINTS", records)
    assert_allclose(read(text).X, [[0.01, 0.3, 0.556, 0.784, 0.827, 0.797]])
    with pytest.warns(UserWarning, match=r"##MINY= and ##MAXY= say from 0.01 to 0.827"):
        read(text.replace("556", damaged))

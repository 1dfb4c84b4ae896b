import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skspektron._axis_units import likely_unit
from skspektron.io import read_spectra

IN_ROWS = "sample_id,moisture,1100.0 nm,1102.0 nm,1104.0 nm\nA,12.5,0.1,0.2,0.3\nB,,0.4,0.5,0.6\n"
X = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])


@pytest.fixture
def read(tmp_path):
    """Return a function that writes text to a file and reads it."""

    def write_and_read(text, name="wheat.csv", encoding="utf-8", **options):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return read_spectra(tmp_path / name, **options)

    return write_and_read


def test_spectra_in_rows_with_metadata(read):
    lab = read(IN_ROWS)
    assert_allclose(lab.X, X)
    assert_array_equal(lab.wavelength, [1100, 1102, 1104])
    assert lab.sample_id.tolist() == ["A", "B"]
    assert lab.quantity == "unknown"
    assert [each["moisture"] for each in lab.metadata] == [12.5, pytest.approx(np.nan, nan_ok=True)]


@pytest.mark.parametrize(
    "text",
    [
        "sample_id;moisture;1100,0 nm;1102,0 nm;1104,0 nm\nA;12,5;0,1;0,2;0,3\nB;;0,4;0,5;0,6",
        "sep=;\nsample_id;moisture;1100;1102;1104\nA;12,5;0,1;0,2;0,3\nB;;0,4;0,5;0,6;\n\n",
        IN_ROWS.replace(",", "\t").replace("\n", "\r\n"),
        "# exported\n\n" + IN_ROWS,
        IN_ROWS.replace(" nm", "").replace(",11", ",X11"),
        '"sample_id","moisture","1100","1102","1104"\n"A","12,5","0,1","0,2","0,3"\n'
        '"B","NA","0,4","0,5","0,6"',
    ],
    ids=["semicolon", "Excel", "tab", "comment", "R", "quotes"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_dialects_give_the_same_spectra(read, text, encoding):
    lab = read(text, encoding=encoding)
    assert_allclose(lab.X, X)
    assert_array_equal(lab.wavelength, [1100, 1102, 1104])
    assert lab.metadata[0] == {"sample_id": "A", "moisture": 12.5}


@pytest.mark.parametrize(
    ("names", "axis_name", "first"),
    [
        ("10000,9990,9980", "wavenumber", 10000),
        ("1100 cm-1,1102 1/cm,1104 cm^-1", "wavenumber", 1100),
        ("2400,2410,2420", "wavelength", 2400),
        ("-200,-100,0", "wavenumber", -200),
        ("1.1 um,1.2 µm,1.3 micron", "wavelength", 1100),
    ],
)
def test_axis_is_read_from_names(read, names, axis_name, first):
    lab = read(f"id,{names}\nA,1,2,3\n")
    assert lab[axis_name][0] == first
    assert lab.sample_id.tolist() == ["A"]


@pytest.mark.parametrize(
    ("header", "quantity", "axis_name"),
    [
        ("Wavelength (nm),Absorbance\n", "absorbance", "wavelength"),
        ("Wavenumber [cm-1],%R\n", "percent reflectance", "wavenumber"),
        ("x,y\n", "unknown", "wavelength"),
        ("", "unknown", "wavelength"),
    ],
)
def test_two_columns_are_one_spectrum(read, header, quantity, axis_name):
    lab = read(header + "1100,0.1\n1102,0.2\n1104,0.3\n")
    assert_allclose(lab.X, X[:1])
    assert_array_equal(lab[axis_name], [1100, 1102, 1104])
    assert lab.quantity == quantity
    assert lab.sample_id.tolist() == ["wheat"]


@pytest.mark.parametrize(
    ("name", "first"), [("Wavelength_nm", 2700), ("wavelength_um", 2.7), ("Wavelength, µm", 2.7)]
)
def test_unit_is_read_anywhere_in_a_label(read, name, first):
    lab = read(f"{name};A\n{first};0.1\n{first + 0.5};0.2\n")
    assert_allclose(lab.wavelength[0], 2700)


def test_wavelength_without_unit_is_never_a_wavenumber(read):
    assert_allclose(read("Wavelength;A\n1100;0.1\n1102;0.2\n").wavelength, [1100, 1102])
    with pytest.raises(ValueError, match=r"has no unit and goes from 2500 to 25000, .*\(nm\)"):
        read("Wavelength;A\n2500;0.1\n25000;0.2\n")


def test_white_space_separates_columns(read):
    assert_allclose(read(" 1100  0.1\n 1102  0.2\n 1104  0.3\n", "wheat.txt").X, X[:1])


@pytest.mark.parametrize("header", ["Wavelength (nm),A,B\n", ",A,B\n", "nm,A,B\n"])
def test_spectra_in_columns(read, header):
    lab = read(header + "1100,0.1,0.4\n1102,0.2,0.5\n1104,0.3,0.6\n")
    assert_allclose(lab.X, X)
    assert lab.sample_id.tolist() == ["A", "B"]


def test_columns_may_have_numbers_as_names(read):
    lab = read("Wavelength (nm),101,102\n1100,0.1,0.4\n1102,0.2,0.5\n1104,0.3,0.6\n")
    assert_allclose(lab.X, X)
    assert lab.sample_id.tolist() == ["101", "102"]


def test_columns_without_names(read):
    with pytest.warns(UserWarning, match="3 spectra of 1 files, .*made up from path and position"):
        lab = read("1100,0.1,0.4,0.2\n1102,0.2,0.5,0.2\n1104,0.3,0.6,0.2\n")
    assert_allclose(lab.X[:2], X)
    assert [name.split("wheat.csv")[1] for name in lab.sample_id] == ["-1", "-2", "-3"]


def test_layout_decides_ambiguous_files(read):
    text = "1100,900,800\n1102,901,801\n1104,902,802\n"
    with pytest.raises(ValueError, match=r"line 1 and the first column may be its axis.*layout="):
        read(text)
    assert_allclose(read(text, layout="rows").X, [[1102, 901, 801], [1104, 902, 802]])
    assert_allclose(read(text, layout="columns").X, [[900, 901, 902], [800, 801, 802]])


def test_ids_are_unchanged(read):
    text = "sample_id,batch,1100,1102\n{},{},1,2\n{},{},3,4\n"
    assert read(text.format("1_2", 1, "1_3", 2)).sample_id.tolist() == ["1_2", "1_3"]
    assert read(text.format("007", 1, "008", 2)).sample_id.tolist() == ["007", "008"]
    lab = read(text.format(7, "x", 8, "y"))
    assert lab.sample_id.tolist() == ["7", "8"]
    assert [each["batch"] for each in lab.metadata] == ["x", "y"]


@pytest.mark.parametrize("missing", ["", "NA", "nan"])
def test_empty_cells_are_nan(read, missing):
    assert_allclose(read(IN_ROWS.replace("0.5", missing)).X[1], [0.4, np.nan, 0.6])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (IN_ROWS.replace("0.5", "0.5x"), r"line 3, column '1102.0 nm' has '0.5x'"),
        (IN_ROWS.replace("0.5", "1_5"), r"line 3, column '1102.0 nm' has '1_5'"),
        (IN_ROWS.replace("0.5", "inf"), r"line 3, column '1102.0 nm' has 'inf'"),
        (IN_ROWS.replace(",0.6", ""), r"line 3 has 4 cells, line 1 has 5"),
        (IN_ROWS.replace("1102.0 nm", "1100.0 nm"), "neither line 1 nor the first column"),
        (IN_ROWS.replace("1102.0 nm", "1102.0 cm-1"), r"units \['cm-1', 'nm'\]"),
        (IN_ROWS.replace("moisture", "sample_id"), r"has 1 names .* \['sample_id'\]"),
        ("id,a,b\n1,2,3\n", "neither line 1 nor the first column is an axis"),
        ("nm,A,B\n1100,1,2\n1100,1,2\n", "strictly monotonic"),
        ("sample_id,1100\n", "it has 1 lines"),
        ("\n;;\n", "it has no text"),
        ('nm,A\n1100,"' + 140_000 * "1", "line 2 cannot be split"),
    ],
)
def test_errors_give_the_line(read, text, message):
    with pytest.raises(ValueError, match=rf"wheat\.csv was not read: .*{message}"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "Wavelength (nm),1100,1102,1104\n101,0.1,0.2,0.3\n102,0.4,0.5,0.6\n",
        "sample_id,1100 nm,1102 nm,1104 nm\n1100,0.1,0.2,0.3\n1102,0.4,0.5,0.6\n",
        "1.100E+03\t0.1\t0.4\n1.102E+03\t0.2\t0.5\n1.104E+03\t0.3\t0.6\n",
        "1100,0   0,1  0,4\n1102,0   0,2  0,5\n1104,0   0,3  0,6\n",
        "nm,A,nm,B\n1100,0.1,1100,0.4\n1102,0.2,1102,0.5\n1104,0.3,1104,0.6\n",
        "# Wavelength (nm), A, B\n1100,0.1,0.4\n1102,0.2,0.5\n1104,0.3,0.6\n",
        'sample_id,"moisture\n(%)",1100 nm,1102 nm,1104 nm\r\nA,1,0.1,0.2,0.3\r\nB,2,0.4,0.5,0.6',
        "sample_id,X1100.nm,X1102.nm,X1104.nm\rA,0.1,0.2,0.3\rB,0.4,0.5,0.6\r",
    ],
    ids=["label", "ids", "scientific", "blanks", "pairs", "savetxt", "line break", "R"],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_layout_is_the_one_that_fits_the_whole_table(read, text):
    lab = read(text)
    assert_allclose(lab.wavelength, [1100, 1102, 1104])
    assert_allclose(lab.X, X)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nm,1100,1104\n305,1,2\n309,3,4\n", r"both line 1 and the first column.*layout='rows'"),
        ("x,a,x,c\n500,1,500,2\n501,3,501,4\n", "first column and every second column may be"),
        ("sample_id,1100,11O2,1104\nA,1,2,3\n", "'11O2' among its channels"),
        ("sample_id,1100 nm,11O2 nm,1104 nm\nA,1,2,3\n", "'11O2 nm' among its channels"),
        ("sample_id,1,1100,1102\nA,1,2,3\n", "line 1 has 1, far from the other channels"),
        ("sample_id,1,2,3,1100,1102\nA,1,2,3,4,5\n", "line 1 has 1 to 3, far from the other"),
        ("sample_id,201,202,1100,1102,1104\nA,1,2,3,4,5\n", "line 1 has 201 to 202, far from"),
        ("Wavelength (inch),A\n1100,1\n1102,2\n", "axis is in 'Wavelength"),
        ("sample_id,1,1100 nm,1102 nm\nA,1,2,3\n", r"units \['', 'nm'\]"),
        ("sample_id,0,1,2,3\nA,1,2,3,4\n", "count channels"),
        ('sample_id,1100 nm,1102 nm\nA,"1,234","2,345"\n', "'1,234' may have a decimal comma or"),
        ('sample_id,1100 nm,1102 nm\nA,"1,234",2.5\n', "points and commas in numbers"),
        ("sample_id;1.100 nm;1.102 nm\nA;0,1;0,2\n", "points and commas in numbers"),
        ("sample_id,1100 nm,1102 nm\nA,1,2,3\n", "line 2 has 4 cells.*skip_rows="),
        ("sample_id,1100 nm,1102 nm\nA,1,2\n ,3,4\n", r"line 3, column 'sample_id' has '' for an"),
        ("sample_id,1100 nm,1102 nm\nA,1,2\nNA,3,4\n", r"has 'NA' for an id"),
        (
            "ID,Sample Name,1100 nm,1102 nm\n1,A,1,2\n",
            r"\['ID', 'Sample Name'\] may.*id_column=",
        ),
        ("Energy (eV),A,B\n1.1,1,2\n1.2,3,4\n", r"axis is in 'Energy \(eV\)'"),
        ("Frequency (THz),A\n200,1\n210,3\n", r"axis is in 'Frequency \(THz\)'"),
        ("Time (s),A\n200,1\n210,3\n", r"axis is in 'Time \(s\)'"),
        ("m/z,A\n200,1\n210,3\n", "axis is in 'm/z'"),
        ("Wavelength (Å),A\n2000,1\n2010,3\n", "axis is in 'Wavelength"),
        ("Frequency (THz),200,210\nA,1,2\n", "begins with 'Frequency"),
        ("sample_id,1.1 eV,1.2 eV\nA,1,2\n", "names columns in 'eV'"),
        ("x,A\n0.9,1\n1.7,2\n", "may be micrometres"),
        ("PK\3\4", "it is an Excel workbook"),
    ],
)
def test_what_is_not_certain_is_refused(read, text, message):
    with pytest.raises(ValueError, match=rf"wheat\.csv was not read: (.|\n)*{message}"):
        read(text)


@pytest.mark.parametrize(
    ("ends", "unit", "doubt"),
    [
        ((1100, 2498), "nm", False),
        ((800, 2600), "nm", False),
        ((900, 1700), "nm", True),
        ((798.9, 1896.8), "nm", True),
        ((400, 1900), "nm", True),
        ((176.4, 893.7), "nm", True),
        ((285, 1200), "nm", True),
        ((200, 3300), "cm-1", True),
        ((2500, 16000), "cm-1", True),
        ((400, 4000), "cm-1", False),
        ((4000, 12500), "cm-1", False),
        ((50, 1800), "cm-1", False),
        ((-200, 1800), "cm-1", False),
        ((0.9, 1.7), "", False),
    ],
)
def test_unit_without_label_is_that_of_the_range(ends, unit, doubt):
    likely, other = likely_unit(*ends)
    assert (likely, bool(other)) == (unit, doubt)


@pytest.mark.parametrize("axis", ["wavelength", "wavenumber"])
def test_axis_states_the_unit_of_numbers_without_one(read, axis):
    text = "sample_id,1100,1200,1300\nA,1,2,3\n"
    with pytest.warns(UserWarning, match=r"1100 to 1300 has no unit .* may be in cm-1. Pass axis="):
        read(text)
    assert read(text, axis=axis)[axis].tolist() == [1100, 1200, 1300]
    stated = read(text.replace("1300", "1300 nm").replace("00,", "00 nm,"), axis=axis)
    assert_allclose(stated[axis][0], 1100 if axis == "wavelength" else 1e7 / 1100)
    with pytest.warns(UserWarning, match="stated by axis=, unchanged; its range is one in cm-1"):
        read("sample_id,4000,8000,12000\nA,1,2,3\n", axis="wavelength")
    with pytest.raises(ValueError, match=r"not valid from 0\.9 to 1\.7"):
        read("x,A\n0.9,1\n1.7,2\n", axis="wavelength")


@pytest.mark.parametrize(
    "heading", ["Sample", "Sample Name", "ID", "Probe", "sample-id", "Proben-Nr."]
)
@pytest.mark.parametrize("ids", [["1.1", "1.10"], ["1E1", "10E0"], ["#1", "#2"], ["1" * 20, "01"]])
def test_ids_stay_text_under_usual_headings(read, heading, ids):
    lab = read(f"batch;{heading};1100 nm;1102 nm\n1.10;{ids[0]};1,5;2\n2E1;{ids[1]};3;4\n")
    assert lab.sample_id.tolist() == ids
    assert [each["batch"] for each in lab.metadata] == ["1.10", "2E1"]


def test_id_column_states_ids_and_made_up_ids_pair_with_no_file(tmp_path):
    made_up = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "scans.csv"
        file.write_text("Bezeichnung,1100 nm,1102 nm\n7,1,2\n8,3,4\n")
        assert read_spectra(file, id_column="Bezeichnung").sample_id.tolist() == ["7", "8"]
        with pytest.warns(UserWarning, match=r"'Bezeichnung'.*pass id_column=.*made up") as caught:
            made_up += read_spectra(file).sample_id.tolist()
        assert len(caught) == 1
    assert len(set(made_up)) == 4
    with pytest.raises(ValueError, match=r"id_column must be one of \['Bezeichnung'\], .*'ID'"):
        read_spectra(file, id_column="ID")
    with pytest.raises(TypeError, match="id_column must be a str or None, got 3"):
        read_spectra(file, id_column=3)
    with pytest.raises(ValueError, match="skip_rows must be"):
        read_spectra(file, skip_rows=-1)


def test_lines_before_the_table_are_counted(read):
    text = "Instrument,7\n\nsample_id,1100 nm,1102 nm\nA,1,2\n"
    assert read(text, skip_rows=1).sample_id.tolist() == ["A"]
    lab = read("# one\n# two\n" + text.split("\n\n")[1] + "#2,3,4\n")
    assert lab.sample_id.tolist() == ["A", "#2"]
    assert lab.conversions[0].endswith("wheat.csv: 2 comment lines before the table were skipped.")
    with pytest.raises(ValueError, match="line 5 has 1 cells"):
        read("# one\n# two\n" + text.split("\n\n")[1] + "# end\n")


@pytest.mark.parametrize(
    "comment", ["#Laser=\t785", "# Acquired: 5 May\t10:00:00", "# Date: 1\t2", "# Exposure (s)=\t9"]
)
def test_a_comment_with_a_value_is_no_heading(read, comment):
    lab = read(f"# a\n{comment}\n1300.5\t10\n1200.5\t20\n1100.5\t30\n", axis="wavenumber")
    assert lab.wavenumber.tolist() == [1300.5, 1200.5, 1100.5]


@pytest.mark.parametrize("separator", ["\t", " ", "  ", ";", ","])
@pytest.mark.parametrize("unit", ["eV", "THz"])
def test_a_comment_with_the_unit_is_a_heading(read, separator, unit):
    lines = ["# Position (unit)|A", "1200|10", "1300|20", "1401|25"]
    text = "\n".join(lines).replace("|", separator)
    with pytest.raises(ValueError, match=f"its axis is in 'Position ?.{unit}.', neither"):
        read(text.replace("unit", unit))
    lab = read(text.replace("unit", "cm-1"))
    assert lab.wavenumber.tolist() == [1200, 1300, 1401]


def test_windows_text(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"ID,1100 nm,1102 nm\nA\x85\x96B,1,2\nC\xfc,3,4\n")
    assert read_spectra(tmp_path / "a.csv").sample_id.tolist() == ["A…–B", "Cü"]


@pytest.mark.parametrize("comments", ["", "# a\n# b\n"])
def test_a_refusal_names_the_line_in_the_file(read, comments):
    line = 1 + comments.count("\n")
    with pytest.raises(ValueError, match=f"line {line} begins with a number and has text"):
        read(f"{comments}1,a\n2,b\n", layout="columns")

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

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
        ("2590,2600,2610", "wavenumber", 2590),
    ],
)
def test_axis_is_read_from_names(read, names, axis_name, first):
    lab = read(f"id,{names}\nA,1,2,3\n")
    assert lab[axis_name][0] == first
    assert lab.sample_id.tolist() == ["wheat"]


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
    with pytest.raises(ValueError, match=r"'Wavelength' has no unit .* 2500 to 25000, .*\(nm\)"):
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
    lab = read("1100,0.1,0.4,0.2\n1102,0.2,0.5,0.2\n1104,0.3,0.6,0.2\n")
    assert_allclose(lab.X[:2], X)
    assert lab.sample_id.tolist() == ["wheat-1", "wheat-2", "wheat-3"]


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
    assert lab.sample_id.tolist() == [7, 8]
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
        ("nm,A\n1100," + 140_000 * "1", "line 2 cannot be split"),
    ],
)
def test_errors_give_the_line(read, text, message):
    with pytest.raises(ValueError, match=rf"wheat\.csv was not read: .*{message}"):
        read(text)

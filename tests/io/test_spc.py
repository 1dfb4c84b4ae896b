import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skspektron.io import read_spectra
from tests.io import layouts

VALUES = np.linspace(0.125, 0.875, 61)


@pytest.fixture
def read(tmp_path):
    """Return a function that writes bytes to a file and reads it."""

    def write_and_read(raw, **options):
        (tmp_path / "wheat.spc").write_bytes(raw)
        return read_spectra(tmp_path / "wheat.spc", **options)

    return write_and_read


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"exponent": 0},
        {"exponent": 3},
        {"exponent": -2, "flags": 1},
        {"exponent": 1, "flags": 1},
    ],
    ids=["float", "32 bit", "32 bit, larger", "16 bit, smaller", "16 bit"],
)
def test_values_equal_those_written(read, order, options):
    values = VALUES * 2.0 ** options.get("exponent", 1) / 2
    if options.get("exponent", -128) == -128:
        values = VALUES
    lab = read(layouts.spc([values], order=order, **options))
    assert lab.X.dtype == np.float64
    assert_allclose(lab.X, [values], atol=2.0**-14)
    assert_allclose(lab.wavelength, np.linspace(1100, 2498, 61))
    assert lab.quantity == "absorbance"
    assert lab.sample_id.tolist() == ["wheat"]


@pytest.mark.parametrize("exponent", [-128, 1])
def test_several_spectra_in_one_file(read, exponent):
    written = np.array([VALUES, VALUES[::-1], VALUES / 2])
    lab = read(layouts.spc(written, exponent=exponent))
    assert_allclose(lab.X, written, atol=1e-7)
    assert [name.split("wheat.spc")[1] for name in lab.sample_id] == ["-1", "-2", "-3"]
    assert [each["z"] for each in lab.metadata] == [0, 1, 2]


def test_stored_axis_is_that_of_all_spectra(read):
    axis = np.geomspace(1100, 2498, 61).astype("f4")
    lab = read(layouts.spc([VALUES, 2 * VALUES], stored_axis=axis))
    assert_allclose(lab.wavelength, axis)
    assert_allclose(lab.X, [VALUES, 2 * VALUES], atol=1e-7)


@pytest.mark.parametrize("directory", [False, True])
def test_spectra_with_different_axes(read, directory):
    axes = [np.linspace(1000, 1100, 11), np.linspace(1050, 1150, 11)]
    spectra = [2 * axes[0], 2 * axes[1]]
    raw = layouts.spc(spectra, own_axes=axes, directory=directory)
    with pytest.raises(ValueError, match=r"11 channels from 1000 to 1100 nm.*1050 to 1150"):
        read(raw)
    with pytest.warns(UserWarning, match="1 of 2 spectra: interpolated"):
        lab = read(raw, interpolate=True)
    assert_allclose(lab.wavelength, np.arange(1050, 1101, 10))
    assert_allclose(lab.X, [2 * lab.wavelength] * 2)


def test_labels_of_the_user_replace_type_codes(read):
    lab = read(layouts.spc([VALUES], labels=b"Wavenumber (cm-1)\0% Reflectance\0"))
    assert lab.quantity == "percent reflectance"
    assert_allclose(lab.wavenumber[[0, -1]], [1100, 2498])


@pytest.mark.parametrize(
    ("x_type", "axis", "unit"), [(1, (4000, 400), 1), (2, (1.1, 2.5), 1000), (13, (400, 1800), 1)]
)
def test_units_of_the_axis(read, x_type, axis, unit):
    lab = read(layouts.spc([VALUES], axis, x_type=x_type))
    name = "wavelength" if x_type == 2 else "wavenumber"
    assert_allclose(lab[name][[0, -1]], np.multiply(axis, unit))
    assert lab.quantity == ("raman intensity" if x_type == 13 else "absorbance")


@pytest.mark.parametrize(
    ("y_type", "quantity"),
    [(2, "absorbance"), (3, "kubelka-munk"), (10, "log(1/R)"), (128, "transmittance")],
)
def test_type_codes_of_the_ordinate(read, y_type, quantity):
    assert read(layouts.spc([VALUES], y_type=y_type)).quantity == quantity


def test_metadata(read):
    date = 30 | 9 << 6 | 21 << 11 | 11 << 16 | 2026 << 20
    (metadata,) = read(layouts.spc([VALUES], comment=b"Weizen, Kr\xf6ner", date=date)).metadata
    assert metadata["comment"] == "Weizen, Kröner"
    assert metadata["date"] == "2026-11-21 09:30"
    assert metadata["source"] == "bench"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw[:300], r"header ends at byte 512, the file has 300 bytes"),
        (lambda raw: raw[:-1], r"788 bytes|787 bytes"),
        (lambda raw: raw[:1] + b"\x4d" + raw[2:], "SPC format before 1996"),
        (lambda raw: raw[:1] + b"\x50" + raw[2:], "version byte must be .* got 0x50"),
        (lambda raw: raw[:4] + struct.pack("<I", 2**32 - 1) + raw[8:], "4294967295 numbers"),
        (lambda raw: raw[:4] + struct.pack("<I", 0) + raw[8:], "gives 0 numbers"),
        (lambda raw: raw[:28] + b"\x09" + raw[29:], "axis is of type 9"),
        (lambda raw: raw[:8] + struct.pack("<d", np.nan) + raw[16:], "strictly monotonic"),
        (lambda raw: raw[:-4] + struct.pack("<f", np.inf), "infinite"),
    ],
    ids=["short", "cut", "old", "foreign", "count", "no points", "mass", "no axis", "infinite"],
)
def test_damaged_or_foreign_files_raise(read, change, message):
    with pytest.raises(ValueError, match=rf"wheat\.spc was not read: .*{message}"):
        read(change(layouts.spc([VALUES])))


def test_count_of_spectra_beyond_the_file_raises(read):
    raw = layouts.spc([VALUES, VALUES])
    with pytest.raises(ValueError, match="truncated or damaged"):
        read(raw[:24] + struct.pack("<I", 2**32 - 1) + raw[28:])


def test_file_without_spectra_raises(read):
    raw = layouts.spc([VALUES, VALUES])
    with pytest.raises(ValueError, match="it has no spectrum"):
        read(raw[:24] + struct.pack("<I", 0) + raw[28:])


def test_overlapping_spectra_raise(read):
    one = layouts.spc([VALUES], own_axes=[VALUES + 1000])
    header = struct.pack("<BBBbIddI", 196, 0x4B, 0, 0, len(one), 0, 0, 20)
    directory = 20 * struct.pack("<IIf", 512, 0, 0.0)  # twenty spectra at the same offset
    with pytest.raises(ValueError, match="spectra overlap"):
        read(header + one[28:] + directory)


@pytest.mark.filterwarnings("ignore:.*made up:UserWarning")
def test_z_of_evenly_spaced_spectra_is_that_of_the_header(read):
    raw = bytearray(layouts.spc([VALUES] * 3))
    size = 32 + 4 * len(VALUES)
    for number in range(3):  # of all but the first, software often writes no z
        struct.pack_into(
            "<ff", raw, 512 + number * size + 4, *((5.0, 7.0) if not number else (0, 0))
        )
    assert [each["z"] for each in read(bytes(raw)).metadata] == [5, 7, 9]
    struct.pack_into("<f", raw, 312, 0.5)
    assert [each["z"] for each in read(bytes(raw)).metadata] == [5, 5.5, 6]
    raw[0] |= 8
    assert [each["z"] for each in read(bytes(raw)).metadata] == [5, 0, 0]


def test_spectra_beyond_the_one_of_the_flags_raise(read):
    raw = bytearray(layouts.spc([VALUES, VALUES]))
    raw[0] &= ~4  # the flag of several spectra
    with pytest.raises(ValueError, match=r"its header counts 2 spectra, and its flags say"):
        read(bytes(raw))


@pytest.mark.parametrize("at", [100, 300, 500])
def test_bytes_at_the_wrong_place_raise(read, at):
    raw = layouts.spc([VALUES])
    with pytest.raises(ValueError, match=r"was not read"):
        read(raw[:at] + b"\0\0" + raw[at:])

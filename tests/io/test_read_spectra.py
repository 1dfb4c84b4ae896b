import os
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skspektron._validation import check_axis
from skspektron.datasets import SpektraArchive, make_instruments
from skspektron.io import read_spectra
from skspektron.model_selection import stack_instruments
from tests.io import layouts

AXIS = np.linspace(1100.0, 1120.0, 11)
VALUES = np.linspace(0.125, 0.875, 11)


def write(folder, name, *, factor=1.0, first=1100.0, last=1120.0, units="ABSORBANCE", n=11):
    """Write one spectrum as JCAMP-DX."""
    values = " ".join(f"{each:.17g}" for each in factor * np.linspace(0.125, 0.875, n))
    options = {"first": first, "last": last, "x_units": "NANOMETERS", "y_units": units}
    (folder / name).write_text(layouts.jcamp(f"{first} {values}", n, **options))


@pytest.fixture
def folder(tmp_path):
    """Return a folder with three spectra in three formats, and other files."""
    (tmp_path / "b.spc").write_bytes(layouts.spc([VALUES], (1100, 1120)))
    write(tmp_path, "a.dx")
    micro = layouts.opus_spectrum(VALUES, axis=(1.1, 1.12), dxu="MI")
    (tmp_path / "c.0").write_bytes(layouts.opus(micro))
    (tmp_path / "notes.md").write_text("read me")
    (tmp_path / "folder.spc").mkdir()
    return tmp_path


def test_folder_of_several_formats_is_one_table_in_order(folder):
    lab = read_spectra(folder)
    assert_allclose(lab.X, [VALUES] * 3, atol=1e-7)
    assert_allclose(lab.wavelength, AXIS)
    assert lab.sample_id.tolist() == ["a", "b", "c"]
    assert [os.path.basename(name) for name in lab.filenames] == ["a.dx", "b.spc", "c.0"]
    assert (lab.quantity, lab.skipped, lab.conversions) == ("absorbance", [], [])


def test_pattern_recursion_and_lists(folder):
    write(folder / "folder.spc", "d.dx")
    assert read_spectra(folder, pattern="*.dx").sample_id.tolist() == ["a"]
    assert read_spectra(folder, pattern="*.dx", recursive=True).sample_id.tolist() == ["a", "d"]
    both = read_spectra([folder / "c.0", str(folder / "a.dx")])
    assert both.sample_id.tolist() == ["c", "a"]
    with pytest.raises(ValueError, match=r"has no file named '\*\.csv'"):
        read_spectra(folder, pattern="*.csv")
    with pytest.raises(ValueError, match="path is empty"):
        read_spectra([])
    with pytest.raises(FileNotFoundError, match=r"1 of 2 files do not exist, such as .*gone\.dx"):
        read_spectra([folder / "a.dx", folder / "gone.dx"])


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_circular_links_are_not_followed(folder):
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "self.spc").symlink_to(folder / "self.spc")
    assert read_spectra(folder, recursive=True).sample_id.tolist() == ["a", "b", "c"]


def test_corrupt_files_raise_or_are_skipped_with_one_warning(folder):
    (folder / "empty.spc").write_bytes(b"")
    (folder / "cut.spc").write_bytes(layouts.spc([VALUES])[:-5])
    with pytest.raises(ValueError, match=r"cut\.spc was not read: .*truncated or damaged"):
        read_spectra(folder)
    with pytest.warns(UserWarning, match=r"2 of 5 files were skipped: .*cut.*; .*empty") as caught:
        lab = read_spectra(folder, on_error="skip")
    assert len(caught) == 1
    assert len(lab.X) == 3
    assert [os.path.basename(name) for name, _ in lab.skipped] == ["cut.spc", "empty.spc"]
    assert all("was not read" in reason for _, reason in lab.skipped)
    with pytest.raises(ValueError, match="None of 2 files could be read"):
        read_spectra([folder / "empty.spc", folder / "folder.spc"], on_error="skip")


def test_file_with_unknown_suffix_is_read_by_content_or_raises(tmp_path):
    write(tmp_path, "a.lab")
    assert_allclose(read_spectra(tmp_path / "a.lab").X, [VALUES])
    (tmp_path / "b.xlsx").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=r"b\.xlsx was not read: its suffix '\.xlsx'"):
        read_spectra(tmp_path / "b.xlsx")


@pytest.mark.parametrize(
    ("suffix", "way_out"), [("xlsx", "as CSV"), ("mat", r"scipy\.io\.loadmat"), ("spa", "in OMNIC")]
)
def test_formats_that_are_not_read_have_a_way_out(tmp_path, suffix, way_out):
    (tmp_path / f"b.{suffix}").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=rf"its suffix '\.{suffix}' .*{way_out}"):
        read_spectra(tmp_path / f"b.{suffix}")


def test_other_channels_raise_or_are_interpolated(tmp_path):
    write(tmp_path, "a.dx")
    write(tmp_path, "b.dx", first=1106.0, last=1126.0, n=21)
    with pytest.raises(ValueError, match=r"a\.dx has 11 channels from 1100 to 1120 nm, .*b\.dx"):
        read_spectra(tmp_path)
    with pytest.warns(UserWarning, match="1 of 2 spectra: interpolated linearly at 8 channels"):
        lab = read_spectra(tmp_path, interpolate=True)
    assert_array_equal(lab.wavelength, AXIS[3:])
    assert_allclose(lab.X[0], VALUES[3:])
    assert_allclose(
        lab.X[1], np.interp(AXIS[3:], np.linspace(1106, 1126, 21), np.linspace(0.125, 0.875, 21))
    )
    write(tmp_path, "c.dx", first=1300.0, last=1400.0)
    with pytest.raises(ValueError, match=r"Only 0 of 11 channels of the first file are within"):
        read_spectra(tmp_path, interpolate=True)


def test_reversed_axis_is_reordered(tmp_path):
    write(tmp_path, "a.dx")
    write(tmp_path, "b.dx", first=1120.0, last=1100.0)
    lab = read_spectra(tmp_path)
    assert_allclose(lab.X, [VALUES, VALUES[::-1]])


def test_units_are_converted_only_when_asked(tmp_path):
    write(tmp_path, "a.dx")
    (tmp_path / "b.0").write_bytes(
        layouts.opus(layouts.opus_spectrum(VALUES, axis=(9000.0, 8000.0)))
    )
    with pytest.raises(ValueError, match=r"a\.dx is in nm, that of .*b\.0 in cm-1"):
        read_spectra(tmp_path)
    lab = read_spectra(tmp_path / "b.0", axis="wavelength")
    assert_allclose(lab.wavelength, 1e7 / np.linspace(9000, 8000, 11))
    assert "wavenumber" not in lab
    with pytest.warns(UserWarning, match="interpolated"):
        assert "wavenumber" in read_spectra(tmp_path, axis="wavenumber", interpolate=True)


def test_raman_shift_has_no_wavelength(tmp_path):
    (tmp_path / "a.spc").write_bytes(layouts.spc([VALUES], (400, 1800), x_type=13))
    with pytest.raises(ValueError, match="Raman spectrum, whose shift in cm-1 has no wavelength"):
        read_spectra(tmp_path, axis="wavelength")


@pytest.mark.parametrize(
    ("units", "factor", "formula"),
    [
        ("REFLECTANCE", 1, r"reflectance to absorbance, -log10\(R\)"),
        ("%R", 100, r"percent reflectance to absorbance, -log10\(R / 100\)"),
        ("TRANSMITTANCE", 1, r"transmittance to absorbance, -log10\(T\)"),
        ("PERCENT TRANSMISSION", 100, r"-log10\(T / 100\)"),
    ],
)
def test_conversion_to_absorbance_warns(tmp_path, units, factor, formula):
    write(tmp_path, "a.dx", units=units, factor=factor)
    assert_allclose(read_spectra(tmp_path).X, [factor * VALUES])  # unchanged by default
    with pytest.warns(UserWarning, match=f"1 of 1 spectra: .*{formula}"):
        lab = read_spectra(tmp_path, absorbance=True)
    assert_allclose(lab.X, [-np.log10(VALUES)])
    assert lab.quantity == "absorbance"
    assert len(lab.conversions) == 1


def test_absorbance_is_unchanged(tmp_path):
    write(tmp_path, "a.dx")
    write(tmp_path, "b.dx", units="LOG(1/R)")
    with pytest.raises(ValueError, match=r"a\.dx .*'absorbance', .*b\.dx contains 'log\(1/R\)'"):
        read_spectra(tmp_path)
    lab = read_spectra(tmp_path, absorbance=True)
    assert_allclose(lab.X, [VALUES] * 2)
    assert (lab.quantity, lab.conversions) == ("absorbance", [])


def test_mixed_quantities_raise_unless_converted(tmp_path):
    write(tmp_path, "a.dx")
    write(tmp_path, "b.dx", units="REFLECTANCE")
    with pytest.raises(ValueError, match=r"a\.dx .*'absorbance', .*b\.dx contains 'reflectance'"):
        read_spectra(tmp_path)
    with pytest.warns(UserWarning, match="1 of 2 spectra"):
        lab = read_spectra(tmp_path, absorbance=True)
    assert_allclose(lab.X, [VALUES, -np.log10(VALUES)])


@pytest.mark.parametrize(
    ("units", "factor", "options", "message"),
    [
        ("REFLECTANCE", 100, {}, "up to 87.5, more than 1.*'percent reflectance'"),
        ("%R", 1, {}, "1 of 1 spectra labelled percent reflectance .* with 0.875"),
        ("REFLECTANCE", -1, {}, "11 values of reflectance in 1 spectra are zero or negative"),
        ("ARBITRARY UNITS", 1, {}, "'unknown', which cannot be converted to absorbance"),
        (
            "REFLECTANCE",
            1,
            {"quantity": "kubelka-munk"},
            "'kubelka-munk', which cannot be converted",
        ),
    ],
)
def test_invalid_values_for_absorbance_raise(tmp_path, units, factor, options, message):
    write(tmp_path, "a.dx", units=units, factor=factor)
    with pytest.raises(ValueError, match=message):
        read_spectra(tmp_path, absorbance=True, **options)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_fraction_among_percentages_is_named(tmp_path, names):
    for name, factor in zip(names, (100, 1), strict=True):
        write(tmp_path, f"{name}.dx", units="%R", factor=factor)
    message = rf"1 of 2 spectra .* such as .*{names[1]}\.dx with 0\.875\. Pass quantity="
    with pytest.raises(ValueError, match=message):
        read_spectra(tmp_path, absorbance=True)


@pytest.mark.parametrize(
    ("quantity", "factor"),
    [("percent reflectance", 100), ("percent reflectance", 1), ("transmittance", 1)],
)
def test_quantity_replaces_that_of_files(tmp_path, quantity, factor):
    write(tmp_path, "a.dx", units="ABSORBANCE", factor=factor)
    scale = 100 if "percent" in quantity else 1
    with pytest.warns(UserWarning, match=f"{quantity} to absorbance"):
        lab = read_spectra(tmp_path, quantity=quantity, absorbance=True)
    assert_allclose(lab.X, [-np.log10(factor * VALUES / scale)])
    assert read_spectra(tmp_path, quantity=quantity).quantity == quantity


@pytest.mark.parametrize("name", ["axis", "quantity", "layout", "on_error"])
def test_unknown_choices_raise(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got 'other'\. Pass .*, the default"):
        read_spectra(tmp_path, **{name: "other"})


def test_frames_name_their_channels(folder):
    pytest.importorskip("pandas")
    lab = read_spectra(folder, pattern="*.dx", as_frame=True)
    assert lab.X.columns[0] == "1100.0 nm"
    assert lab.metadata.loc[0, "title"] == "wheat"
    assert_allclose(check_axis(n_features=11, feature_names=lab.X.columns), 1e7 / AXIS)


def test_error_without_pandas_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skspektron\[io\]"):
        read_spectra(folder, as_frame=True)


def test_spectra_can_be_stacked_and_archived(tmp_path):
    axes = {"bench": np.linspace(1100, 2400, 9), "handheld": np.linspace(950, 1650, 7)}
    lab = make_instruments(4, tuple(axes), wavelength=axes, random_state=0)
    read = {}
    for name, X in lab.X.items():
        names = ",".join(f"{channel:.10g} nm" for channel in axes[name])
        rows = [f"{i},{','.join(map(repr, row.tolist()))}" for i, row in enumerate(X)]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"sample_id,{names}", *rows]))
        read[name] = read_spectra(tmp_path / f"{name}.csv")
        np.savez(tmp_path / f"{name}.npz", X=read[name].X, wavelength=read[name].wavelength)
    stacked = stack_instruments(
        {name: (each.X, None, each.sample_id) for name, each in read.items()},
        wavelength={name: each.wavelength for name, each in read.items()},
    )[0]
    assert stacked.shape == (8, 16)
    assert_allclose(SpektraArchive(tmp_path).read([5])[0][:7], lab.X["handheld"][1])


SEEDS = {
    "a.spc": layouts.spc([VALUES, VALUES], (1100, 1120), exponent=1),
    "b.spc": layouts.spc([VALUES] * 2, own_axes=[AXIS] * 2, directory=True),
    "a.0": layouts.opus(layouts.opus_spectrum(VALUES)),
    "a.dx": layouts.jcamp(
        layouts.asdf(1000 * VALUES, "DIFDUP", first=400), 11, first=400.0, last=410.0
    ).encode(),
    "a.csv": b"sample_id,1100 nm,1102 nm\nA,0.1,0.2\nB,0.3,0.4\n",
}


@pytest.mark.parametrize("name", SEEDS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_raise_the_documented_error(tmp_path, name, data):
    raw = bytearray(SEEDS[name])
    flips = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))
    for at, byte in data.draw(st.lists(flips, max_size=6)):
        raw[at] = byte
    file = tmp_path / name
    file.write_bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))])
    try:
        lab = read_spectra(file)
    except ValueError as error:
        assert name in str(error)
    else:
        assert lab.X.dtype == np.float64
        assert not np.isinf(lab.X).any()
        assert lab.X.shape[1] == len(lab.get("wavelength", lab.get("wavenumber")))


def named(folder, *names):
    """Write spectra without ids to files."""
    folder.mkdir(exist_ok=True)
    for name in names:
        table = layouts.asdf([1, 2, 3], "AFFN", first=4000)
        text = layouts.jcamp(table, first=4000.0, last=4002.0, n_points=3)
        (folder / name).write_text(text)


@pytest.mark.parametrize("names", [("S001.dx", "S002.dx"), ("12.dx", "wheat 7.dx", "Datong.dx")])
def test_files_named_by_sample_give_ids_without_a_warning(names, tmp_path, recwarn):
    named(tmp_path / "a", *names)
    read = read_spectra(tmp_path / "a")
    assert sorted(read.sample_id) == sorted(name.removesuffix(".dx") for name in names)
    assert not [each for each in recwarn if "sample" in str(each.message)]


@pytest.mark.parametrize("name", ["scan.dx", "Spectrum 12.dx", "untitled-3.dx", "export.dx"])
def test_names_that_software_counts_warn(name, tmp_path):
    named(tmp_path / "a", name, "S1.dx")
    with pytest.warns(UserWarning, match=r"1 files, such as .* names as software counts them"):
        read = read_spectra(tmp_path / "a")
    assert name.removesuffix(".dx") in read.sample_id


def test_equal_names_in_several_folders_warn(tmp_path):
    named(tmp_path / "a", "S1.dx")
    named(tmp_path / "b", "S1.dx", "S2.dx")
    with pytest.warns(UserWarning, match=r"Files in several folders have the same name, .* 'S1'"):
        read = read_spectra([*(tmp_path / "a").iterdir(), *sorted((tmp_path / "b").iterdir())])
    assert read.sample_id.tolist() == ["S1", "S1", "S2"]

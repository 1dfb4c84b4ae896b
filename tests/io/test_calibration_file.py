"""Files of linear calibrations: exact round trips, and errors for damaged files."""

import json
import os

import numpy as np
import pytest

from skspektron.io import LinearCalibration

WRITERS = {"csv": "to_csv", "json": "to_json"}
READERS = {"csv": LinearCalibration.from_csv, "json": LinearCalibration.from_json}
KINDS = list(READERS)


def make(n_targets=None, **axis):
    """Return a calibration whose numbers need all 17 digits."""
    rng = np.random.default_rng(0)
    coef = rng.normal(size=(n_targets or 1, 6)) * 10.0 ** rng.integers(-12, 9, size=6)
    names = [f"protein, N × 6.25 ({k})" for k in range(n_targets or 1)]
    return LinearCalibration(
        coef if n_targets else coef[0],
        intercept=coef.sum(axis=1) / 3 if n_targets else 1 / 3,
        target_names=names,
        target_units=["%"] * len(names),
        **axis,
    )


def write(calibration, path, kind):
    getattr(calibration, WRITERS[kind])(path)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_targets", [None, 3])
@pytest.mark.parametrize(
    "axis",
    [{}, {"wavelength": 1100 + np.arange(6) / 3}, {"wavenumber": 1e7 / (1100 + np.arange(6) / 3)}],
)
def test_round_trip_bit_for_bit(kind, n_targets, axis, tmp_path):
    calibration = make(n_targets, **axis)
    loaded = READERS[kind](write(calibration, tmp_path / "file", kind))
    assert loaded.get_params().keys() == calibration.get_params().keys()
    for name, value in calibration.get_params().items():
        np.testing.assert_array_equal(getattr(loaded, name), value, err_msg=name)
    X = np.random.default_rng(1).normal(size=(4, 6))
    np.testing.assert_array_equal(loaded.predict(X), calibration.predict(X))


def test_csv_is_a_readable_table(tmp_path):
    calibration = LinearCalibration(
        [0.5, -0.1],
        intercept=2.0,
        wavelength=[1100, 1102],
        target_names=["fat"],
        target_units=["%"],
    )
    first, *rows = write(calibration, tmp_path / "fat.csv", "csv").read_text().splitlines()
    assert first.startswith("# skspektron linear calibration; version 1; sha256 ")
    assert rows == ["wavelength (nm),fat", "unit,%", "intercept,2.0", "1100.0,0.5", "1102.0,-0.1"]


def test_table_of_other_software_is_read(tmp_path):
    path = tmp_path / "old.csv"
    path.write_bytes(
        b"\xef\xbb\xbfwavenumber (cm-1),moisture\r\nintercept,1.5\r\n9000,2\r\n8990,3e-1\r\n"
    )
    model = LinearCalibration.from_csv(path)
    assert model.predict([[1.0, 10.0]]).tolist() == [6.5]
    assert model.wavenumber_.tolist() == [9000, 8990] and model.target_units == [""]


@pytest.mark.parametrize("kind", KINDS)
def test_changed_number_raises(kind, tmp_path):
    path = write(make(wavelength=1100 + np.arange(6.0)), tmp_path / "file", kind)
    text = path.read_text()
    assert text.count("1103.0") == 1
    path.write_text(text.replace("1103.0", "1103.5"))
    with pytest.raises(ValueError, match=r"was changed .* sha256 is [0-9a-f]{12}, the recorded"):
        READERS[kind](path)
    if kind == "csv":  # as the message says, the file is read without its first line
        path.write_text(path.read_text().split("\n", 1)[1])
        assert READERS[kind](path).wavelength[3] == 1103.5


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_file_raises_at_any_length(kind, tmp_path):
    path = write(make(2, wavelength=1100 + np.arange(6.0)), tmp_path / "file", kind)
    text = path.read_text().rstrip("\n")
    for end in range(0, len(text), 29):
        path.write_text(text[:end])
        with pytest.raises(ValueError, match="file"):
            READERS[kind](path)


@pytest.mark.parametrize("kind", KINDS)
def test_later_version_and_other_kind_of_file_raise(kind, tmp_path):
    path = write(make(), tmp_path / "file", kind)
    text = path.read_text()
    path.write_text(
        text.replace("version 1;", "version 7;").replace('"version": 1', '"version": 7')
    )
    with pytest.raises(ValueError, match=r"version 7 of its format.* reads versions up to 1"):
        READERS[kind](path)
    path.write_text(text.replace("linear calibration", "shopping list"))
    with pytest.raises(ValueError, match=r"must be a .* got 'skspektron shopping list'"):
        READERS[kind](path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("wavelength (nm),y\nintercept,0\n1100,nan\n", "1 entries that are not finite"),
        ("wavelength (nm),y\nintercept,0\n1100,0;5\n", "not a number: .*'0;5'"),
        ("wavelength (nm),y\nintercept,0\n1100,0,5\n", "a row of 3 entries.*heading of 2"),
        ("wavelength (nm),y\n1100,0.5\n", "no row 'intercept'"),
        ("wavelength (nm),y\nintercept,0\n", "0 channels"),
        ("nm,y\nintercept,0\n1100,0.5\n", r"heading .* must be .* got \['nm', 'y'\]"),
        ("wavelength (nm),y\nintercept,0\n1100,1\n1100,2\n", "must be strictly monotonic"),
        ("channel,y\nintercept,0\n2,1\n1,2\n0,3\n", "3 channels whose numbers do not increase"),
        ("channel,y\nunit\nintercept,0\n0,1\n", "a row 'unit' of 1 entries .* heading of 2"),
        ("", r"heading .* must be .* got \[\]"),
    ],
)
def test_invalid_tables_raise(text, match, tmp_path):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        LinearCalibration.from_csv(tmp_path / "c.csv")


@pytest.mark.parametrize("lacks", ["version", "axis", "targets", "sha256"])
def test_json_with_a_missing_entry_raises(lacks, tmp_path):
    path = write(make(), tmp_path / "c.json", "json")
    content = json.loads(path.read_text())
    del content[lacks]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"lacks an entry of a linear calibration: '{lacks}'"):
        LinearCalibration.from_json(path)


def test_json_with_unknown_unit_raises(tmp_path):
    path = write(make(), tmp_path / "c.json", "json")
    path.write_text(path.read_text().replace('"unit": null', '"unit": "furlong"'))
    with pytest.raises(ValueError, match=r"lacks an entry of a linear calibration: 'furlong'"):
        LinearCalibration.from_json(path)


def test_deeply_nested_json_raises(tmp_path):
    (tmp_path / "c.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is not readable JSON"):
        LinearCalibration.from_json(tmp_path / "c.json")


@pytest.mark.parametrize("kind", KINDS)
def test_missing_and_binary_files_raise(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent does not exist"):
        READERS[kind](tmp_path / "absent")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ValueError, match="is not a text file"):
        READERS[kind](tmp_path / "binary")


@pytest.mark.parametrize("kind", KINDS)
def test_failed_write_leaves_the_old_file_and_nothing_else(kind, tmp_path, monkeypatch):
    path = write(make(), tmp_path / "file", kind)
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            write(make(2), path, kind)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("names", [["a"], "ab", ["a", "b", "c"]])
def test_wrong_number_of_names_raises(names, tmp_path):
    calibration = LinearCalibration(np.ones((2, 3)), target_names=names)
    with pytest.raises(ValueError, match=r"target_names must be a list of 2 strings"):
        calibration.to_csv(tmp_path / "file")

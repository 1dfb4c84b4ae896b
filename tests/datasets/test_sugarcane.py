"""`fetch_sugarcane`, on an imitation of the published files and against the shared spectra."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from skspektron.datasets import _sugarcane, fetch_sugarcane
from skspektron.model_selection import stack_instruments

NAMES = [
    "F750",
    "MicroNIR1700_rep1",
    "MicroNIR1700_rep2",
    "MicroNIR1700_rep3",
    "MicroNIR2200",
    "NIRONE22",
    "NIRscanNano",
    "SCIO",
    "TellSpec",
]


def as_text(axis, ids, X):
    """Return a file as published: an id padded with blanks, numbers separated by semicolons."""
    rows = [f"{i}   ;" + ";".join(f"{x:g}" for x in row) for i, row in zip(ids, X, strict=True)]
    return "\n".join(["  ;" + ";".join(f"{w:>9}" for w in axis), *rows, ""])


@pytest.fixture
def imitation(site, monkeypatch):
    """Serve small files that count as the published ones; return the axes and spectra."""
    folder, address = site
    rng, ids = np.random.default_rng(0), [100, 101, 102]

    def publish(remote, text):
        name = remote.name.removeprefix("sugarcane/")
        (folder / name).write_bytes(text.encode())
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        return replace(remote, url=address + name, sha256=sha256)

    spectra, files = {}, {}
    for n, (name, remote) in enumerate(_sugarcane.SPECTRA.items(), start=4):
        spectra[name] = 900 + 6.5 * np.arange(n), rng.integers(-9, 99, (3, n)) / 100
        files[name] = publish(remote, as_text(spectra[name][0], ids, spectra[name][1]))
    monkeypatch.setattr(_sugarcane, "SPECTRA", files)
    text = "Sample;TS;CP;ADF;IVOMD\r\n100;4.76;7.03;40.69;36.77\r\n101;NA;2.37;29.45;57.98\r\n"
    text += "102;3.79;7.35;41.93;28.14\r\n"
    references = publish(_sugarcane.REFERENCES, text)
    monkeypatch.setattr(_sugarcane, "REFERENCES", references)
    return spectra


def test_downloads_and_reads_the_files(imitation, cache):
    cane = fetch_sugarcane()
    assert list(cane.X) == list(cane.wavelength) == NAMES
    for name, (axis, X) in imitation.items():
        np.testing.assert_array_equal(cane.wavelength[name], axis)
        np.testing.assert_array_equal(cane.X[name], X)
    expected = [
        [4.76, 7.03, 40.69, 36.77],
        [np.nan, 2.37, 29.45, 57.98],
        [3.79, 7.35, 41.93, 28.14],
    ]
    np.testing.assert_array_equal(cane.y, expected)
    assert cane.sample_id.tolist() == [100, 101, 102]
    assert cane.target_names == ["TS", "CP", "ADF", "IVOMD"]
    assert len(list((cache / "sugarcane").iterdir())) == 10  # no file of the cache itself


def test_a_kept_copy_is_read_without_a_connection(imitation, cache, site):
    first = fetch_sugarcane()
    for path in site[0].iterdir():
        path.unlink()
    np.testing.assert_array_equal(fetch_sugarcane(download_if_missing=False).y, first.y)


def test_instruments_stack_on_common_channels(imitation, cache):
    cane = fetch_sugarcane()
    rows = {name: (cane.X[name], cane.y[:, 1], cane.sample_id) for name in ("SCIO", "TellSpec")}
    axes = {name: cane.wavelength[name] for name in rows}
    X, y, _, sample_id = stack_instruments(rows, wavelength=axes)
    assert len(X) == len(y) == len(sample_id) == 6


def test_download_can_be_disabled(cache):
    with pytest.raises(FileNotFoundError, match=r"sugarcane/F750\.CSV"):
        fetch_sugarcane(download_if_missing=False)


def test_published_files(data_dir):
    """The published files, where present, have the numbers of the converted file."""
    try:
        cane = fetch_sugarcane(data_home=data_dir, download_if_missing=False)
    except FileNotFoundError:
        pytest.skip("the published files are not available")
    with np.load(data_dir / "sugarcane_chaix.npz") as data:
        np.testing.assert_array_equal(cane.sample_id, data["sample_id"].astype(int))
        for column, name in enumerate(cane.target_names):
            np.testing.assert_allclose(cane.y[:, column], data[name], rtol=1e-6)
        for name, X in cane.X.items():
            np.testing.assert_allclose(X, data[f"X_{name}"], atol=1e-7)
            np.testing.assert_allclose(cane.wavelength[name], data[f"wavelengths_{name}"])

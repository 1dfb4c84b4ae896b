"""`fetch_tablets`, on an imitation of the published files and on the files themselves."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from skspektron.datasets import _tablets, fetch_tablets


def test_reads_the_columns_by_their_names(tmp_path, monkeypatch, cache):
    head = "SampleType,weight,hardness,assay,600,602\n"
    targets = ["Train,378.5,20,200", "Validate,375,19.5,189", "Test,372,18,190.25"]
    files = {}
    for number, (name, remote) in enumerate(_tablets.FILES.items()):
        lines = [f"{row},{number}.5,{i}\n" for i, row in enumerate(targets)]
        content = (head + "".join(lines)).encode()
        (tmp_path / remote.name).write_bytes(content)
        files[name] = replace(remote, sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(_tablets, "FILES", files)
    tablets = fetch_tablets(data_home=tmp_path)
    np.testing.assert_array_equal(tablets.X["instrument1"], [[0.5, 0], [0.5, 1], [0.5, 2]])
    np.testing.assert_array_equal(tablets.X["instrument2"], [[1.5, 0], [1.5, 1], [1.5, 2]])
    np.testing.assert_array_equal(
        tablets.y, [[378.5, 20, 200], [375, 19.5, 189], [372, 18, 190.25]]
    )
    np.testing.assert_array_equal(tablets.wavelength, [600, 602])
    np.testing.assert_array_equal(tablets.sample_id, [1, 2, 3])
    assert tablets.target_names == ["weight", "hardness", "assay"]
    assert tablets.subset.tolist() == ["calibrate", "validate", "test"]


def test_download_can_be_disabled(cache):
    with pytest.raises(FileNotFoundError, match=r"Pharma_Instrument1\.csv"):
        fetch_tablets(download_if_missing=False)


def test_published_files(data_dir):
    tablets = fetch_tablets(data_home=data_dir, download_if_missing=False)
    assert [X.shape for X in tablets.X.values()] == [(655, 650), (655, 650)]
    np.testing.assert_array_equal(tablets.wavelength, np.arange(600.0, 1899.0, 2.0))
    np.testing.assert_array_equal(tablets.sample_id, np.arange(1, 656))
    names, counts = np.unique(tablets.subset, return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {
        "calibrate": 155,
        "validate": 40,
        "test": 460,
    }
    # One widely copied loader has these three permuted.
    spread = dict(zip(tablets.target_names, tablets.y.std(axis=0, ddof=1), strict=True))
    assert spread["weight"] == pytest.approx(4.75, abs=0.01)
    assert spread["hardness"] == pytest.approx(1.27, abs=0.01)
    assert spread["assay"] == pytest.approx(17.1, abs=0.1)
    for name, remote in _tablets.FILES.items():
        text = np.loadtxt(data_dir / remote.name, delimiter=",", dtype=str, max_rows=2)
        np.testing.assert_array_equal(tablets.X[name][0], text[1, 4:].astype(float))

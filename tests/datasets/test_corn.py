"""`fetch_corn`, on an imitation of the published file and on the file itself."""

import hashlib
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat
from scipy.io.matlab import MatlabObject

from skspektron.datasets import _corn, fetch_corn

FIELDS = [("data", object), ("axisscale", object)]


def dataset_object(data):
    """Return an Eigenvector DataSet object with the two fields that are read."""
    scales = np.empty((2, 2), dtype=object)
    for index in np.ndindex(2, 2):
        scales[index] = np.zeros((0, 0))
    scales[1, 0] = np.arange(1100, 2499, 2, dtype=np.uint16)[None]
    content = np.empty((1, 1), dtype=FIELDS)
    content["data"][0, 0], content["axisscale"][0, 0] = data, scales
    return MatlabObject(content, "dataset")


@pytest.fixture
def imitation(tmp_path, monkeypatch):
    """Write a corn.mat of random numbers and make it count as the published one."""
    rng = np.random.default_rng(0)
    rows = dict.fromkeys(["m5spec", "mp5spec", "mp6spec"], 80) | {
        "m5nbs": 3,
        "mp5nbs": 4,
        "mp6nbs": 4,
    }
    arrays = {name: rng.random((n, 700)) for name, n in rows.items()}
    arrays["propvals"] = rng.random((80, 4))
    path = tmp_path / "corn.mat"
    savemat(path, {name: dataset_object(array) for name, array in arrays.items()})
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(_corn, "FILE", replace(_corn.FILE, sha256=sha256))
    return path, arrays


def check_layout(corn):
    """Check the layout of any corn.mat."""
    assert list(corn.X) == list(corn.standards) == ["m5", "mp5", "mp6"]
    assert {X.shape for X in corn.X.values()} == {(80, 700)}
    assert [X.shape for X in corn.standards.values()] == [(3, 700), (4, 700), (4, 700)]
    assert corn.y.shape == (80, 4)
    assert corn.target_names == ["moisture", "oil", "protein", "starch"]
    np.testing.assert_array_equal(corn.wavelength, np.arange(1100.0, 2499.0, 2.0))
    np.testing.assert_array_equal(corn.sample_id, np.arange(1, 81))
    assert {a.dtype for a in (*corn.X.values(), corn.y, corn.wavelength)} == {np.dtype(float)}


def test_reads_dataset_objects(imitation, cache):
    path, arrays = imitation
    corn = fetch_corn(data_home=path.parent)
    check_layout(corn)
    for name in corn.X:
        np.testing.assert_array_equal(corn.X[name], arrays[f"{name}spec"])
        np.testing.assert_array_equal(corn.standards[name], arrays[f"{name}nbs"])
    np.testing.assert_array_equal(corn.y, arrays["propvals"])


def test_downloads_the_publishers_zip(imitation, cache, site, monkeypatch):
    path, arrays = imitation
    folder, address = site
    with zipfile.ZipFile(folder / "corn.mat_.zip", "w") as archive:
        archive.write(path, "corn.mat")
    monkeypatch.setattr(_corn, "FILE", replace(_corn.FILE, url=address + "corn.mat_.zip"))
    np.testing.assert_array_equal(fetch_corn().y, arrays["propvals"])
    assert (cache / "corn.mat").read_bytes() == path.read_bytes()


def test_download_can_be_disabled(cache):
    with pytest.raises(FileNotFoundError, match="eigenvector"):
        fetch_corn(download_if_missing=False)


def test_published_file(data_dir):
    corn = fetch_corn(data_home=data_dir, download_if_missing=False)
    check_layout(corn)
    np.testing.assert_array_equal(corn.y[0], [10.448, 3.687, 8.746, 64.838])
    np.testing.assert_allclose(corn.y.mean(axis=0), [10.23, 3.50, 8.67, 64.70], atol=0.006)
    np.testing.assert_allclose(corn.y.std(axis=0, ddof=1), [0.38, 0.18, 0.50, 0.82], atol=0.006)
    m5, mp5, mp6 = corn.X.values()
    assert np.abs(m5 - mp5).mean() > 3 * np.abs(mp5 - mp6).mean()

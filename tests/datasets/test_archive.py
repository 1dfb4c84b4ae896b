"""SpektraArchive: rows by number, different axes, labels, and errors that name the file."""

import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from skspektron.datasets import SpektraArchive
from skspektron.datasets._shard import Shard

AXIS = np.linspace(4000, 9000, 24)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(10, 24))


@pytest.fixture
def write(tmp_path):
    """Return a function that writes one file and returns its path."""

    def write(name="a", save=np.savez, **arrays):
        path = tmp_path / f"{name}.npz"
        save(path, **{"wavenumber": AXIS} | arrays)
        return path

    return write


def test_rows_are_those_of_the_files_in_order(write, X):
    write("b", X=X[4:], instrument=np.repeat(["p", "q"], 3), sample_id=np.arange(6))
    folder = write("a", X=X[:4], instrument="longer name", sample_id=[7, 8, 9, 9]).parent
    archive = SpektraArchive(folder)
    assert len(archive) == archive.n_samples == 10
    assert [path.name for path in archive.files] == ["a.npz", "b.npz"]
    rows = [9, 0, 3, 4, 4]
    np.testing.assert_array_equal(archive.read(rows), X[rows])
    assert archive.instrument.tolist() == ["longer name"] * 4 + ["p"] * 3 + ["q"] * 3
    assert archive.sample_id.tolist() == [7, 8, 9, 9, 0, 1, 2, 3, 4, 5]
    assert archive.domain is None and not archive.has_noise
    np.testing.assert_array_equal(SpektraArchive(archive.files[1]).read([0]), X[4:5])


@pytest.mark.parametrize("dtype", [np.float32, np.int16, ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_all_dtypes_and_orders_are_read(write, X, dtype, order):
    stored = (10 * X).astype(dtype, order=order)
    archive = SpektraArchive([write(X=stored)])
    np.testing.assert_array_equal(archive.read([2, 7]), stored[[2, 7]])


def test_axes_may_differ_and_equal_ones_are_merged(write, X):
    short = 1e7 / AXIS[:10]
    archive = SpektraArchive(
        [
            write("long", X=X[:3]),
            write("short", save=lambda p, **a: np.savez(p, X=X[3:5, :10], wavelength=short)),
            write("again", X=X[5:]),
        ]
    )
    assert archive.grid.tolist() == [0] * 3 + [1] * 2 + [0] * 5
    assert archive.n_channels == 24
    np.testing.assert_array_equal(archive.axes[0], AXIS)
    np.testing.assert_allclose(archive.axes[1], AXIS[:10])
    read = archive.read([3, 5])
    np.testing.assert_array_equal(read[0], np.r_[X[3, :10], np.full(14, np.nan)])
    np.testing.assert_array_equal(read[1], X[5])
    assert [len(axis) for axis in archive.axes_by_file().values()] == [24, 10, 24]
    assert repr(archive) == "SpektraArchive(n_files=3, n_samples=10, n_axes=2, n_channels=10-24)"


def test_domain_and_noise_of_rows(write, X):
    noise = np.linspace(1, 2, 24)
    files = [write("a", X=X[:2], noise=noise, domain="NIR"), write("b", X=X[2:], noise=2 * noise)]
    archive = SpektraArchive(files)
    assert archive.domain.tolist() == ["NIR"] * 2 + ["UNKNOWN"] * 8
    np.testing.assert_array_equal(archive.read_noise([5, 1]), [2 * noise, noise])


def test_only_requested_rows_are_read(write, X, monkeypatch):
    archive = SpektraArchive([write("a", X=X[:5]), write("b", X=X[5:])])
    read, calls = Shard.read, []
    monkeypatch.setattr(
        Shard, "read", lambda shard, rows: calls.append(rows.tolist()) or read(shard, rows)
    )
    archive.read([6, 8])
    assert calls == [[1, 3]]


def test_pickle_holds_no_spectra(write, X):
    archive = SpektraArchive(write(X=np.tile(X, (1000, 1))))
    content = pickle.dumps(archive)
    assert len(content) < archive.n_samples * 24
    np.testing.assert_array_equal(pickle.loads(content).read([9999]), X[9:])


def test_digest_is_of_the_content(write, X):
    digest = SpektraArchive(write("a", X=X)).digest
    assert SpektraArchive(write("another name", X=X, unused=3)).digest == digest
    others = [
        write("b", X=X + 1e-9),
        write("c", X=X, instrument="p"),
        write("d", X=X, wavenumber=AXIS + 1),
    ]
    assert len({digest, *(SpektraArchive(path).digest for path in others)}) == 4


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"save": np.savez_compressed}, r"a\.npz: X is compressed.* np\.savez, not"),
        ({"X": np.array([[1, "a"]], dtype=object)}, "type object.* not as objects"),
        ({"X": np.arange(24.0)}, r"X must be .* got shape \(24,\)"),
        ({"X": np.empty((0, 24))}, r"X must be .* got shape \(0, 24\)"),
        ({"wavenumber": AXIS[:5]}, r"a\.npz: wavenumber has shape \(5,\), X has 24 channels"),
        ({"wavelength": AXIS}, "both given"),
        ({"instrument": np.array([{}] * 10)}, "instrument cannot be read .*allow_pickle=False"),
        ({"instrument": ["p"] * 9}, r"instrument must have shape \(\) or \(10,\), got \(9,\)"),
        ({"sample_id": np.full(10, np.nan)}, "sample_id is missing .* on 10 of 10 rows"),
        ({"noise": np.ones(23)}, r"noise must have shape \(24,\) .* got shape \(23,\)"),
        ({"noise": np.zeros(24)}, r"positive value, got shape \(24,\) and at most 0"),
    ],
)
def test_errors_name_invalid_files(write, X, arrays, message):
    path = write(**{"X": X} | arrays)
    with pytest.raises(ValueError, match=message) as refusal:
        SpektraArchive(path)
    assert str(refusal.value).startswith(str(path))


def test_files_without_spectra_or_axis_raise(tmp_path, X):
    np.savez(path := tmp_path / "a.npz", spectra=X)
    with pytest.raises(ValueError, match=r"it has no X, only spectra\. Write spectra with"):
        SpektraArchive(path)
    np.savez(path, X=X)
    with pytest.raises(ValueError, match=r"the 24 channels have no axis\. Add wavenumber="):
        SpektraArchive(path)
    with pytest.raises(ValueError, match=r"has no \.npz files"):
        SpektraArchive([])
    with pytest.raises(FileNotFoundError, match="absent"):
        SpektraArchive(tmp_path / "absent.npz")


@pytest.mark.parametrize("cut", [slice(None, -7), slice(None, 1000), slice(40, None)])
def test_errors_name_damaged_files(write, X, cut):
    path = write(X=X)
    path.write_bytes(path.read_bytes()[cut])
    with pytest.raises(ValueError, match=r"a\.npz is not a readable .* write it again"):
        SpektraArchive(path)


def test_header_with_wrong_size_raises(write, X):
    path = write(X=X)
    path.write_bytes(path.read_bytes().replace(b"(10, 24)", b"(99, 24)"))
    with pytest.raises(ValueError, match=r"a\.npz is not a readable .*X needs 19008 bytes of 1920"):
        SpektraArchive(path)


def _set_header(path, name, header):
    """Replace the header of an array in a .npz file, as damage or a stranger would."""
    with zipfile.ZipFile(path) as file:
        content = {info.filename: file.read(info) for info in file.infolist()}
    npy = content[f"{name}.npy"]
    values = npy[10 + int.from_bytes(npy[8:10], "little") :]
    length = len(header).to_bytes(2, "little")
    content[f"{name}.npy"] = b"\x93NUMPY\x01\x00" + length + header + values
    with zipfile.ZipFile(path, "w") as file:
        for member, data in content.items():
            file.writestr(member, data)


SHAPES = [b"(99999999999999,)", b"(9" + b"9" * 40 + b",)", b"(-1,)", b"(25,)", b"(2,12)", b"24"]
HEADERS = [b"{'descr': '<f8', 'fortran_order': False, 'shape': %s}\n" % shape for shape in SHAPES]
HEADERS += [b"", b"{", b"[" * 5000, b"{'descr': '<f8'}\n", b"\xff\xfe\n", b"3\n", b"'" * 7]
HEADERS += [
    b"{'descr': '<U99999999', 'fortran_order': False, 'shape': (24,)}\n",
    b"{'descr': 7, 'fortran_order': False, 'shape': (24,)}\n",
    b"{'descr': [], 'fortran_order': False, 'shape': (24,)}\n",
    b"{'descr': '<f8', 'fortran_order': 3, 'shape': ('a',)}\n",
]


@pytest.mark.parametrize("name", ["X", "wavenumber", "noise", "instrument"])
@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[:60].decode("latin1"))
def test_damaged_headers_raise_a_value_error(write, X, name, header):
    path = write(X=X, noise=np.ones(24), instrument=np.arange(10.0))
    _set_header(path, name, header)
    with pytest.raises(ValueError, match=r"a\.npz") as caught:
        SpektraArchive(path)
    assert not isinstance(caught.value.__cause__, MemoryError)


def test_arrays_that_inflate_are_not_inflated(write, X):
    """60 kB that become 64 MB are refused by the size in the directory of the file."""
    path = write(X=X)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("instrument.npy", bytes(2**26))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"a\.npz: instrument has 67108864 bytes, too many"):
            SpektraArchive(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_changed_bytes_of_the_directory_raise_or_change_nothing(write, X):
    path = write(X=X[:2, :3], wavenumber=AXIS[:3], instrument=["p", "q"])
    whole = path.read_bytes()
    expected = SpektraArchive(path)
    for at in range(len(whole)):
        for bit in (1, 128):
            damaged = bytearray(whole)
            damaged[at] ^= bit
            path.write_bytes(damaged)
            try:
                archive = SpektraArchive(path)
            except (ValueError, TypeError) as error:
                assert str(path) in str(error)
            else:  # in X, or a byte that is not used
                assert archive.instrument.tolist() == expected.instrument.tolist()
                np.testing.assert_array_equal(archive.axes[0], expected.axes[0])


def test_files_with_different_labels_raise(write, X):
    plain = write("plain", X=X)
    with pytest.raises(ValueError, match=r"1 of 2 files have no instrument, such as .*plain"):
        SpektraArchive([plain, write("p", X=X, instrument="p")])
    with pytest.raises(ValueError, match="have no noise"):
        SpektraArchive([plain, write("p", X=X, noise=np.ones(24))])
    with pytest.raises(TypeError, match="sample_id is text in some of 2 files"):
        files = [write("p", X=X, sample_id=range(10)), write("q", X=X, sample_id="s")]
        SpektraArchive(files)


def test_rows_out_of_range_and_infinite_values_raise(write, X):
    X[3, 0] = np.inf
    archive = SpektraArchive(write(X=X))
    with pytest.raises(IndexError, match="rows must be from 0 to 9, got -1 to 10"):
        archive.read([-1, 10])
    assert np.isfinite(archive.read([2])).all()
    with pytest.raises(ValueError, match=r"a\.npz has 1 infinite values in the 2 rows"):
        archive.read([2, 3])


def test_reader_returns_rows_of_the_archive_and_is_small(write, X):
    files = [
        write("b", X=X[:6], sample_id=np.arange(6)),
        write("c", X=X[6:], sample_id=np.arange(4)),
    ]
    archive = SpektraArchive(files)
    for start, stop in ((0, 10), (2, 5), (4, 8), (6, 10), (9, 30), (10, 12)):
        read = pickle.loads(pickle.dumps(archive.reader(start, stop)))
        np.testing.assert_array_equal(read(), archive.read(np.arange(10)[start:stop]))
    assert archive.sample_id is not None and b"sample_id" not in pickle.dumps(read)

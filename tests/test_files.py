"""Atomic writing of files, and errors for damaged ones."""

import json
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron import LoRATransfer, _files
from skspektron._bridge import FrozenNetwork, _tensor_files, load_tensors, save_tensors
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer, _weights, describe_weights
from skspektron.foundation._weights import load_network, save_network, shipped_weights

PACKAGE = Path(_files.__file__).parent
SIZES = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
WAVENUMBER = np.linspace(9000, 4000, 24)


@pytest.fixture(scope="module")
def network():
    return FrozenNetwork.of(SIZES, new_network(SIZES, seed=0).state_dict())


@pytest.fixture
def weights_file(network, tmp_path):
    """Return a file of a small network."""
    save_network(tmp_path / "net.safetensors", network, {"history": []})
    return tmp_path / "net.safetensors"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch, error):
    path, write_bytes = tmp_path / "file", Path.write_bytes
    _files.write_atomically(path, b"old")

    def run_out(self, content):
        write_bytes(self, content[:2])
        raise error

    monkeypatch.setattr(Path, "write_bytes", run_out)
    with pytest.raises(type(error)) as caught:
        _files.write_atomically(path, b"new content")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["file"])
    if isinstance(error, OSError):
        assert caught.value.errno == 28
        assert "(11 bytes): No space left on device. An existing file is unchanged" in str(
            caught.value
        )


def test_error_names_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent/file could not be written \(3 bytes\)"):
        _files.write_atomically(tmp_path / "absent" / "file", b"new")


def test_simultaneous_writers_leave_one_whole_file(tmp_path, monkeypatch):
    """Threads, or containers that are both process 1, do not write to one temporary file."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    path, start = tmp_path / "file", Barrier(4)
    contents = [bytes([65 + n]) * (200_000 + n) for n in range(4)]

    def write(content):
        start.wait()
        for _ in range(20):
            _files.write_atomically(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, contents))
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("errno", [13, 30])
def test_failed_removal_does_not_hide_the_reason(tmp_path, monkeypatch, errno):
    """On a read-only disk the temporary file can be neither written nor removed."""

    def refuse(*args, **kwargs):
        raise OSError(errno, os.strerror(errno))

    def refuse_removal(*args, **kwargs):
        raise OSError(5, "the second error")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    monkeypatch.setattr(Path, "unlink", refuse_removal)
    with pytest.raises(OSError, match=rf"file could not be written .*{os.strerror(errno)}") as e:
        _files.write_atomically(tmp_path / "file", b"new")
    assert e.value.errno == errno


def test_files_have_the_permissions_of_the_umask(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    _files.write_atomically(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_stale_temporary_files_are_removed(tmp_path):
    path, now = tmp_path / "a[1].b", time.time()
    one = "17-0123456789abcdef"
    ages = {f".a[1].b.{one}.part": 7200, f".a[1].b.1{one}.part": 60, f".a1.b.{one}.part": 7200}
    ages[".a[1].b.1234567890123456.part"] = 7200  # a process may resume from this one
    for name, age in ages.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (now - age, now - age))
    _files.write_atomically(path, b"whole")
    assert names(tmp_path) == sorted([*list(ages)[1:], path.name])


@contextmanager
def full_disk():
    """Let no file grow beyond 1000 bytes."""
    resource = pytest.importorskip("resource", reason="Windows does not limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_leaves_the_old_files(tmp_path):
    X, settings = np.eye(12, 24), {"wavenumber": WAVENUMBER, "device": "cpu"}
    brief = {"max_steps": 1, "warmup_steps": 0, "random_state": 0}
    model = SpektronPretrainer(SIZES, **brief, **settings).fit(X)
    unsaved = SpektronPretrainer(SIZES, checkpoint=tmp_path / "checkpoint", **brief, **settings)
    calibration = make_pipeline(SpektronEmbedder(model, **settings), Ridge())
    transfer = LoRATransfer(calibration, source=0, target=1, n_transfer=3, max_epochs=1, rank=1)
    transfer.fit(X, X[:, 0], instrument=[0, 1] * 6, sample_id=np.arange(12) // 2)
    saves = {
        "weights": lambda path: model.save(path),
        "checkpoint": lambda path: unsaved.fit(X),
        "adapter": lambda path: transfer.save_adapter(path),
    }
    for name in ("adapter", "weights"):
        (tmp_path / name).write_bytes(b"what was there")
    for name, save in saves.items():
        with full_disk(), pytest.raises(OSError) as caught:
            save(tmp_path / name)
        assert re.search(rf"{name} could not be written \(\d{{4,}} bytes", str(caught.value))
        assert "An existing file is unchanged. Free disk space" in str(caught.value)
    assert names(tmp_path) == ["adapter", "weights"]
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"what was there"}


def test_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    X, path = np.random.default_rng(0).normal(size=(12, 24)), tmp_path / "run.safetensors"
    settings = {"wavenumber": WAVENUMBER, "max_steps": 6, "report_every": 2, "warmup_steps": 1}
    settings |= {"random_state": 0, "device": "cpu"}
    write_bytes, written = Path.write_bytes, []

    def run_out(self, content):
        if len(written) == 2:
            write_bytes(self, content[:100])
            raise OSError(28, "No space left on device")
        written.append(self)
        return write_bytes(self, content)

    model = SpektronPretrainer(SIZES, checkpoint=path, **settings)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", run_out)
        with pytest.raises(OSError, match="could not be written"):
            model.fit(X)
    assert (names(tmp_path), load_tensors(path)[1]["step"]) == (["run.safetensors"], 4)
    resumed, whole = model.fit(X), SpektronPretrainer(SIZES, **settings).fit(X)
    for name, tensor in whole.network_.tensors().items():
        assert torch.equal(resumed.network_.tensors()[name], tensor)


def test_changed_bytes_raise_or_change_nothing(tmp_path):
    path, tensors = tmp_path / "file", {"a": torch.arange(3.0), "b": torch.ones(2, 2).half()}
    save_tensors(path, tensors, {"x": 1})
    content, same = path.read_bytes(), 0
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 7
        path.write_bytes(changed)
        try:
            loaded, header = load_tensors(path)
        except ValueError as error:
            assert str(path) in str(error)
            continue
        same += 1
        assert header == {"x": 1} and loaded.keys() == tensors.keys()
        assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert same < 20  # unused bytes: the padding of the header


def test_changed_number_raises_with_both_checksums(weights_file):
    content = bytearray(weights_file.read_bytes())
    content[-1] ^= 1
    weights_file.write_bytes(content)
    message = r"net\.safetensors was changed after it was saved: .* is \w{12}, .* states \w{12}\."
    for read in (load_network, describe_weights, SpektronPretrainer.load):
        with pytest.raises(ValueError, match=message):
            read(weights_file)
    X = np.random.default_rng(0).normal(size=(2, 24))
    with pytest.raises(ValueError, match=message):
        SpektronEmbedder(weights_file, wavenumber=WAVENUMBER).fit(X)


@pytest.mark.parametrize("end", [0, 4, 8, 100, -1])
def test_truncated_file_raises(weights_file, end):
    weights_file.write_bytes(weights_file.read_bytes()[:end])
    with pytest.raises(ValueError, match=r"net\.safetensors is not a readable safetensors file"):
        load_network(weights_file)


def rewrite(path, change, checksum=True):
    """Save the tensors and the header of a file again after `change`, like a stranger would."""
    tensors, header = load_tensors(path)
    change(tensors, header)
    if checksum:
        save_tensors(path, tensors, header)
    else:
        save_file(tensors, path, metadata={"skspektron": json.dumps(header)})


def test_file_without_checksum_raises(weights_file):
    rewrite(weights_file, lambda tensors, header: None, checksum=False)
    for read in (load_network, describe_weights, SpektronPretrainer.load):
        with pytest.raises(ValueError, match=r"net\.safetensors has no checksum of its \d+"):
            read(weights_file)


def test_a_copy_of_shipped_weights_is_read_and_a_damaged_one_raises(tmp_path):
    whole = (files("skspektron") / "weights" / "small.safetensors").read_bytes()
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(whole)
    assert load_network(copy)[0] is _weights.resolve_weights("small")
    n_header = 8 + int.from_bytes(whole[:8], "little")
    for at in np.random.default_rng(0).integers(n_header, len(whole), size=20):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        copy.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"copy\.safetensors was changed after it was saved"):
            load_network(copy)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_raise(weights_file, value):
    def spoil(tensors, header):
        tensors["head.bias"][1] = value

    rewrite(weights_file, spoil)
    with pytest.raises(ValueError, match=r"head\.bias has 1 of \d+ values that are not finite"):
        load_network(weights_file)


CLAIMS = [
    {"n_layers": 10**7},
    {"n_attention_layers": 10**7, "n_heads": 2},
    {"n_experts": 10**7},
    {"decoder": "grid", "n_decoder_layers": 10**7, "n_heads": 2},
    {"d_model": 2**40},
    {"d_model": 10**30},
    {"d_state": 2**40},
    {"patch_length": 2**40},
    {"n_channels": 2**50, "decoder": "latent"},
    {"position": "learned"},
    {"position": "learned", "n_channels": 2**50},
    {"tokenizer": "raw", "kernel_length": 2**40 + 1},
    {"latent": "sphere", "d_latent": 2**40},
    {"d_model": "8"},
    {"dropout": "a"},
    {"d_model": None},
]


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_claimed_sizes_are_checked_before_anything_is_built(weights_file, monkeypatch, claim):
    rewrite(weights_file, lambda tensors, header: header["architecture"].update(claim))
    monkeypatch.setattr(FrozenNetwork, "of", None)  # nothing may be built
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"net\.safetensors contains \d+ tensors that are damaged"):
        load_network(weights_file)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("key", ["architecture", "record"])
@pytest.mark.parametrize("value", [None, 3, [1], "text"])
def test_header_with_other_types_raises(weights_file, key, value):
    rewrite(weights_file, lambda tensors, header: header.update({key: value}))
    with pytest.raises(ValueError, match=r"net\.safetensors does not contain a network"):
        load_network(weights_file)


def test_record_without_an_entry_raises(weights_file):
    with pytest.raises(ValueError, match="training record without parameters, n_steps"):
        describe_weights(weights_file)
    with pytest.raises(ValueError, match="training record without wavenumber, parameters"):
        SpektronPretrainer.load(weights_file)


def test_weights_of_another_type_raise(weights_file):
    rewrite(
        weights_file,
        lambda tensors, header: tensors.update({"head.bias": tensors["head.bias"].int()}),
    )
    with pytest.raises(ValueError, match=r"head\.bias must be \(\d+,\) torch.float32, got .*int32"):
        load_network(weights_file)


@pytest.mark.parametrize("text", ["{", "[1]", "3", "[" * 100_000])
def test_header_that_is_not_an_object_raises(tmp_path, text):
    tensors = {"a": torch.ones(2)}
    metadata = {"skspektron": text, "sha256": _tensor_files._checksum(text, tensors)}
    save_file(tensors, path := tmp_path / "bad", metadata=metadata)
    with pytest.raises(ValueError, match=rf"bad has a header of {len(text)} characters"):
        load_tensors(path)


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (2**63, "{}"),
        (99_000_000, "{}"),
        (None, '{"a":{"dtype":"F32","shape":[1099511627776,4],"data_offsets":[0,4]}}'),
        (None, '{"a":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,17179869184]}}'),
        (None, '{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}'),
    ],
)
def test_sizes_beyond_the_file_raise(tmp_path, length, header):
    content = (len(header) if length is None else length).to_bytes(8, "little") + header.encode()
    (tmp_path / "bomb").write_bytes(content + b"abcd")
    with pytest.raises(ValueError, match="bomb is not a readable safetensors file"):
        load_tensors(tmp_path / "bomb")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Return a copy of the folder of shipped weights that the package reads instead of its own."""
    shutil.copytree(files("skspektron") / "weights", tmp_path / "weights")
    monkeypatch.setattr(_weights, "files", lambda package: tmp_path)
    _weights._shipped.cache_clear()
    yield tmp_path / "weights"
    _weights._shipped.cache_clear()


def test_changed_shipped_weights_raise(shipped):
    assert describe_weights("small")["n_steps"] > 0
    content = bytearray((shipped / "small.safetensors").read_bytes())
    content[-1] ^= 1
    (shipped / "small.safetensors").write_bytes(content)
    X = np.random.default_rng(0).normal(size=(2, 24))
    embedder = SpektronEmbedder("small", wavenumber=WAVENUMBER)
    for use in (lambda: describe_weights("small"), lambda: embedder.fit(X)):
        with pytest.raises(ValueError, match=r"its SHA-256 is \w{12}, that of the file"):
            use()


def test_shipped_files_have_published_checksums():
    lines = (files("skspektron") / "weights" / "SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in lines] == [f"{n}.safetensors" for n in shipped_weights()]

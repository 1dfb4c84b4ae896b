"""embed_archive: equality with transform, memory use, resuming, complete files."""

import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skspektron.datasets import SpektraArchive
from skspektron.foundation import SpektronEmbedder, embed_archive
from skspektron.foundation import _embed_archive as module
from skspektron.preprocessing import SNV


@pytest.fixture
def make_archive(bunch, tmp_path):
    """Return a function that writes an archive with seven spectra per file."""

    def make(X, folder="archive", wavelength=bunch.wavelength):
        (tmp_path / folder).mkdir()
        for start in range(0, len(X), 7):
            path = tmp_path / folder / f"{start:06d}.npz"
            np.savez(path, X=X[start : start + 7], wavelength=wavelength)
        return SpektraArchive(tmp_path / folder)

    return make


@pytest.fixture
def embedder(pretrained, bunch, X):
    return SpektronEmbedder(pretrained, wavelength=bunch.wavelength, batch_size=4).fit(X)


@pytest.fixture
def forget(pretrained):
    """Return a function that clears the cache of embeddings."""
    return pretrained.network_._cache.clear


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_is_bitwise_equal_to_transform(embedder, make_archive, X, tmp_path, forget, n_jobs):
    expected = embedder.transform(X)
    forget()
    archive = make_archive(X)
    Z = embed_archive(embedder, archive, tmp_path / "Z.npy", chunk_size=8, n_jobs=n_jobs)
    assert Z.dtype == np.float32 and not Z.flags.writeable
    np.testing.assert_array_equal(Z, expected)
    np.testing.assert_array_equal(np.load(tmp_path / "Z.npy"), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Z.npy", "archive"]
    assert len(embedder.network_._cache) == 0  # a spectrum is seen once


@pytest.mark.parametrize("chunk_size", [1, 5, 24, 100])
def test_does_not_depend_on_chunk_size(embedder, make_archive, X, tmp_path, forget, chunk_size):
    model = make_pipeline(SNV(), embedder).fit(X)
    expected = model.transform(X)
    forget()
    Z = embed_archive(model, make_archive(X), tmp_path / "Z", chunk_size=chunk_size)
    np.testing.assert_allclose(Z, expected, atol=1e-5)


def test_an_interrupted_call_resumes(embedder, make_archive, X, tmp_path, monkeypatch, forget):
    archive, path, n_read = make_archive(X), tmp_path / "Z.npy", []
    embed = module._embed_chunk

    def interrupted(model, read):
        if len(n_read) == 4:
            raise KeyboardInterrupt
        n_read.append(len(embedded := embed(model, read)))
        return embedded

    monkeypatch.setattr(module, "CHUNKS_PER_JOB", 1)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_embed_chunk", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed_archive(embedder, archive, path, chunk_size=4)
    assert n_read == [8, 4, 4, 4]  # the probes, and half of the spectra
    assert not path.exists()
    [part] = tmp_path.glob("*.part")
    part.write_bytes(part.read_bytes()[:-3])  # killed while it wrote the third chunk
    n_read.clear()
    with monkeypatch.context() as patch:
        patch.setattr(module, "_embed_chunk", lambda *a: n_read.append(0) or embed(*a))
        Z = embed_archive(embedder, archive, path, chunk_size=4)
    assert len(n_read) == 1 + 4
    np.testing.assert_array_equal(Z, embedder.transform(X))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("is_killed", [False, True])
def test_concurrent_calls_do_not_mix_rows(
    embedder, make_archive, X, tmp_path, monkeypatch, is_killed
):
    archive, path, calls = make_archive(X), tmp_path / "Z.npy", []
    embed = module._embed_chunk

    def disturbed(model, read):
        calls.append(0)
        if len(calls) == 4:  # the probes and two chunks are done: another process does the same
            with pytest.raises(KeyboardInterrupt) if is_killed else nullcontext():
                embed_archive(embedder, archive, path, chunk_size=4)
        elif len(calls) == 8 and is_killed:
            raise KeyboardInterrupt
        return embed(model, read)

    monkeypatch.setattr(module, "CHUNKS_PER_JOB", 1)
    monkeypatch.setattr(module, "_embed_chunk", disturbed)
    Z = embed_archive(embedder, archive, path, chunk_size=4)
    assert len(calls) > 8
    np.testing.assert_array_equal(Z, embedder.transform(X))
    assert path.stat().st_size == Z.offset + Z.nbytes
    assert not list(tmp_path.glob(".*"))


def test_a_file_with_incomplete_header_is_restarted(
    embedder, make_archive, X, tmp_path, monkeypatch
):
    archive, path = make_archive(X), tmp_path / "Z.npy"
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", lambda *paths: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embed_archive(embedder, archive, path)
    [part] = tmp_path.glob("*.part")
    part.write_bytes(part.read_bytes()[:20])
    np.testing.assert_array_equal(
        embed_archive(embedder, archive, path, chunk_size=4), embedder.transform(X)
    )


def test_does_not_resume_from_another_model(embedder, make_archive, X, tmp_path, monkeypatch):
    archive, path = make_archive(X), tmp_path / "Z.npy"
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", lambda *paths: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embed_archive(embedder, archive, path)
    other = make_pipeline(SNV(), embedder).fit(X)
    Z = embed_archive(other, archive, path)
    np.testing.assert_allclose(Z, other.transform(X), atol=1e-5)


PEAK = """
import resource, sys, numpy as np
from skspektron.datasets import SpektraArchive
from skspektron.foundation import SpektronEmbedder, embed_archive
for path in sys.argv[1:]:
    archive = SpektraArchive(path)
    embedder = SpektronEmbedder(wavenumber=archive.axes[0], device="cpu").fit(archive.read([0, 1]))
    embed_archive(embedder, archive, path + ".npy", chunk_size=64)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted otherwise elsewhere")
def test_peak_memory_does_not_grow_with_the_archive(tmp_path):
    paths = [tmp_path / f"{n_spectra}.npz" for n_spectra in (256, 2048)]
    for path in paths:
        X = np.random.default_rng(0).normal(size=(int(path.stem), 300))
        np.savez(path, X=X, wavenumber=np.linspace(4000, 9000, 300))
    command = [sys.executable, "-c", PEAK, *map(str, paths)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    small, large = (int(line) / 1024 for line in printed.split())
    written = (tmp_path / "2048.npz.npy").stat().st_size / 2**20  # MiB, eight times that of 256
    assert written > 35
    assert large - small < 0.4 * written


def test_verbose_shows_progress(embedder, make_archive, X, tmp_path, capsys):
    archive = make_archive(X)
    embed_archive(embedder, archive, tmp_path / "1.npy")
    assert capsys.readouterr().err == ""
    embed_archive(embedder, archive, tmp_path / "2.npy", verbose=1)
    assert "24/24" in capsys.readouterr().err


def test_refusals(embedder, pretrained, make_archive, bunch, X, tmp_path):
    archive, path = make_archive(X), tmp_path / "Z.npy"
    with pytest.raises(TypeError, match=r"archive must be a SpektraArchive, got ndarray"):
        embed_archive(embedder, X, path)
    with pytest.raises(NotFittedError):
        embed_archive(SpektronEmbedder(pretrained), archive, path)
    with pytest.raises(ValueError, match=r"chunk_size must be an int of at least 1, got 0"):
        embed_archive(embedder, archive, path, chunk_size=0)
    with pytest.raises(FileNotFoundError, match="none' does not exist"):
        embed_archive(embedder, archive, tmp_path / "none" / "Z.npy")
    moved = make_pipeline(SNV(), SpektronEmbedder(pretrained, wavelength=bunch.wavelength + 5))
    with pytest.raises(ValueError, match=r"fitted on 60 channels from .* wavenumber=archive\.axes"):
        embed_archive(moved.fit(X), archive, path)
    short = make_archive(X[:, :50], "short", bunch.wavelength[:50])
    with pytest.raises(ValueError, match="The archive has 2 axes, and a model has one"):
        embed_archive(embedder, SpektraArchive([*archive.files, *short.files]), path)
    path.write_bytes(b"")
    with pytest.raises(FileExistsError, match="already exists"):
        embed_archive(embedder, archive, path)
    assert path.read_bytes() == b""

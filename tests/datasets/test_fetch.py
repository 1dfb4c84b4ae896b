"""Search, verification and download of published files."""

import hashlib
import socket
import time
import zipfile
from threading import Thread

import pytest

from skspektron.datasets import _fetch
from skspektron.datasets._fetch import RemoteFile, fetch

CONTENT = b"1100,1102\n0.1,0.2\n" * 50


def remote(address="http://127.0.0.1:9/", page="spectra.csv"):
    return RemoteFile("spectra.csv", address + page, hashlib.sha256(CONTENT).hexdigest())


def put(folder, content=CONTENT, name="spectra.csv"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_folders_are_searched_in_order(cache, tmp_path, monkeypatch):
    in_cache = put(cache)
    assert fetch(remote()) == in_cache
    in_environment = put(tmp_path / "environment")
    monkeypatch.setenv("SKSPEKTRON_DATA", str(tmp_path / "environment"))
    assert fetch(remote()) == in_environment
    in_home = put(tmp_path / "home")
    assert fetch(remote(), data_home=str(tmp_path / "home")) == in_home
    in_home.unlink()
    assert fetch(remote(), data_home=tmp_path / "home") == in_environment


@pytest.mark.parametrize("chosen", [True, False], ids=["data_home", "cache"])
def test_download_is_kept(chosen, cache, site, tmp_path):
    folder, address = site
    put(folder)
    data_home = tmp_path / "new" / "home" if chosen else None
    path = fetch(remote(address), data_home=data_home)
    assert path == (data_home or cache) / "spectra.csv"
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    (folder / "spectra.csv").unlink()
    assert fetch(remote(address), data_home=data_home) == path


def test_zip_is_opened(cache, site):
    folder, address = site
    with zipfile.ZipFile(folder / "spectra.zip", "w") as archive:
        archive.writestr("__MACOSX/._spectra.csv", "no spectra")
        archive.writestr("published/spectra.csv", CONTENT)
    path = fetch(remote(address, "spectra.zip"))
    assert path == cache / "spectra.csv" and path.read_bytes() == CONTENT


def test_zip_without_the_file(cache, site):
    folder, address = site
    with zipfile.ZipFile(folder / "spectra.zip", "w") as archive:
        archive.writestr("readme.txt", "moved")
    with pytest.raises(OSError, match=r"has \['readme.txt'\], not spectra.csv"):
        fetch(remote(address, "spectra.zip"))


@pytest.mark.parametrize("content", [CONTENT[:-1], b"another" + CONTENT, b""])
def test_error_names_a_damaged_file(content, cache):
    path = put(cache, content)
    with pytest.raises(ValueError, match=f"has {len(content)} bytes and SHA-256") as caught:
        fetch(remote())
    for needed in (str(path), remote().url, remote().sha256, "SKSPEKTRON_DATA"):
        assert needed in str(caught.value)


def test_damaged_download_raises_and_is_not_kept(cache, site):
    folder, address = site
    put(folder, CONTENT + b"x")
    with pytest.raises(ValueError, match=f"The download from {address}spectra.csv has 901 bytes"):
        fetch(remote(address))
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("page", ["absent.csv", "cut.csv"])
def test_error_of_a_failed_download_names_file_url_and_folder(page, cache, site):
    folder, address = site
    put(folder, name="cut.csv")
    with pytest.raises((OSError, ValueError)) as caught:
        fetch(remote(address, page))
    for needed in ("spectra.csv", address + page, str(cache), "SKSPEKTRON_DATA"):
        assert needed in str(caught.value)
    assert list(cache.iterdir()) == []


def test_no_server(cache, tmp_path):
    with pytest.raises(OSError, match="could not be downloaded") as caught:
        fetch(remote(), data_home=tmp_path)
    assert f"save spectra.csv in {tmp_path}" in str(caught.value)


def test_download_can_be_disabled(cache, site):
    folder, address = site
    put(folder)
    with pytest.raises(FileNotFoundError, match="none of 1 folders"):
        fetch(remote(address), download_if_missing=False)
    assert not cache.exists()


def test_zip_that_inflates_beyond_the_limit_is_not_inflated(cache, site, monkeypatch):
    """The size of the member is checked before anything is inflated."""
    folder, address = site
    with zipfile.ZipFile(folder / "spectra.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spectra.csv", bytes(_fetch.MAX_BYTES + 1))
    assert (folder / "spectra.zip").stat().st_size < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    with pytest.raises(OSError, match=r"spectra\.csv has 67108865 bytes in the zip, more than"):
        fetch(remote(address, "spectra.zip"))
    assert list(cache.iterdir()) == []


def test_download_beyond_the_limit_is_stopped(cache, site, monkeypatch):
    folder, address = site
    put(folder, bytes(2_000_000))
    monkeypatch.setattr(_fetch, "MAX_BYTES", 100_000)
    with pytest.raises(OSError, match="the download has more than 100000 bytes"):
        fetch(remote(address))
    assert list(cache.iterdir()) == []


def _drip(connection):
    """Answer with one byte at a time until the other side closes."""
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    try:
        while True:
            connection.sendall(b"0")
            time.sleep(0.05)
    except OSError:
        connection.close()


def test_slow_download_ends(cache, monkeypatch):
    """A server that sends a byte now and then does not keep the caller for ever."""
    monkeypatch.setattr(_fetch, "MAX_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=lambda: _drip(server.accept()[0]), daemon=True).start()
        start = time.perf_counter()
        with pytest.raises(OSError, match=r"the download took longer than 0\.5 s"):
            fetch(remote(f"http://127.0.0.1:{server.getsockname()[1]}/"))
    assert time.perf_counter() - start < 20


def test_damaged_zip_raises_one_error(cache, site):
    folder, address = site
    with zipfile.ZipFile(folder / "spectra.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spectra.csv", CONTENT)
    whole = (folder / "spectra.zip").read_bytes()
    for at in range(4, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 255
        (folder / "spectra.zip").write_bytes(damaged)
        try:
            path = fetch(remote(address, "spectra.zip"))
        except (OSError, ValueError) as error:
            assert "SKSPEKTRON_DATA" in str(error)
        else:  # a byte that does not matter, such as the time
            assert path.read_bytes() == CONTENT
            path.unlink()

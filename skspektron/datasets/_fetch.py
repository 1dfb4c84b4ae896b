"""Search, verification and download of the files of data sets."""

import hashlib
import os
import zipfile
import zlib
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import pooch

MAX_BYTES = 2**26  # of a download and of a file in a zip; the published files have at most 4 MB
MAX_SECONDS = 600.0  # of a download
BLOCK = 2**20  # bytes that are read at once


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, URL (of the file or of a zip with it) and SHA-256.

    The name may start with a folder, such as "sugarcane/F750.CSV", if it is a common one.
    """

    name: str
    url: str
    sha256: str


def fetch(remote: RemoteFile, data_home=None, download_if_missing: bool = True) -> Path:
    """Return the path of a verified copy of `remote`, downloaded if it is in no folder.

    Folders are searched in this order: `data_home`, the environment variable
    ``SKSPEKTRON_DATA``, the user's cache. A download is saved to `data_home`, or else to the
    cache. The first copy found is used; if it is damaged, an error is raised.

    Raises
    ------
    ValueError
        If the file found or downloaded is not the published one.
    OSError
        If the file is in no folder and cannot or must not be downloaded.
    """
    cache = Path(pooch.os_cache("skspektron"))
    folders = [data_home, os.environ.get("SKSPEKTRON_DATA"), cache]
    folders = [Path(folder).expanduser() for folder in folders if folder]
    for folder in folders:
        path = folder / remote.name
        if path.is_file():
            _verify(path, remote, folder, what=str(path))
            return path
    if not download_if_missing:
        raise FileNotFoundError(
            f"{remote.name} is in none of {len(folders)} folders: "
            f"{', '.join(map(str, folders))}. {_way_out(remote, folders[0])}"
        )
    return _download(remote, folders[0] if data_home else cache)


def _download(remote: RemoteFile, folder: Path) -> Path:
    """Download to a temporary folder, verify, and move to `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as scratch:
            received = Path(scratch, "download")
            _receive(remote.url, received)
            if zipfile.is_zipfile(received):
                received = _unzip(received, remote)
            _verify(received, remote, folder, what=f"The download from {remote.url}")
            path = folder / remote.name
            path.parent.mkdir(exist_ok=True)
            return received.replace(path)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise OSError(
            f"{remote.name} could not be downloaded from {remote.url} to {folder}: {error}. "
            f"{_way_out(remote, folder)}"
        ) from error


class _Limit:
    """Progress of pooch that ends a download which is too large, or no longer waited for."""

    total: int

    def __init__(self, path: Path):
        self.path, self.stopped = path, Event()

    def update(self, n: int) -> None:
        """Raise OSError to end the download."""
        if self.stopped.is_set():
            raise TimeoutError("the download was stopped")
        if self.path.stat().st_size > MAX_BYTES:
            raise OSError(f"the download has more than {MAX_BYTES} bytes")

    def reset(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _receive(url: str, path: Path) -> None:
    """Download within limits of size and of total time, however slowly a server answers."""
    limit, done = _Limit(path), Future[None]()

    def download() -> None:
        try:
            pooch.HTTPDownloader(timeout=30, progressbar=limit)(url, str(path), None)
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    # A daemon, as a read that waits for a slow server cannot be interrupted.
    thread = Thread(target=download, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS)
    if thread.is_alive():
        limit.stopped.set()
        raise TimeoutError(f"the download took longer than {MAX_SECONDS:g} s")
    done.result()


def _unzip(archive: Path, remote: RemoteFile) -> Path:
    """Extract the member of `archive` with the name of `remote` beside it."""
    with zipfile.ZipFile(archive) as opened:
        name = Path(remote.name).name
        members = [info for info in opened.infolist() if Path(info.filename).name == name]
        if not members:
            raise zipfile.BadZipFile(f"the zip has {opened.namelist()[:20]}, not {name}")
        if members[0].file_size > MAX_BYTES:  # zipfile reads no more than this size
            raise zipfile.BadZipFile(
                f"{name} has {members[0].file_size} bytes in the zip, more than {MAX_BYTES}"
            )
        member = archive.with_name("member")
        member.write_bytes(opened.read(members[0]))
    return member


def _verify(path: Path, remote: RemoteFile, folder: Path, *, what: str) -> None:
    """Raise ValueError if a file is not the published one."""
    content = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            content.update(block)
    found = content.hexdigest()
    if found != remote.sha256:
        raise ValueError(
            f"{what} has {path.stat().st_size} bytes and SHA-256 {found}, the published "
            f"{remote.name} has {remote.sha256}: it is damaged or another version. "
            f"{_way_out(remote, folder)}"
        )


def _way_out(remote: RemoteFile, folder: Path) -> str:
    """Return how to get the file manually."""
    return (
        f"Download {remote.url} and save {remote.name} in {folder}, or set SKSPEKTRON_DATA to "
        "the folder of the file."
    )

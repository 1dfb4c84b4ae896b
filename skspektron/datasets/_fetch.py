"""Search, verification and download of the files of data sets."""

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pooch


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, URL (of the file or of a zip with it) and SHA-256."""

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
        with TemporaryDirectory(dir=folder) as scratch:
            received = Path(scratch, "download")
            pooch.HTTPDownloader(timeout=30)(remote.url, str(received), None)
            if zipfile.is_zipfile(received):
                received = _unzip(received, remote)
            _verify(received, remote, folder, what=f"The download from {remote.url}")
            return received.replace(folder / remote.name)
    except (OSError, zipfile.BadZipFile) as error:
        raise OSError(
            f"{remote.name} could not be downloaded from {remote.url} to {folder}: {error}. "
            f"{_way_out(remote, folder)}"
        ) from error


def _unzip(archive: Path, remote: RemoteFile) -> Path:
    """Extract the member of `archive` with the name of `remote` beside it."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if Path(name).name == remote.name]
        if not names:
            raise zipfile.BadZipFile(f"the zip has {opened.namelist()}, not {remote.name}")
        member = archive.with_name("member")
        member.write_bytes(opened.read(names[0]))
    return member


def _verify(path: Path, remote: RemoteFile, folder: Path, *, what: str) -> None:
    """Raise ValueError if a file is not the published one."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
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

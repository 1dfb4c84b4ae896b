"""Atomic writing of files, and a digest that detects damage."""

import os
import time
from collections.abc import Iterable
from glob import escape
from hashlib import sha256
from pathlib import Path

STALE_SECONDS = 3600.0  # age after which the process of a temporary file must have been killed


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write or replace a file; if that fails, an existing file stays unchanged."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _remove_stale(path)
        temporary.write_bytes(content)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # some file systems report a full disk only here
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OSError(
            error.errno,
            f"{path} could not be written ({len(content)} bytes): {error.strerror}. An existing "
            "file is unchanged. Free disk space, or pass a path in a writable folder.",
        ) from error


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """Return the SHA-256 of all parts and their lengths."""
    content = sha256()
    for part in parts:
        content.update(len(part).to_bytes(8, "little"))
        content.update(part)
    return content.hexdigest()


def _remove_stale(path: Path) -> None:
    """Remove temporary files of this path that killed processes left."""
    for temporary in path.parent.glob(f".{escape(path.name)}.*.part"):
        by_process = temporary.name.split(".")[-2].isdecimal()
        try:
            if by_process and time.time() - temporary.stat().st_mtime > STALE_SECONDS:
                temporary.unlink()
        except OSError:  # another process removed it, or we may not
            continue

"""Atomic writing of files, and a digest that detects damage."""

import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from glob import escape
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

STALE_SECONDS = 3600.0  # age after which the process of a temporary file must have been killed
TEMPORARY = re.compile(r"\d+-[0-9a-f]{16}")  # process and random number, in the name of a file


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write or replace a file; if that fails, an existing file stays unchanged.

    Of several writers, also threads or containers with one process id, the last one wins.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(8)}.part")
    try:
        _remove_stale(path)
        temporary.write_bytes(content)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # some file systems report a full disk only here
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):  # on a read-only disk; `error` states the reason
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
        by_process = TEMPORARY.fullmatch(temporary.name.split(".")[-2])
        try:
            if by_process and time.time() - temporary.stat().st_mtime > STALE_SECONDS:
                temporary.unlink()
        except OSError:  # another process removed it, or we may not
            continue

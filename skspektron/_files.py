"""Files that are written whole or not at all, and what tells that they still are."""

import os
import time
from collections.abc import Iterable
from glob import escape
from hashlib import sha256
from pathlib import Path

LEFT_BEHIND = 3600.0  # seconds after which an unfinished file is that of a process that was killed


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Put a file in the place of another one; if that fails, the old one stays as it was."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _remove_unfinished(path)
        temporary.write_bytes(content)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # some disks tell only now that they are full
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OSError(
            error.errno,
            f"{path} could not be written, {len(content)} bytes: {error.strerror}. What was there "
            "before is unchanged. Free space, or pass a path in a folder that can be written to.",
        ) from error


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """Return the SHA-256 of parts whose ends count: moving bytes between them changes it."""
    content = sha256()
    for part in parts:
        content.update(len(part).to_bytes(8, "little"))
        content.update(part)
    return content.hexdigest()


def _remove_unfinished(path: Path) -> None:
    """Remove what killed processes left of earlier attempts to write this file."""
    for left in path.parent.glob(f".{escape(path.name)}.*.part"):
        by_process = left.name.split(".")[-2].isdecimal()
        try:
            if by_process and time.time() - left.stat().st_mtime > LEFT_BEHIND:
                left.unlink()
        except OSError:  # another process was faster, or it is not ours to remove
            continue

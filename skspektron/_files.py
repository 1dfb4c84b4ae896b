"""Atomic writing of files, JSON records with a checksum, and a digest that detects damage."""

import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from glob import escape
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

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


def write_record(
    path: str | os.PathLike[str], kind: str, version: int, record: dict[str, Any]
) -> None:
    """Write a record as one JSON object, with the kind of the file, a version and a checksum."""
    head = {"format": kind, "version": version, "sha256": checksum(record)}
    write_atomically(path, (json.dumps(head | record, indent=1) + "\n").encode())


def read_record(
    path: str | os.PathLike[str], kind: str, version: int, entries: Sequence[str]
) -> tuple[dict[str, Any], str]:
    """Return the entries of a file of `write_record`, and the checksum that is recorded in it."""
    try:
        content = json.loads(read_text(path))
        check_kind(path, kind, version, content["format"], content["version"])
        return {name: content[name] for name in entries}, content["sha256"]
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path} is not readable JSON ({error}). It may be truncated: write or copy it again."
        ) from error
    except (KeyError, TypeError) as error:
        raise lacks_entry(path, kind, error) from error


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")  # spreadsheets write a byte-order mark
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist. Pass the path of a saved file.") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text file ({error}). Pass a CSV or JSON file."
        ) from error


def check_kind(
    path: str | os.PathLike[str], kind: str, version: int, found: str, found_version: int
) -> None:
    """Raise ValueError for another kind of file or a later version."""
    if found != kind:
        raise ValueError(f"{path} must be a {kind!r}, got {found!r}. Pass a file of that kind.")
    if found_version > version:
        raise ValueError(
            f"{path} has version {found_version} of its format, this skspektron reads versions up "
            f"to {version}. Update skspektron, or write the file with this version."
        )


def check_sum(path: str | os.PathLike[str], record: dict[str, Any], expected: str) -> None:
    """Raise ValueError if the content of a file does not match its checksum."""
    found = checksum(record)
    if found != expected:
        raise ValueError(
            f"{path} was changed after it was written: its sha256 is {found[:12]}, the recorded "
            f"one is {str(expected)[:12]}. Write or copy it again, or remove the first line of a "
            "CSV file that you changed on purpose."
        )


def checksum(record: dict[str, Any]) -> str:
    """Return a digest of a record that does not depend on the file format."""
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def lacks_entry(path: str | os.PathLike[str], kind: str, error: Exception) -> ValueError:
    """Return the error for a file of which an entry is missing or has a wrong type."""
    name = kind.removeprefix("skspektron ")
    article = "an" if name[0] in "aeiou" else "a"
    return ValueError(
        f"{path} lacks an entry of {article} {name}: {error}. Pass a file that was written by "
        "skspektron."
    )


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

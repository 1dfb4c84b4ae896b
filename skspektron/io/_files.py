"""Which files are read, and by which reader."""

import os
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import numpy as np

from ._delimited import read_delimited
from ._jcamp import read_jcamp
from ._opus import MAGIC, read_opus
from ._spc import read_spc
from ._spectrum import Spectrum

_READERS: dict[str, Callable[[bytes], list[Spectrum]]] = {
    ".spc": read_spc,
    **dict.fromkeys((".jdx", ".dx", ".jcamp", ".jcm"), read_jcamp),
}
_DELIMITED = (".csv", ".tsv", ".txt")
_OPUS = re.compile(r"\.\d{1,4}")


def list_files(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    pattern: str | None,
    recursive: bool,
) -> list[Path]:
    """Return the files that a path stands for, those of a folder in the order of their names."""
    if isinstance(path, str | os.PathLike):
        path = Path(path)
        files = _in_folder(path, pattern, recursive) if path.is_dir() else [path]
        if not files:
            wanted = f"named {pattern!r}" if pattern else "with the ending of a known format"
            raise ValueError(
                f"{path} holds no file {wanted}. Check the folder, pass another pattern=, "
                "or recursive=True to look into its folders."
            )
    else:
        files = [Path(each) for each in path]
        if not files:
            raise ValueError("path holds 0 files. Pass a file, a folder, or a list of files.")
    missing = [file for file in files if not file.exists()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]} and {len(missing) - 1} more of {len(files)} files do not exist. "
            "Check the path."
        )
    return files


def _in_folder(folder: Path, pattern: str | None, recursive: bool) -> list[Path]:
    """Return the files of a folder; links to other folders are not followed."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        found += [Path(root, name) for name in names]
        if not recursive:
            folders.clear()
    return sorted(
        file
        for file in found
        if file.is_file() and (fnmatch(file.name, pattern) if pattern else _is_known(file))
    )


def _is_known(file: Path) -> bool:
    """Tell a file of spectra by the ending of its name."""
    ending = file.suffix.lower()
    return ending in _READERS or ending in _DELIMITED or bool(_OPUS.fullmatch(ending))


def read_file(file: Path, layout: str) -> list[Spectrum]:
    """Return the spectra of one file; what is wrong with it is a ValueError that names it."""
    try:
        raw = file.read_bytes()
        if not raw:
            raise ValueError("it is empty. Copy it from the instrument again.")
        with np.errstate(all="ignore"):
            spectra = _reader(file, raw, layout)(raw)
        if not spectra:
            raise ValueError("it holds no spectrum. Leave it out.")
        if any(np.isinf(spectrum.values).any() for spectrum in spectra):
            raise ValueError("some of its values are infinite. Export it again.")
        return spectra
    except ValueError as error:
        raise ValueError(f"{file} was not read: {error}") from error


def _reader(file: Path, raw: bytes, layout: str) -> Callable[[bytes], list[Spectrum]]:
    """Return the reader of a file, by the ending of its name, else by its first bytes."""
    ending = file.suffix.lower()
    if ending in _READERS:
        return _READERS[ending]
    if raw[:4] == MAGIC or _OPUS.fullmatch(ending):
        return read_opus
    if ending in _DELIMITED:
        return partial(read_delimited, layout=layout)
    if raw.lstrip()[:2] == b"##":
        return read_jcamp
    raise ValueError(
        f"its ending {ending!r} is of no format that is read: SPC (.spc), JCAMP-DX (.jdx, .dx, "
        ".jcamp, .jcm), OPUS (.0, .1, ...) and separated text (.csv, .tsv, .txt). Rename it."
    )

"""Selection of files and of their readers."""

import os
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import numpy as np

from ._axis_of_text import TextOptions
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
_WAYS_OUT = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), "Save its sheet as CSV."),
    ".mat": "Load it with scipy.io.loadmat, and pass its arrays to estimators.",
    **dict.fromkeys((".spa", ".spg", ".srs"), "Save it as SPC, JCAMP-DX or CSV in OMNIC."),
}
_MAX_VALUE = 1e20  # more than any instrument counts
_OPUS = re.compile(r"\.\d{1,4}")


def list_files(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    pattern: str | None,
    recursive: bool,
) -> list[Path]:
    """Return the files of a path; those of a folder sorted by name."""
    if isinstance(path, str | os.PathLike):
        path = Path(path)
        files = _in_folder(path, pattern, recursive) if path.is_dir() else [path]
        if not files:
            wanted = f"named {pattern!r}" if pattern else "with the suffix of a known format"
            raise ValueError(
                f"{path} has no file {wanted}. Check the folder, pass another pattern=, "
                "or recursive=True to read its subfolders."
            )
    else:
        files = [Path(each) for each in path]
        if not files:
            raise ValueError("path is empty. Pass a file, a folder, or a list of files.")
    missing = [file for file in files if not file.exists()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(files)} files do not exist, such as {missing[0]}. "
            "Check the path."
        )
    return files


def _in_folder(folder: Path, pattern: str | None, recursive: bool) -> list[Path]:
    """Return the files of a folder; links to folders are not followed."""
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
    """Return whether a file has the suffix of a known format."""
    suffix = file.suffix.lower()
    return suffix in _READERS or suffix in _DELIMITED or bool(_OPUS.fullmatch(suffix))


def read_file(file: Path, options: TextOptions) -> list[Spectrum]:
    """Return the spectra of one file; a ValueError names the file."""
    try:
        raw = file.read_bytes()
        if not raw:
            raise ValueError("it is empty. Copy it from the instrument again.")
        with np.errstate(all="ignore"):
            spectra = _reader(file, raw, options)(raw)
        if not spectra:
            raise ValueError("it has no spectrum. Remove it.")
        if any(np.isinf(spectrum.values).any() for spectrum in spectra):
            raise ValueError("it has infinite values. Export it again.")
        largest = max(np.nanmax(np.abs(spectrum.values), initial=0.0) for spectrum in spectra)
        if largest > _MAX_VALUE:
            raise ValueError(
                f"it has values up to {largest:.2g}, as bytes at the wrong place give them. "
                "It is damaged: copy it from the instrument again."
            )
        return spectra
    except ValueError as error:
        raise ValueError(f"{file} was not read: {error}") from error


def _reader(file: Path, raw: bytes, options: TextOptions) -> Callable[[bytes], list[Spectrum]]:
    """Return the reader of a file, by its suffix or else by its first bytes."""
    suffix = file.suffix.lower()
    if suffix in _READERS:
        return _READERS[suffix]
    if raw[:4] == MAGIC or _OPUS.fullmatch(suffix):
        return read_opus
    if suffix in _DELIMITED:
        return partial(read_delimited, options=options)
    if raw.lstrip()[:2] == b"##":
        return read_jcamp
    raise ValueError(
        f"its suffix {suffix!r} is not one of SPC (.spc), JCAMP-DX (.jdx, .dx, .jcamp, .jcm), "
        "OPUS (.0, .1, ...) or delimited text (.csv, .tsv, .txt). "
        + _WAYS_OUT.get(
            suffix, "Rename the file if it has one of these formats, or export it in one."
        )
    )

"""One file of an archive: the location of its spectra, its axis and its labels."""

import math
import os
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._validation import check_axis, check_labels

# Header of a zip member: signature, lengths of name and extra field.
LOCAL_HEADER = struct.Struct("<4s22xHH")
SIGNATURE = b"PK\x03\x04"
# End of a zip: signature and number of members.
END_RECORD = struct.Struct("<4s6xH10x")
END_SIGNATURE = b"PK\x05\x06"
MAX_HEADER = 2**16  # bytes before the values of an array
MAX_LABEL = 2**12  # bytes of one value of an array other than X
# What numpy and zipfile raise for damaged headers, beside ValueError.
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    tokenize.TokenError,
    SyntaxError,
    MemoryError,
    RuntimeError,  # of an encrypted file, also RecursionError and NotImplementedError
    OverflowError,
    LookupError,
    AttributeError,
)
SIDE_ARRAYS = ("wavenumber", "wavelength", "noise", "instrument", "sample_id", "domain")


@dataclass(frozen=True, eq=False)
class Shard:
    """A file of `np.savez` whose spectra are read when needed."""

    path: Path
    offset: int  # of the first value, in bytes
    shape: tuple[int, int]
    dtype: np.dtype
    order: Literal["C", "F"]
    content: str  # names, checksums and sizes of the arrays used
    axis: NDArray[Any]  # (n_channels,) in cm-1
    noise: NDArray[Any] | None  # (n_channels,) standard deviations

    def read(self, rows: NDArray[Any] | slice) -> NDArray[Any]:
        """Return rows, (n_rows, n_channels), without reading the rest of the file."""
        # Mapped at each read, since an open map keeps a file descriptor.
        stored = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, self.order)
        X = stored[rows].astype(np.float64)
        if np.isinf(X).any():
            raise ValueError(
                f"{self.path} has {np.isinf(X).sum()} infinite values in the {len(X)} rows read. "
                "Write NaN for channels that were not measured."
            )
        return X


def open_shard(path: Path) -> tuple[Shard, dict[str, NDArray[Any] | None]]:
    """Return a file and its labels by name after checking that rows can be read."""
    try:
        with zipfile.ZipFile(path) as file:
            members = {info.filename.removesuffix(".npy"): info for info in file.infolist()}
            _check_directory(path, file)
        place = _find_spectra(path, members)
        with np.load(path, allow_pickle=False) as file:
            small = {
                name: _load(file, name, members[name], max(place["shape"]))
                for name in SIDE_ARRAYS
                if name in file.files
            }
        n_rows, n_channels = place["shape"]
        axis, noise = _check_channels(small, n_channels)
        labels = _check_labels(small, n_rows)
    except DAMAGES as error:
        raise ValueError(
            f"{path} is not a readable .npz file ({error}). It may be truncated: write it again "
            "with np.savez."
        ) from error
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{path}: {error}") from error
    used = [(name, members[name]) for name in ("X", *SIDE_ARRAYS) if name in members]
    content = " ".join(f"{name} {info.CRC} {info.file_size}" for name, info in used)
    return Shard(path=path, content=content, axis=axis, noise=noise, **place), labels


def _check_directory(path: Path, file: zipfile.ZipFile) -> None:
    """Raise BadZipFile unless all members are in the directory, under their names."""
    with open(path, "rb") as raw:
        raw.seek(-END_RECORD.size - len(file.comment), os.SEEK_END)
        signature, n_members = END_RECORD.unpack(raw.read(END_RECORD.size))
    known = signature == END_SIGNATURE and n_members != 0xFFFF  # then the number is elsewhere
    if known and n_members != len(file.infolist()):
        raise zipfile.BadZipFile(f"its directory has {len(file.infolist())} of {n_members} members")
    for info in file.infolist():
        try:
            file.open(info).close()
        except (ValueError, OSError) as error:  # an offset outside the file
            raise zipfile.BadZipFile(f"{info.filename} is not at its offset") from error


def _find_spectra(path: Path, members: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    """Return the offset of `X` in an uncompressed file, its shape and type."""
    if "X" not in members:
        raise ValueError(
            f"it has no X, only {', '.join(members) or 'nothing'}. "
            "Write spectra with np.savez(path, X=..., wavenumber=...)."
        )
    info = members["X"]
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(
            f"X is compressed from {info.file_size} to {info.compress_size} bytes, so that single "
            "rows cannot be read. Write it with np.savez, not np.savez_compressed."
        )
    with open(path, "rb") as file:
        begin = file.read(len(SIGNATURE))
        file.seek(info.header_offset)
        signature, n_name, n_extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        if (begin, signature) != (SIGNATURE, SIGNATURE):
            raise zipfile.BadZipFile("its members are not at the offsets in its directory")
        start = file.seek(n_name + n_extra, os.SEEK_CUR)
        shape, fortran, dtype = _read_header(file)
        offset = file.tell()
    if dtype.kind not in "fiu" or len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"X must be an array of numbers of shape (n_samples, n_channels), got shape {shape} "
            f"and type {dtype}. Write X as such an array, not as objects."
        )
    n_bytes = dtype.itemsize * shape[0] * shape[1]
    if offset - start + n_bytes != info.file_size:
        raise zipfile.BadZipFile(f"X needs {n_bytes} bytes of {info.file_size - offset + start}")
    return {"offset": offset, "shape": shape, "dtype": dtype, "order": "F" if fortran else "C"}


def _read_header(file) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, order and type of the array at the position of the file."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _load(file, name: str, info: zipfile.ZipInfo, length: int) -> NDArray[Any]:
    """Return an array other than X; arrays of Python objects, which may run code, raise."""
    if info.file_size > MAX_HEADER + length * MAX_LABEL:
        raise ValueError(
            f"{name} has {info.file_size} bytes, too many for {length} rows or channels. "
            "Write one value per row or channel."
        )
    try:
        with file.zip.open(info) as member:  # the header, before memory is allocated for it
            shape, _, dtype = _read_header(member)
            n_bytes, n_stored = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if not dtype.hasobject and n_bytes != n_stored:
            raise zipfile.BadZipFile(f"{name} needs {n_bytes} bytes of {n_stored}")
        return file[name]
    except ValueError as error:
        raise ValueError(
            f"{name} cannot be read ({error}). Write it as an array of numbers or strings."
        ) from error


def _check_channels(
    small: dict[str, NDArray[Any]], n_channels: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the axis in cm-1 and the noise of each channel."""
    axis = check_axis(
        wavelength=small.get("wavelength"),
        wavenumber=small.get("wavenumber"),
        n_features=n_channels,
    )
    if axis is None:
        raise ValueError(
            f"the {n_channels} channels have no axis. "
            "Add wavenumber= (cm-1) or wavelength= (nm) to np.savez."
        )
    noise = small.get("noise")
    if noise is not None and (noise.shape != (n_channels,) or not (noise > 0).any()):
        raise ValueError(
            f"noise must have shape ({n_channels},) and a positive value, got shape "
            f"{noise.shape} and at most {noise.max(initial=0):g}. Write one standard deviation per "
            "channel."
        )
    return axis, noise


def _check_labels(small: dict[str, NDArray[Any]], n_rows: int) -> dict[str, NDArray[Any] | None]:
    """Return labels (n_rows,) by name, from one label for all rows or one for each."""
    labels: dict[str, NDArray[Any] | None] = {}
    for name in ("instrument", "sample_id", "domain"):
        given = small.get(name)
        if given is not None and given.shape not in ((), (n_rows,)):
            raise ValueError(
                f"{name} must have shape () or ({n_rows},), got {given.shape}. Write one label per "
                "row, or one for all."
            )
        row = None if given is None else np.broadcast_to(given, n_rows)
        labels[name] = None if row is None else check_labels(row, n_rows, name)
    return labels

"""Spectra in many files that do not fit in memory together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._parameters import PATH, Rules, Several, check_arguments
from .._typing import PathLike
from .._warnings import warning_once
from ._shard import Shard, open_shard


class SpektraArchive:
    """Spectra in many files, of which only the requested rows are read.

    `SpektronPretrainer` trains on an archive if the spectra do not fit in memory. Files may have
    different axes; spectra are not resampled.

    Parameters
    ----------
    files : path-like or sequence of path-like
        A folder, whose .npz files are used in the order of their names, or the files. Each is
        written by ``np.savez`` with

        - `X`, the spectra, (n_rows, n_channels), NaN where not measured;
        - `wavenumber` in cm-1 or `wavelength` in nm, the axis, (n_channels,);
        - `instrument`, `sample_id`: optional labels, (n_rows,) or one for all rows;
        - `domain`: optional kind of spectra, "NIR", "IR" or "RAMAN", likewise;
        - `noise`: optional standard deviation of the noise of each channel, (n_channels,).

        `instrument`, `sample_id` and `noise` must be in all files or in none.

    Attributes
    ----------
    files : list of Path
        The files; rows are numbered through them in this order.
    n_samples : int
        Number of spectra, also the length of the archive.
    n_channels : int
        Number of channels of the longest axis.
    axes : list of ndarray of shape (n_channels,)
        Distinct axes in cm-1, which may differ in length.
    grid : ndarray of shape (n_samples,)
        Index in `axes` of the axis of each spectrum.
    instrument, sample_id : ndarray of shape (n_samples,) or None
        Labels of instrument and of physical sample.
    domain : ndarray of shape (n_samples,) or None
        Kind of each spectrum, "UNKNOWN" if its file has no `domain`; None if no file has one.
    has_noise : bool
        Whether the files contain `noise`.
    digest : str
        Digest of the data, from the checksums and sizes of the arrays in the files.

    See Also
    --------
    skspektron.foundation.SpektronPretrainer : Accepts an archive instead of `X`.
    skspektron.model_selection.stack_instruments : Stacks several instruments in one array.

    Notes
    -----
    Opening an archive reads everything but the spectra `X`. Files are opened only while rows are
    read, so that archives of thousands of files can be pickled and sent to other processes.
    Adjacent rows are read fastest: write spectra in random order, or in a few large files. Damage
    inside `X` is not detected, since checking it would require reading all of `X`.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from skspektron.datasets import SpektraArchive
    >>> folder = tempfile.TemporaryDirectory()
    >>> np.savez(f"{folder.name}/a.npz", X=np.eye(3), wavenumber=[4000, 4500, 5000])
    >>> np.savez(f"{folder.name}/b.npz", X=np.ones((2, 2)), wavelength=[1100, 1200])
    >>> archive = SpektraArchive(folder.name)
    >>> archive
    SpektraArchive(n_files=2, n_samples=5, n_axes=2, n_channels=2-3)
    >>> archive.read([1, 4])
    array([[ 0.,  1.,  0.],
           [ 1.,  1., nan]])
    >>> folder.cleanup()
    """

    _parameters: ClassVar[Rules] = {
        "files": PATH | Several(PATH),
    }

    def __init__(self, files: PathLike | Sequence[PathLike]):
        check_arguments(type(self), locals())
        self.files = _list_files(files)
        with warning_once():
            opened = [open_shard(path) for path in self.files]
        shards = [shard for shard, _ in opened]
        self.axes, which = _distinct([shard.axis for shard in shards])
        self._shards = [
            replace(shard, axis=self.axes[axis]) for shard, axis in zip(shards, which, strict=True)
        ]
        self.n_channels = max(map(len, self.axes))
        self._start = np.cumsum([0, *(shard.shape[0] for shard in shards)])
        self.n_samples = int(self._start[-1])
        self.grid = np.repeat(which, np.diff(self._start))
        self.digest = sha256("\n".join(shard.content for shard in shards).encode()).hexdigest()
        self.has_noise = self._in_all("noise", [shard.noise for shard in shards])
        labels = {name: [each[name] for _, each in opened] for name in opened[0][1]}
        self.instrument = self._join("instrument", labels["instrument"])
        self.sample_id = self._join("sample_id", labels["sample_id"])
        self.domain = self._join("domain", self._or_unknown(labels["domain"]))

    def __len__(self) -> int:
        return self.n_samples

    def __repr__(self) -> str:
        lengths = sorted({len(axis) for axis in self.axes})
        channels = "-".join(map(str, lengths[:1] + lengths[1:][-1:]))
        return (
            f"{type(self).__name__}(n_files={len(self.files)}, n_samples={self.n_samples}, "
            f"n_axes={len(self.axes)}, n_channels={channels})"
        )

    def read(self, rows: ArrayLike) -> NDArray[Any]:
        """Return spectra by row number, (n_rows, n_channels), with NaN after the end of an axis."""
        return self._place(rows, Shard.read)

    def read_noise(self, rows: ArrayLike) -> NDArray[Any]:
        """Return the noise of spectra by row number, (n_rows, n_channels)."""
        return self._place(rows, lambda shard, rows: shard.noise)

    def reader(self, start: int, stop: int) -> Callable[[], NDArray[Any]]:
        """Return a function that reads the spectra in ``range(start, stop)``.

        It is smaller to send to another process than the archive with the labels of all spectra.
        """
        pieces = []
        for shard, begin in zip(self._shards, self._start, strict=False):
            rows = slice(max(start - begin, 0), min(stop - begin, shard.shape[0]))
            if rows.start < rows.stop:
                pieces.append((shard, rows))
        return partial(_read_pieces, pieces, self.n_channels)

    def axes_by_file(self) -> dict[str, NDArray[Any]]:
        """Return the axis of each file in cm-1."""
        return {str(shard.path): shard.axis for shard in self._shards}

    def _place(self, rows, read) -> NDArray[Any]:
        """Return what `read` returns for each row, (n_rows, n_channels)."""
        rows = np.asarray(rows)
        if rows.size and not 0 <= rows.min() <= rows.max() < self.n_samples:
            raise IndexError(
                f"rows must be from 0 to {self.n_samples - 1}, got {rows.min()} to {rows.max()}. "
                "Pass row numbers of the archive."
            )
        placed = np.full((len(rows), self.n_channels), np.nan)
        which = np.searchsorted(self._start, rows, side="right") - 1
        for index in np.unique(which):
            here, shard = which == index, self._shards[index]
            placed[here, : len(shard.axis)] = read(shard, rows[here] - self._start[index])
        return placed

    def _join(self, name: str, labels: list[NDArray[Any] | None]) -> NDArray[Any] | None:
        """Return the labels of all rows, or None if no file has them."""
        if not self._in_all(name, labels):
            return None
        found = [array for array in labels if array is not None]
        if len({array.dtype.kind in "US" for array in found}) > 1:
            raise TypeError(
                f"{name} is text in some of {len(found)} files and numbers in others. "
                "Write the same kind in all files."
            )
        return np.concatenate(found)

    def _in_all(self, name: str, found: list[Any]) -> bool:
        """Return whether all files have an array; raise ValueError if only some do."""
        missing = [path for path, one in zip(self.files, found, strict=True) if one is None]
        if 0 < len(missing) < len(found):
            raise ValueError(
                f"{len(missing)} of {len(found)} files have no {name}, such as {missing[0]}. "
                "Write it in all files or in none."
            )
        return not missing

    def _or_unknown(self, domains: list[NDArray[Any] | None]) -> list[NDArray[Any] | None]:
        """Return kinds of spectra, with "UNKNOWN" for files without if others have them."""
        if all(domain is None for domain in domains):
            return domains
        counts = np.diff(self._start)
        return [
            np.repeat("UNKNOWN", n) if domain is None else domain
            for domain, n in zip(domains, counts, strict=True)
        ]


def _list_files(files) -> list[Path]:
    """Return the files of a folder sorted by name, or the given files."""
    single = isinstance(files, str | os.PathLike)
    if single and Path(files).is_dir():
        found = sorted(Path(files).glob("*.npz"))
    else:
        found = [Path(path) for path in ([files] if single else files)]
    if not found:
        raise ValueError(
            f"{files} has no .npz files. Pass a folder of files written by np.savez, or the files."
        )
    return found


def _read_pieces(pieces: list[tuple[Shard, slice]], n_channels: int) -> NDArray[Any]:
    """Return stacked slices of files, (n_rows, n_channels)."""
    counts = [rows.stop - rows.start for _, rows in pieces]
    placed = np.full((sum(counts), n_channels), np.nan)
    for (shard, rows), stop in zip(pieces, np.cumsum(counts), strict=True):
        placed[stop - (rows.stop - rows.start) : stop, : len(shard.axis)] = shard.read(rows)
    return placed


def _distinct(axes: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Return the distinct axes, and the index of each axis among them."""
    number: dict[bytes, int] = {}
    which = [number.setdefault(axis.tobytes(), len(number)) for axis in axes]
    return [np.frombuffer(content) for content in number], np.array(which)

"""Embeddings of archives that do not fit into memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from .._parameters import PATH, Integer, Kind, check_arguments, declares, having
from .._typing import N_JOBS, VERBOSE, PathLike
from ._corpus import is_archive

if TYPE_CHECKING:
    from ..datasets import SpektraArchive

CHUNKS_PER_JOB = 4  # chunks per job between two points where all workers are waited for
N_PROBES = 8  # spectra whose embeddings identify the model
DTYPE = np.dtype("<f4")


@declares(
    model=having("a fitted embedder", "transform", way_out="Pass a SpektronEmbedder."),
    archive=Kind("a SpektraArchive", is_archive, way_out="Pass arrays to model.transform."),
    path=PATH,
    chunk_size=Integer(1),
    n_jobs=N_JOBS,
    verbose=VERBOSE,
)
def embed_archive(
    model: BaseEstimator,
    archive: SpektraArchive,
    path: PathLike,
    *,
    chunk_size: int = 256,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> NDArray[np.float32]:
    """Embed all spectra of an archive and write the embeddings to a file.

    This is ``model.transform`` for spectra that do not fit into memory. They are read, embedded and
    written in chunks, several at a time with joblib, which can use a Dask cluster.

    Parameters
    ----------
    model : fitted transformer
        A `SpektronEmbedder`, or a `Pipeline` with one, such as ``make_pipeline(SNV(), embedder)``,
        fitted on some spectra of the archive.
    archive : SpektraArchive
        Spectra on one axis, in files that all processes can read by the same paths.
    path : path-like
        File to write, for `numpy.load`. It must not exist.
    chunk_size : int, default=256
        Spectra per chunk; affects memory and speed. With a multiple of the embedder's `batch_size`
        the embeddings are bit-identical to those of `transform` on all spectra at once.
    n_jobs : int, default=None
        Number of chunks embedded in parallel, as in joblib.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    embeddings : memmap of shape (n_samples, n_outputs)
        The embeddings in the order of the archive, float32. Rows are read into memory when they
        are used.

    See Also
    --------
    skspektron.datasets.SpektraArchive : Describes the files.
    skspektron.model_selection.dask_parallel : Runs joblib on a Dask cluster.

    Notes
    -----
    Only the calling process writes. An interrupted call leaves a ``.part`` file next to `path`; the
    same call resumes after its last complete chunk and renames it at the end, so the file at
    `path` is always complete. Memory use is four chunks and their embeddings per job, whatever the
    size of the archive. Embeddings are not cached.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from skspektron.datasets import SpektraArchive, make_instruments
    >>> from skspektron.foundation import SpektronEmbedder, embed_archive
    >>> data, folder = make_instruments(6, random_state=0), tempfile.TemporaryDirectory()
    >>> np.savez(f"{folder.name}/a.npz", X=data.X["A"], wavelength=data.wavelength)
    >>> embedder = SpektronEmbedder(wavelength=data.wavelength, pooling="mean").fit(data.X["A"])
    >>> embed_archive(embedder, SpektraArchive(folder.name), f"{folder.name}/embeddings.npy").shape
    (6, 16)
    """
    check_arguments(embed_archive, locals())
    path = Path(path)
    _check(model, archive, path)
    probes, name = _identify(model, archive)
    part = path.with_name(f".{path.name}.{name}.part")
    part.touch()
    # Not mode "a", in which another process with the same call would duplicate rows.
    with part.open("r+b") as file:
        done = _find_end(file, (len(archive), probes.shape[1]), chunk_size)
        rows = range(done, len(archive), chunk_size)
        with tqdm(total=len(archive), initial=done, disable=not verbose, desc="embed") as bar:
            for embeddings in _embed(model, archive, rows, n_jobs):
                file.write(embeddings.tobytes())
                bar.update(len(embeddings))
        file.flush()
        os.fsync(file.fileno())  # some disks report only here that they are full
    with suppress(FileNotFoundError):  # another process with the same call was faster
        os.replace(part, path)
    return np.load(path, mmap_mode="r")


def _check(model: Any, archive: Any, path: Path) -> None:
    """Raise for arguments that cannot be embedded or written."""
    check_is_fitted(model)
    if path.exists():
        raise FileExistsError(f"{path} already exists. Pass another path, or delete the file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {str(path.parent)!r} does not exist. Create it first.")
    if len(archive.axes) > 1:
        raise ValueError(
            f"The archive has {len(archive.axes)} axes, and a model has one. Embed the files of "
            "each axis separately; archive.axes_by_file() lists them."
        )
    _check_axis(model, archive.axes[0])


def _check_axis(model: Any, axis: NDArray[Any]) -> None:
    """Raise ValueError if the embedder was fitted on another axis than that of the files."""
    steps = [model, *(step for _, step in getattr(model, "steps", []))]
    for known in (step.wavenumber_ for step in steps if hasattr(step, "wavenumber_")):
        if known.shape != axis.shape or not np.allclose(known, axis, rtol=1e-6):
            raise ValueError(
                f"The model was fitted on {len(known)} channels from {known[0]:.1f} to "
                f"{known[-1]:.1f} cm-1, the archive has {len(axis)} from {axis[0]:.1f} to "
                f"{axis[-1]:.1f}. Fit it with wavenumber=archive.axes[0]."
            )


def _identify(model: Any, archive: Any) -> tuple[NDArray[np.float32], str]:
    """Return embeddings of a few spectra, and a checksum of model and archive."""
    n_samples = len(archive)
    rows = np.unique(np.linspace(0, n_samples - 1, min(n_samples, N_PROBES)).astype(int))
    probes = _embed_chunk(model, lambda: archive.read(rows))
    return probes, sha256(archive.digest.encode() + probes.tobytes()).hexdigest()[:16]


def _find_end(file: BinaryIO, shape: tuple[int, int], chunk_size: int) -> int:
    """Return the number of rows in complete chunks of a file, and seek to their end."""
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    header = {"descr": DTYPE.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    row = DTYPE.itemsize * shape[1]
    done = max(n_bytes - file.tell(), 0) // (row * chunk_size) * chunk_size
    file.seek(done * row, os.SEEK_CUR)
    return done


def _embed(
    model: Any, archive: Any, rows: range, n_jobs: int | None
) -> Iterator[NDArray[np.float32]]:
    """Yield the embeddings of the chunks that start at `rows`, in order."""
    with Parallel(n_jobs=n_jobs) as parallel:
        # In rounds, to limit the embeddings that wait in memory for a slow worker.
        n_chunks = CHUNKS_PER_JOB * effective_n_jobs(n_jobs)
        for first in range(0, len(rows), n_chunks):
            yield from parallel(
                delayed(_embed_chunk)(model, archive.reader(start, start + rows.step))
                for start in rows[first : first + n_chunks]
            )


def _embed_chunk(model: Any, read: Callable[[], NDArray[Any]]) -> NDArray[np.float32]:
    """Return the embeddings of the spectra that `read` returns."""
    from .._bridge import embeddings_not_cached

    with embeddings_not_cached():
        return np.asarray(model.transform(read()), dtype=DTYPE)

"""Embeddings of more spectra than the memory holds."""

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

from .._typing import PathLike
from ._corpus import is_archive

if TYPE_CHECKING:
    from ..datasets import SpektraArchive

CHUNKS_A_JOB = 4  # a worker that is slow is waited for once in so many chunks
N_PROBES = 8  # spectra that tell one model and archive from another
DTYPE = np.dtype("<f4")


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

    ``model.transform`` for spectra that do not fit into memory: chunks of them are read, embedded
    and written one after the other, or several at a time through joblib, and so on a Dask cluster.

    Parameters
    ----------
    model : fitted transformer
        A `SpektronEmbedder`, or a `Pipeline` with one, such as ``make_pipeline(SNV(), embedder)``,
        fitted on some spectra of the archive.
    archive : SpektraArchive
        Spectra in files that all processes can read under the same names, on one axis.
    path : path-like
        File to write, which `numpy.load` reads; none may be there.
    chunk_size : int, default=256
        Spectra that are read and embedded at once; changes memory and speed. A multiple of
        the embedder's `batch_size` gives the same batches, and the same numbers to the last bit,
        as `transform` gives on all spectra at once.
    n_jobs : int, default=None
        Chunks embedded at a time, as in joblib.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    embeddings : memmap of shape (n_samples, n_outputs)
        The embeddings in the order of the archive, float32, of which only the rows that are used
        are read into memory.

    See Also
    --------
    skspektron.datasets.SpektraArchive : Says how the files are written.
    skspektron.model_selection.dask_parallel : Spreads the chunks over a Dask cluster.

    Notes
    -----
    Only this process writes. A call that was interrupted leaves a file ``.part`` beside `path`;
    the same call goes on behind its last complete chunk and renames it at the end, so what is at
    `path` is whole. Memory holds four chunks and their embeddings a job, however large the
    archive is. A spectrum is embedded once, so embeddings are not remembered here, as
    `SpektronEmbedder` does elsewhere.

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
    path = Path(path)
    _check(model, archive, path, chunk_size)
    probes, name = _identify(model, archive)
    part = path.with_name(f".{path.name}.{name}.part")
    part.touch()
    with part.open("r+b") as file:  # not "a": the same call elsewhere would double rows
        done = _find_end(file, (len(archive), probes.shape[1]), chunk_size)
        rows = range(done, len(archive), chunk_size)
        with tqdm(total=len(archive), initial=done, disable=not verbose, desc="embed") as bar:
            for embeddings in _embed(model, archive, rows, n_jobs):
                file.write(embeddings.tobytes())
                bar.update(len(embeddings))
        file.flush()
        os.fsync(file.fileno())  # some disks tell only now that they are full
    with suppress(FileNotFoundError):  # the same call elsewhere was faster, with the same rows
        os.replace(part, path)
    return np.load(path, mmap_mode="r")


def _check(model: Any, archive: Any, path: Path, chunk_size: int) -> None:
    """Refuse what cannot be embedded, or not be written."""
    if not is_archive(archive):
        raise TypeError(
            f"archive is a {type(archive).__name__}. Pass a SpektraArchive; an array goes to "
            "model.transform."
        )
    check_is_fitted(model)
    if chunk_size < 1:
        raise ValueError(f"chunk_size is {chunk_size}. Pass 1 or more.")
    if path.exists():
        raise FileExistsError(f"{path} exists already. Pass another path, or remove the file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write to. Make it first."
        )
    if len(archive.axes) > 1:
        raise ValueError(
            f"The archive has {len(archive.axes)} axes and a model knows one. Embed the files of "
            "each axis by themselves; archive.axes_by_file() tells them apart."
        )
    _check_axis(model, archive.axes[0])


def _check_axis(model: Any, axis: NDArray[Any]) -> None:
    """Refuse an embedder that was fitted on another axis than that of the files."""
    steps = [model, *(step for _, step in getattr(model, "steps", []))]
    for known in (step.wavenumber_ for step in steps if hasattr(step, "wavenumber_")):
        if known.shape != axis.shape or not np.allclose(known, axis, rtol=1e-6):
            raise ValueError(
                f"The model was fitted on {len(known)} channels from {known[0]:.1f} to "
                f"{known[-1]:.1f} cm-1, the archive has {len(axis)} from {axis[0]:.1f} to "
                f"{axis[-1]:.1f}. Fit it with wavenumber=archive.axes[0]."
            )


def _identify(model: Any, archive: Any) -> tuple[NDArray[np.float32], str]:
    """Return embeddings of a few spectra, and a name of this model and archive that tells them."""
    n_samples = len(archive)
    rows = np.unique(np.linspace(0, n_samples - 1, min(n_samples, N_PROBES)).astype(int))
    probes = _embed_chunk(model, lambda: archive.read(rows))
    return probes, sha256(archive.digest.encode() + probes.tobytes()).hexdigest()[:16]


def _find_end(file: BinaryIO, shape: tuple[int, int], chunk_size: int) -> int:
    """Return how many rows of complete chunks a file has, and go to where the next one begins."""
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
    """Yield the embeddings of chunks that begin at `rows`, in order."""
    with Parallel(n_jobs=n_jobs) as parallel:
        # In rounds: what one process has embedded waits in memory for what others have not.
        n_chunks = CHUNKS_A_JOB * effective_n_jobs(n_jobs)
        for first in range(0, len(rows), n_chunks):
            yield from parallel(
                delayed(_embed_chunk)(model, archive.reader(start, start + rows.step))
                for start in rows[first : first + n_chunks]
            )


def _embed_chunk(model: Any, read: Callable[[], NDArray[Any]]) -> NDArray[np.float32]:
    """Return the embeddings of the spectra that `read` reads."""
    from .._bridge import embeddings_forgotten

    with embeddings_forgotten():
        return np.asarray(model.transform(read()), dtype=DTYPE)

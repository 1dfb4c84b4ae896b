"""Read files of spectrometers into a table."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._parameters import BOOLEAN, PATH, TEXT, Choice, Integer, Several, check_arguments, declares
from ._absorbance import QUANTITIES, to_absorbance
from ._axis_of_text import TextOptions
from ._files import list_files, read_file
from ._grid import in_one_unit, on_one_axis
from ._spectrum import Spectrum
from ._units import state_units

# Names that software gives to files, with or without a counter.
_COUNTER = re.compile(
    r"(data|export|file|measurement|messung|new|results?|scans?|spectr(um|a)|spektr(um|en)|"
    r"unnamed|untitled)[\W_]*[0-9]*",
    re.IGNORECASE,
)


@declares(
    path=PATH | Several(PATH),
    pattern=TEXT | None,
    recursive=BOOLEAN,
    axis=Choice(("wavelength", "wavenumber")) | None,
    interpolate=BOOLEAN,
    quantity=Choice(QUANTITIES) | None,
    absorbance=BOOLEAN,
    layout=Choice(("auto", "rows", "columns", "pairs")),
    id_column=TEXT | None,
    skip_rows=Integer(0),
    on_error=Choice(("raise", "skip")),
    as_frame=BOOLEAN,
)
def read_spectra(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    pattern: str | None = None,
    recursive: bool = False,
    axis: str | None = None,
    interpolate: bool = False,
    quantity: str | None = None,
    absorbance: bool = False,
    layout: str = "auto",
    id_column: str | None = None,
    skip_rows: int = 0,
    on_error: str = "raise",
    as_frame: bool = False,
) -> Bunch:
    r"""Read files of spectrometers into one table.

    The formats are SPC [1]_ (.spc), JCAMP-DX [2]_ (.jdx, .dx, .jcamp, .jcm), Bruker OPUS (.0, .1
    and other numbers) and delimited text (.csv, .tsv, .txt), recognized by the file's suffix.

    Parameters
    ----------
    path : path-like or sequence of path-like
        A file, a list of files, or a folder, whose files are read in the order of their names.
    pattern : str, default=None
        Files of a folder to read, such as ``"*.spc"``. None: those with a known suffix.
    recursive : bool, default=False
        Whether to read subfolders too. Links to folders are not followed.
    axis : {"wavelength", "wavenumber"}, default=None
        Axis of the result, in nm or cm-1. It states the unit of an axis without one, whose numbers
        are unchanged; an axis in the other unit is converted. None: as in the files, which must
        agree. An axis without a unit is then in nm if all of it lies between 150 and 2600,
        otherwise in cm-1, with a warning if the other unit is plausible too, and an error if
        neither is.
    interpolate : bool, default=False
        True: interpolate spectra linearly at the channels of the first that are within the range
        of all. False: raise an error if files have different channels.
    quantity : str, default=None
        Quantity of the values, if missing or wrong in the files: "absorbance", "log(1/R)",
        "reflectance", "percent reflectance", "transmittance", "percent transmittance",
        "kubelka-munk", "raman intensity" or "unknown". None: as in the files.
    absorbance : bool, default=False
        Whether to convert reflectance R and transmittance T to absorbance, -log10(R), or
        -log10(R / 100) from percent, with a warning. log(1/R) counts as absorbance.
    layout : {"auto", "rows", "columns", "pairs"}, default="auto"
        Layout of text. "rows": one spectrum per line; the first line names the channels ("1100",
        "1100.5 nm", "4000 cm-1") and the columns of metadata. "columns": the axis is in the first
        column, spectra in the others. "pairs": columns of an axis and of values alternate. "auto":
        the only one that fits all lines, or an error if several or none fit.
    id_column : str, default=None
        Column of text in rows that has the ids of samples. None: "sample_id", or else the only one
        with a usual heading, such as "Sample", "Sample Name", "ID" or "Probe".
    skip_rows : int, default=0
        Number of lines of text to skip before the table. Empty lines and those that begin with
        ``#`` are skipped there without it.
    on_error : {"raise", "skip"}, default="raise"
        What to do with a file that cannot be read. "skip": omit it; one warning names all such
        files.
    as_frame : bool, default=False
        Whether to return `X` and `metadata` as DataFrames. Needs pandas.

    Returns
    -------
    Bunch
        X : ndarray or DataFrame of shape (n_spectra, n_channels)
            Spectra as float64, NaN for empty cells of text. Columns of a DataFrame are named
            ``"1100.0 nm"`` or ``"4000.0 cm-1"``, which estimators of this package read as the axis.
        wavelength or wavenumber : ndarray of shape (n_channels,)
            Axis in nm or cm-1, in the order of the first file.
        quantity : str
            Quantity of the values.
        sample_id : ndarray of shape (n_spectra,)
            Ids as text: the column of ids of text in rows, as written, column names of text in
            columns, otherwise the name of the file without its suffix. If a file has several
            spectra without ids, these are made up from its full path and their position, with a
            warning, so that they are never those of another file.
        metadata : list of dict, or DataFrame of n_spectra rows
            Metadata of each spectrum: comment, date, instrument, other columns.
        filenames : list of str
            File of each spectrum.
        conversions : list of str
            Descriptions of conversions, interpolations, and lines or blocks that were skipped.
        skipped : list of tuple
            Name of each omitted file, and the reason.

    Raises
    ------
    ValueError
        If a file is damaged, truncated or of an unsupported variant; if files differ in quantity,
        unit or channels; if values have no logarithm; if no file can be read.
    FileNotFoundError
        If a file does not exist.
    ImportError
        If ``as_frame=True`` and pandas is not installed.

    See Also
    --------
    skspektron.model_selection.stack_instruments : Stacks the spectra of several instruments.
    skspektron.datasets.SpektraArchive : Reads spectra that do not fit in memory.

    Notes
    -----
    Not supported: SPC before 1996; peak tables and NTUPLES of JCAMP-DX. Of an OPUS file only one
    spectrum is read, the last absorbance, else log(1/R), reflectance or transmittance. Counts in
    headers are checked against the size of the file before memory is allocated. Nothing in a file
    is executed or unpickled.

    References
    ----------
    .. [1] Galactic Industries Corp., A Brief Guide to SPC File Format (1997).
    .. [2] McDonald & Wilks, Appl. Spectrosc. 42 (1988) 151-162.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skspektron.io import read_spectra
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("sample_id,1100 nm,1102 nm\nA,0.5,0.25")
    ...     read_spectra(folder).X
    array([[0.5 , 0.25]])
    """
    check_arguments(read_spectra, locals())
    files = list_files(path, pattern, recursive)
    options = TextOptions(layout, axis, id_column, skip_rows)
    spectra, filenames, skipped = _read_all(files, options, on_error)
    spectra, doubts = state_units(spectra, filenames, axis)
    if quantity is not None:
        spectra = [replace(spectrum, quantity=quantity) for spectrum in spectra]
    spectra = in_one_unit(spectra, filenames, axis)
    X, channels, conversions = on_one_axis(spectra, filenames, interpolate)
    quantities = [spectrum.quantity for spectrum in spectra]
    if absorbance:
        X, converted = to_absorbance(X, quantities, filenames, quantity is not None)
        conversions, quantities = converted + conversions, ["absorbance"]
    _check_one_quantity(quantities, filenames)
    sample_id, made_up = _sample_ids(spectra, filenames)
    _warn([*conversions, *doubts, *_own_warnings(spectra, filenames), *made_up])
    _warn(_describe_skipped(skipped, len(files)))
    conversions = [*conversions, *_notes(spectra, filenames)]
    unit = spectra[0].unit
    metadata = [spectrum.metadata for spectrum in spectra]
    result = Bunch(
        X=_frame(X, [f"{float(x)!r} {unit}" for x in channels]) if as_frame else X,
        quantity=quantities[0],
        sample_id=sample_id,
        metadata=_frame(metadata) if as_frame else metadata,
        filenames=filenames,
        conversions=conversions,
        skipped=skipped,
    )
    result["wavelength" if unit == "nm" else "wavenumber"] = channels
    return result


def _read_all(
    files: Sequence[Path], options: TextOptions, on_error: str
) -> tuple[list[Spectrum], list[str], list[tuple[str, str]]]:
    """Return all spectra, the file of each, and the skipped files with reasons."""
    spectra: list[Spectrum] = []
    filenames: list[str] = []
    skipped: list[tuple[str, str]] = []
    for file in files:
        try:
            read = read_file(file, options)
        except (OSError, ValueError) as error:
            if on_error == "raise":
                raise
            skipped.append((str(file), str(error)))
        else:
            spectra += read
            filenames += [str(file)] * len(read)
    if not spectra:
        reasons = " ".join(reason for _, reason in skipped[:3])
        raise ValueError(f"None of {len(files)} files could be read. {reasons}")
    return spectra, filenames, skipped


def _check_one_quantity(quantities: Sequence[str], names: Sequence[str]) -> None:
    """Raise ValueError if spectra differ in quantity."""
    for quantity, name in zip(quantities, names, strict=False):
        if quantity != quantities[0]:
            raise ValueError(
                f"{names[0]} contains {quantities[0]!r}, {name} contains {quantity!r}. Read them "
                "separately, or pass absorbance=True, or quantity= if a file is labelled wrongly."
            )


def _warn(messages: Sequence[str]) -> None:
    """Warn once of all messages."""
    if messages:
        warnings.warn(" ".join(messages), UserWarning, stacklevel=3)


def _describe_skipped(skipped: Sequence[tuple[str, str]], n_files: int) -> list[str]:
    """Return the message about files that were skipped."""
    reasons = "; ".join(reason for _, reason in skipped)
    return [f"{len(skipped)} of {n_files} files were skipped: {reasons}"] if skipped else []


def _notes(spectra: Sequence[Spectrum], filenames: Sequence[str]) -> list[str]:
    """Return what was skipped in files, each file once."""
    pairs = zip(filenames, spectra, strict=True)
    return list(dict.fromkeys(f"{name}: {note}" for name, each in pairs for note in each.notes))


def _own_warnings(spectra: Sequence[Spectrum], filenames: Sequence[str]) -> list[str]:
    """Return what to warn of in files, each file once."""
    pairs = zip(filenames, spectra, strict=True)
    return list(dict.fromkeys(f"{name}: {text}" for name, each in pairs for text in each.warnings))


def _sample_ids(
    spectra: Sequence[Spectrum], filenames: Sequence[str]
) -> tuple[NDArray[np.str_], list[str]]:
    """Return the ids in the files, or else names of files, and what to warn of if made up."""
    ids: list[str] = []
    made_up: dict[str, int] = {}
    total, count = Counter(filenames), Counter[str]()
    for spectrum, name in zip(spectra, filenames, strict=True):
        count[name] += 1
        if spectrum.sample_id is not None:
            ids.append(spectrum.sample_id)
        elif total[name] == 1:
            ids.append(Path(name).stem)
        else:
            ids.append(f"{Path(name).absolute()}-{count[name]}")
            made_up[name] = total[name]
    warned = _doubtful_names(spectra, filenames)
    if not made_up:
        return np.array(ids), warned
    return np.array(ids), [
        *warned,
        f"{sum(made_up.values())} spectra of {len(made_up)} files, such as {next(iter(made_up))}, "
        "have no ids of samples. Theirs were made up from path and position, and pair with no "
        "other file.",
    ]


def _doubtful_names(spectra: Sequence[Spectrum], filenames: Sequence[str]) -> list[str]:
    """Return a warning about files without ids whose names do not name a sample."""
    without = {
        name for name, each in zip(filenames, spectra, strict=True) if each.sample_id is None
    }
    single = [name for name, n in Counter(filenames).items() if n == 1 and name in without]
    counted = [name for name in single if _COUNTER.fullmatch(Path(name).stem)]
    folders: dict[str, set[Path]] = {}
    for name in single:
        folders.setdefault(Path(name).stem, set()).add(Path(name).absolute().parent)
    shared = [stem for stem, parents in folders.items() if len(parents) > 1]
    warned = []
    if counted:
        warned.append(
            f"{len(counted)} files, such as {counted[0]}, have no ids of samples, and names as "
            "software counts them. Their names were taken as ids, and pair with files of the same "
            "name: set sample_id before spectra of several instruments are stacked."
        )
    if shared:
        warned.append(
            f"Files in several folders have the same name, such as {shared[0]!r}, and so the same "
            "sample_id. Read folders separately if they are of different samples."
        )
    return warned


def _frame(rows: Any, columns: Sequence[str] | None = None) -> Any:
    """Return a DataFrame; raise ImportError naming the extra to install."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "as_frame=True needs pandas, which is not installed. "
            "Install it with pip install 'skspektron[io]'."
        ) from error
    return pd.DataFrame(rows, columns=columns)

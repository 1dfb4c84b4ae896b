"""Read files of spectrometers into a table."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._validation import check_choice, pass_default
from ._absorbance import QUANTITIES, to_absorbance
from ._files import list_files, read_file
from ._grid import in_one_unit, on_one_axis
from ._spectrum import Spectrum

_CHOICES = {
    "axis": (None, "wavelength", "wavenumber"),
    "quantity": (None, *QUANTITIES),
    "layout": ("auto", "rows", "columns"),
    "on_error": ("raise", "skip"),
}


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
        Axis of the result, in nm or cm-1. None: as in the files, which must agree. An axis without
        a unit is in nm if all of it lies between 300 and 2600; otherwise it is in cm-1, or an
        error if the file calls it a wavelength.
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
    layout : {"auto", "rows", "columns"}, default="auto"
        Layout of text. "rows": one spectrum per line; the first line names the channels ("1100",
        "1100.5 nm", "4000 cm-1") and the columns of metadata. "columns": the axis is in the first
        column, spectra in the others. "auto": recognized from the text; an error if both are
        possible.
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
            Column ``sample_id`` of text in rows, column names of text in columns, otherwise the
            name of the file without its suffix; ``"name-1"``, ``"name-2"`` if a file has several.
        metadata : list of dict, or DataFrame of n_spectra rows
            Metadata of each spectrum: comment, date, instrument, other columns.
        filenames : list of str
            File of each spectrum.
        conversions : list of str
            Descriptions of conversions and interpolations.
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
    given = {"axis": axis, "quantity": quantity, "layout": layout, "on_error": on_error}
    for name, choices in _CHOICES.items():
        check_choice(name, given[name], choices, way_out=pass_default(read_spectra, name))
    files = list_files(path, pattern, recursive)
    spectra, filenames, skipped = _read_all(files, layout, on_error)
    if quantity is not None:
        spectra = [replace(spectrum, quantity=quantity) for spectrum in spectra]
    spectra = in_one_unit(spectra, filenames, axis)
    X, channels, conversions = on_one_axis(spectra, filenames, interpolate)
    quantities = [spectrum.quantity for spectrum in spectra]
    if absorbance:
        X, converted = to_absorbance(X, quantities, filenames, quantity is not None)
        conversions, quantities = converted + conversions, ["absorbance"]
    _check_one_quantity(quantities, filenames)
    _warn(conversions, skipped, len(files))
    unit = spectra[0].unit
    metadata = [spectrum.metadata for spectrum in spectra]
    result = Bunch(
        X=_frame(X, [f"{float(x)!r} {unit}" for x in channels]) if as_frame else X,
        quantity=quantities[0],
        sample_id=_sample_ids(spectra, filenames),
        metadata=_frame(metadata) if as_frame else metadata,
        filenames=filenames,
        conversions=conversions,
        skipped=skipped,
    )
    result["wavelength" if unit == "nm" else "wavenumber"] = channels
    return result


def _read_all(
    files: Sequence[Path], layout: str, on_error: str
) -> tuple[list[Spectrum], list[str], list[tuple[str, str]]]:
    """Return all spectra, the file of each, and the skipped files with reasons."""
    spectra: list[Spectrum] = []
    filenames: list[str] = []
    skipped: list[tuple[str, str]] = []
    for file in files:
        try:
            read = read_file(file, layout)
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


def _warn(conversions: Sequence[str], skipped: Sequence[tuple[str, str]], n_files: int) -> None:
    """Warn once of all conversions and once of all skipped files."""
    if conversions:
        warnings.warn(" ".join(conversions), UserWarning, stacklevel=3)
    if skipped:
        reasons = "; ".join(reason for _, reason in skipped)
        warnings.warn(
            f"{len(skipped)} of {n_files} files were skipped: {reasons}", UserWarning, stacklevel=3
        )


def _sample_ids(spectra: Sequence[Spectrum], filenames: Sequence[str]) -> NDArray[Any]:
    """Return the sample ids in the files, or else names of files, numbered within each."""
    ids: list[Any] = []
    total, count = Counter(filenames), Counter[str]()
    for spectrum, name in zip(spectra, filenames, strict=True):
        count[name] += 1
        stem = Path(name).stem
        default = stem if total[name] == 1 else f"{stem}-{count[name]}"
        ids.append(default if spectrum.sample_id is None else spectrum.sample_id)
    return np.array(ids if len({type(each) for each in ids}) == 1 else list(map(str, ids)))


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

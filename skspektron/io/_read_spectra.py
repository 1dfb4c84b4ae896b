"""Files of spectrometers become a table."""

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
    r"""Read files of spectrometers, or a folder of them, into one table.

    SPC [1]_, JCAMP-DX [2]_, Bruker OPUS and separated text (CSV). The ending of a file's name
    tells its format: .spc; .jdx, .dx, .jcamp, .jcm; .0, .1 and other numbers; .csv, .tsv, .txt.

    Parameters
    ----------
    path : path-like or sequence of path-like
        A file, a folder, whose files are read in the order of their names, or the files.
    pattern : str, default=None
        Which files of a folder are read, such as ``"*.spc"``. None: those with a known ending.
    recursive : bool, default=False
        Whether folders inside the folder are read too. Links to folders are not followed.
    axis : {"wavelength", "wavenumber"}, default=None
        Axis of the result, in nm or cm-1. None: the one that the files speak, which then must
        be one. An axis without a unit is in nm when all of it lies between 300 and 2600, else
        in cm-1, or refused where its file calls it a wavelength.
    interpolate : bool, default=False
        What to do with files on different channels. False: refuse them. True: interpolate all
        linearly onto the channels of the first, within the range of all; nothing is
        extrapolated.
    quantity : str, default=None
        What the values are, where the files do not say it or say it wrongly: "absorbance",
        "log(1/R)", "reflectance", "percent reflectance", "transmittance", "percent
        transmittance", "kubelka-munk", "raman intensity" or "unknown". None: as the files say.
    absorbance : bool, default=False
        Whether reflectance R and transmittance T become absorbance, -log10(R), those in percent
        -log10(R / 100), with a warning that says so. log(1/R) counts as absorbance.
    layout : {"auto", "rows", "columns"}, default="auto"
        How text holds spectra. "rows": one a line, the first line names the channels
        ("1100", "1100.5 nm", "4000 cm-1") and the columns of metadata. "columns": the axis in the
        first column, a spectrum in every other. "auto" tells them apart, or refuses.
    on_error : {"raise", "skip"}, default="raise"
        What to do with a file that cannot be read. "skip" leaves it out, with one warning that
        names all such files.
    as_frame : bool, default=False
        Whether `X` and `metadata` are DataFrames. Needs pandas.

    Returns
    -------
    Bunch
        X : ndarray or DataFrame of shape (n_spectra, n_channels)
            The spectra, float64, NaN in empty cells of text. Columns of a DataFrame are named
            ``"1100.0 nm"`` or ``"4000.0 cm-1"``, which every estimator here reads as the axis.
        wavelength or wavenumber : ndarray of shape (n_channels,)
            The axis, in nm or cm-1, in the order of the first file.
        quantity : str
            What the values are.
        sample_id : ndarray of shape (n_spectra,)
            The column ``sample_id`` of text in rows, the names of columns, else the name of the
            file without its ending; ``"name-1"``, ``"name-2"`` when a file holds several.
        metadata : list of dict, or DataFrame of n_spectra rows
            What the file says of each spectrum: comment, date, instrument, other columns.
        filenames : list of str
            The file of each spectrum.
        conversions : list of str
            What was converted or interpolated, a sentence each.
        skipped : list of tuple
            Name of each file that was left out, and why.

    Raises
    ------
    ValueError
        If a file is damaged, cut off or of a variant that is not read (it is named); if files
        differ in quantity, unit or channels; if values have no logarithm; if no file is left.
    FileNotFoundError
        If a file does not exist.
    ImportError
        If `as_frame` is asked for and pandas is not installed.

    See Also
    --------
    skspektron.model_selection.stack_instruments : Takes what is read for each instrument.
    skspektron.datasets.SpektraArchive : Spectra that do not fit into memory.

    Notes
    -----
    Not read: SPC before 1996; peak tables and NTUPLES of JCAMP-DX; of OPUS files any spectrum
    but one, the last absorbance, else log(1/R), reflectance, transmittance. Files are read whole,
    one after the other; a count in a header that the file cannot hold takes no memory. Nothing
    in a file is executed or unpickled.

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
    _check_choices(axis=axis, quantity=quantity, layout=layout, on_error=on_error)
    files = list_files(path, pattern, recursive)
    spectra, filenames, skipped = _read_all(files, layout, on_error)
    if quantity is not None:
        spectra = [replace(spectrum, quantity=quantity) for spectrum in spectra]
    spectra = in_one_unit(spectra, filenames, axis)
    X, channels, conversions = on_one_axis(spectra, filenames, interpolate)
    quantities = [spectrum.quantity for spectrum in spectra]
    if absorbance:
        X, said = to_absorbance(X, quantities, filenames, quantity is not None)
        conversions, quantities = said + conversions, ["absorbance"]
    _check_one_quantity(quantities, filenames)
    _say(conversions, skipped, len(files))
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


def _check_choices(**given: str | None) -> None:
    """Refuse a value that a parameter does not know."""
    for name, value in given.items():
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} is {value!r}. Pass one of {_CHOICES[name]}.")


def _read_all(
    files: Sequence[Path], layout: str, on_error: str
) -> tuple[list[Spectrum], list[str], list[tuple[str, str]]]:
    """Return all spectra, the file of each, and the files that were skipped."""
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
    """Refuse a table of two quantities."""
    for quantity, name in zip(quantities, names, strict=False):
        if quantity != quantities[0]:
            raise ValueError(
                f"{names[0]} holds the quantity {quantities[0]!r}, {name} {quantity!r}. Read them "
                "apart, pass absorbance=True, or quantity= where a file says it wrongly."
            )


def _say(conversions: Sequence[str], skipped: Sequence[tuple[str, str]], n_files: int) -> None:
    """Warn once of what was converted and once of what was left out."""
    if conversions:
        warnings.warn(" ".join(conversions), UserWarning, stacklevel=3)
    if skipped:
        reasons = "; ".join(reason for _, reason in skipped)
        warnings.warn(
            f"{len(skipped)} of {n_files} files were skipped: {reasons}", UserWarning, stacklevel=3
        )


def _sample_ids(spectra: Sequence[Spectrum], filenames: Sequence[str]) -> NDArray[Any]:
    """Return the ids of files that give them, else the names of the files, numbered in each."""
    ids: list[Any] = []
    total, count = Counter(filenames), Counter[str]()
    for spectrum, name in zip(spectra, filenames, strict=True):
        count[name] += 1
        stem = Path(name).stem
        default = stem if total[name] == 1 else f"{stem}-{count[name]}"
        ids.append(default if spectrum.sample_id is None else spectrum.sample_id)
    return np.array(ids if len({type(each) for each in ids}) == 1 else list(map(str, ids)))


def _frame(rows: Any, columns: Sequence[str] | None = None) -> Any:
    """Return a DataFrame, or say which extra brings pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "as_frame=True returns DataFrames, and pandas is not installed. "
            "Install it with pip install 'skspektron[io]'."
        ) from error
    return pd.DataFrame(rows, columns=columns)

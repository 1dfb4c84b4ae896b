"""The pharmaceutical tablets of the IDRC 2002 shootout."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from .._parameters import BOOLEAN, PATH, check_arguments, declares
from .._typing import PathLike
from ._fetch import RemoteFile, fetch

_FOLDER = (
    "https://raw.githubusercontent.com/caseykneale/ChemometricsData.jl/master/data/"
    "IDRC_2002_Pharma_Shootout/"
)

FILES = {
    "instrument1": RemoteFile(
        name="Pharma_Instrument1.csv",
        url=_FOLDER + "Pharma_Instrument1.csv",
        sha256="a760cf1a72a2268b59ee43a651430d0e30cdadfc9a9923dde5e72bef946aaaea",
    ),
    "instrument2": RemoteFile(
        name="Pharma_Instrument2.csv",
        url=_FOLDER + "Pharma_Instrument2.csv",
        sha256="36e46b5ff67e46e53c885df83da54c962c56206f3df7c6647a6a41b207dc86f2",
    ),
}

SUBSETS = {"Train": "calibrate", "Validate": "validate", "Test": "test"}

DESCR = """Pharmaceutical tablets (International Diffuse Reflectance Conference, shootout of 2002).

655 tablets, each measured in transmission on two spectrometers at 600-1898 nm as log(1/T),
with weight, hardness and assay (milligrams of active substance). The publishers' split is 155
for calibration, 40 for validation and 460 for testing. Channels above about 1650 nm are noisy
and usually removed. Redistributed in ChemometricsData.jl; stated to be in the public domain.
"""


@declares(data_home=PATH | None, download_if_missing=BOOLEAN)
def fetch_tablets(*, data_home: PathLike | None = None, download_if_missing: bool = True) -> Bunch:
    """Load the tablets of the IDRC 2002 shootout: 655 tablets on two NIR instruments.

    The two files are searched for in `data_home`, in the folder in the environment variable
    ``SKSPEKTRON_DATA`` and in the user's cache. If they are in none of them, they are downloaded.
    Their SHA-256 is checked each time.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that is searched first and that a download is saved to. None: the user's cache.
    download_if_missing : bool, default=True
        Whether to download files that are missing. False: raise an error.

    Returns
    -------
    Bunch
        X : dict of str to ndarray of shape (655, 650)
            Absorbance, log10(1/T), on "instrument1" and "instrument2"; row i is the same
            tablet on both.
        y : ndarray of shape (655, 3)
            Weight, hardness and assay, in the units and order of the files.
        wavelength : ndarray of shape (650,)
            600 to 1898 nm in steps of 2.
        sample_id : ndarray of shape (655,)
            1 to 655.
        target_names : list of str
            Names of the columns of `y`.
        subset : ndarray of shape (655,)
            "calibrate" (155 tablets), "validate" (40) or "test" (460).
        DESCR : str
            Description and source of the data.

    Raises
    ------
    ValueError
        If a file is damaged or another version.
    OSError
        If a file is missing and cannot be downloaded.

    Notes
    -----
    Some published loaders permute the names of the targets. Here the standard deviations (ddof=1)
    are 4.75 for weight, 1.27 for hardness and 17.1 for assay.

    References
    ----------
    .. [1] Hopkins, NIR News 14(5) (2003) 10-13: the shootout of 2002.

    Examples
    --------
    >>> from skspektron.datasets import fetch_tablets
    >>> tablets = fetch_tablets()                                    # doctest: +SKIP
    >>> tablets.X["instrument1"].shape, tablets.target_names         # doctest: +SKIP
    ((655, 650), ['weight', 'hardness', 'assay'])
    """
    check_arguments(fetch_tablets, locals())
    paths = {name: fetch(file, data_home, download_if_missing) for name, file in FILES.items()}
    tables = {name: _read_numbers(path) for name, path in paths.items()}
    # The columns before the spectra are the same in both files.
    path, table = paths["instrument1"], tables["instrument1"]
    with open(path, encoding="ascii") as lines:
        header = next(lines).strip().split(",")
        subset = [SUBSETS[line.split(",", 1)[0]] for line in lines]
    return Bunch(
        X={name: numbers[:, 3:].copy() for name, numbers in tables.items()},
        y=table[:, :3].copy(),
        wavelength=np.array(header[4:], dtype=float),
        sample_id=np.arange(1, len(table) + 1),
        target_names=header[1:4],
        subset=np.array(subset),
        DESCR=DESCR,
    )


def _read_numbers(path) -> np.ndarray:
    """Return targets and spectra, (n_samples, 3 + n_features)."""
    with open(path, encoding="ascii") as lines:
        n_columns = next(lines).count(",") + 1
        return np.loadtxt(lines, delimiter=",", usecols=range(1, n_columns))

"""The sugarcane spectra of seven handheld spectrometers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._parameters import BOOLEAN, PATH, check_arguments, declares
from .._typing import PathLike
from ._fetch import RemoteFile, fetch

# Mendeley Data gives no lasting address of a single file. This copy of the files of record
# 10.17632/rnvvftvmh7.1 is fixed by its commit. The checksums are those of the copy.
_FOLDER = (
    "https://raw.githubusercontent.com/sr2322/SugarcaneNIR/"
    "7ea9f145ac83fe6e8a4a8b45db21d1c163f2e52c/Chaix_Dataset/"
)


def _remote(name: str, sha256: str) -> RemoteFile:
    """Return a file of the copy, which is kept in a folder of its own as names are common."""
    return RemoteFile(name=f"sugarcane/{name}", url=_FOLDER + name, sha256=sha256)


REFERENCES = _remote(
    "References.csv", "212ac27cf01c44f1ec962e35243f108205b958e30f8fdd87bb15e564187cf7ec"
)

SPECTRA = {
    "F750": _remote("F750.CSV", "2520d1a1da4599019fef7d0e4363b4664f3932a0f960da9c8321e5fcc438af9f"),
    "MicroNIR1700_rep1": _remote(
        "Micronir1700rep1.CSV", "ea7e488e81ef620615957d272b42c73cdcdabf3cc52c6c496098dd4f820cdc6d"
    ),
    "MicroNIR1700_rep2": _remote(
        "Micronir1700rep2.CSV", "172a6652fca58c8c9fe054fd575eac510a51e6e64168fdd824d9a7faee11b3c5"
    ),
    "MicroNIR1700_rep3": _remote(
        "Micronir1700rep3.CSV", "ab4d575adfe15dc9cce2eadd0097ac10fa9245c2a4e2fae0827f82c034172222"
    ),
    "MicroNIR2200": _remote(
        "Micronir2200.CSV", "b816950be7cccb8fcfdb175a6316101dd959afc99cf6a6f0d2b71a235e6aff5c"
    ),
    "NIRONE22": _remote(
        "Nirone22.CSV", "92aa4d684e24862d99761cb872f9bf5e5fa20992dc909c7d0d944b9492d2606b"
    ),
    "NIRscanNano": _remote(
        "Nirscan_nano.CSV", "79be7499bc5b6a183eecbc878f5d9579abdecb2df11cded481fea2f290818992"
    ),
    "SCIO": _remote("Scio.CSV", "a053159dcddb29c9acd5a8bc9489c6348c0e23e5bbcc70708e21cbf43b729a47"),
    "TellSpec": _remote(
        "Tellspec.CSV", "dd5c77a3a44895ac2ea58c9ced28e6a2a008eb34bb466bdfc95bf3fb025192b0"
    ),
}

DESCR = """Sugarcane (A. Zgouz, R. Bendoula and G. Chaix, CIRAD and INRAE).

60 samples of dried and ground sugarcane, from leaves, stems and whole plants, each measured in
reflectance on seven handheld spectrometers, as log10(1/R): F750, MicroNIR1700 (three times),
MicroNIR2200, NIRONE 2.2, NIRscan Nano, SCIO and TellSpec. The properties are total sugar (TS),
crude protein (CP), acid detergent fibre (ADF) and in vitro digestibility of organic matter
(IVOMD); total sugar is missing for three samples. Mendeley Data 10.17632/rnvvftvmh7.1; a second
record, 10.17632/mjttsjfj2s.1, has the same spectra under other file names, those of a laboratory
instrument too, and the licence CC BY 4.0. The files are downloaded from a copy of the first
record, github.com/sr2322/SugarcaneNIR.
"""


@declares(data_home=PATH | None, download_if_missing=BOOLEAN)
def fetch_sugarcane(
    *, data_home: PathLike | None = None, download_if_missing: bool = True
) -> Bunch:
    """Load the sugarcane spectra: 60 samples on seven handheld spectrometers.

    The ten files are searched for in the folder `sugarcane` of `data_home`, of the folder in the
    environment variable ``SKSPEKTRON_DATA`` and of the user's cache. If they are in none of them,
    they are downloaded, 1 MB together. Their SHA-256 is checked each time.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that is searched first and that a download is saved to. None: the user's cache.
    download_if_missing : bool, default=True
        Whether to download files that are missing. False: raise an error.

    Returns
    -------
    Bunch
        X : dict of str to ndarray of shape (60, n_features)
            Absorbance, log10(1/R), on "F750", "MicroNIR1700_rep1", "MicroNIR1700_rep2",
            "MicroNIR1700_rep3" (replicates on one instrument), "MicroNIR2200", "NIRONE22",
            "NIRscanNano", "SCIO" and "TellSpec"; row i is the same sample on each.
        y : ndarray of shape (60, 4)
            Total sugar, crude protein, acid detergent fibre and in vitro digestibility of
            organic matter, as in the files. Total sugar is NaN for three samples.
        wavelength : dict of str to ndarray of shape (n_features,)
            Axis of each instrument in nm; 125 to 331 channels between 450 and 2169 nm.
        sample_id : ndarray of shape (60,)
            100 to 159.
        target_names : list of str
            "TS", "CP", "ADF" and "IVOMD", the columns of `y`.
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
    The files are those of Mendeley Data 10.17632/rnvvftvmh7.1 [1]_, downloaded from a public copy
    of that record, whose checksums are tested. The record 10.17632/mjttsjfj2s.1 has the same
    spectra under other file names.

    References
    ----------
    .. [1] Chaix, Bendoula & Zgouz, Mendeley Data (2020), doi:10.17632/rnvvftvmh7.1.
    .. [2] Zgouz, Heran, Barthes, Bastianelli, Bonnal, Baeten, Lurol, Bonin, Roger, Bendoula &
       Chaix, Data in Brief 31 (2020) 106013.

    Examples
    --------
    >>> from skspektron.datasets import fetch_sugarcane
    >>> cane = fetch_sugarcane()                                     # doctest: +SKIP
    >>> cane.X["SCIO"].shape, cane.wavelength["SCIO"][[0, -1]]       # doctest: +SKIP
    ((60, 331), array([ 740., 1070.]))
    """
    check_arguments(fetch_sugarcane, locals())
    paths = {name: fetch(file, data_home, download_if_missing) for name, file in SPECTRA.items()}
    names, references = _read(fetch(REFERENCES, data_home, download_if_missing))
    tables = {name: _read(path) for name, path in paths.items()}
    return Bunch(
        X={name: numbers[:, 1:].copy() for name, (_, numbers) in tables.items()},
        y=references[:, 1:].copy(),
        wavelength={name: np.array(header, dtype=float) for name, (header, _) in tables.items()},
        sample_id=references[:, 0].astype(int),
        target_names=names,
        DESCR=DESCR,
    )


def _read(path) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names of the columns after the first, and all numbers; "NA" becomes NaN."""
    with open(path, encoding="ascii") as lines:
        header = next(lines).strip().split(";")
        return header[1:], np.genfromtxt(lines, delimiter=";")

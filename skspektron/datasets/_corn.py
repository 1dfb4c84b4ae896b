"""The Cargill corn spectra."""

from __future__ import annotations

import numpy as np
from scipy.io import loadmat
from sklearn.utils import Bunch

from .._parameters import BOOLEAN, PATH, check_arguments, declares
from .._typing import PathLike
from ._fetch import RemoteFile, fetch

FILE = RemoteFile(
    name="corn.mat",
    url="https://eigenvector.com/wp-content/uploads/2019/06/corn.mat_.zip",
    sha256="e28fd4be274a54ca57b1f2c67ef5a8bf4981f8314bcc73e4c64836fe658c46b5",
)

INSTRUMENTS = ("m5", "mp5", "mp6")

DESCR = """Corn (Cargill; M. Blackburn).

80 samples of corn, each measured on three near-infrared spectrometers at 1100-2498 nm, with
moisture, oil, protein and starch in percent by mass, and spectra of NBS glass standards on
each instrument. m5 differs much from mp5 and mp6, which are similar. Samples 75 and 77 are
often considered outliers. Distributed by Eigenvector Research, Inc.; stated to be in the
public domain.
"""


@declares(data_home=PATH | None, download_if_missing=BOOLEAN)
def fetch_corn(*, data_home: PathLike | None = None, download_if_missing: bool = True) -> Bunch:
    """Load the corn spectra: 80 samples on three NIR instruments.

    The file is searched for in `data_home`, in the folder in the environment variable
    ``SKSPEKTRON_DATA`` and in the user's cache. If it is in none of them, it is downloaded from
    its publisher. Its SHA-256 is checked each time.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that is searched first and that a download is saved to. None: the user's cache.
    download_if_missing : bool, default=True
        Whether to download the file if it is missing. False: raise an error.

    Returns
    -------
    Bunch
        X : dict of str to ndarray of shape (80, 700)
            Absorbance on "m5", "mp5" and "mp6"; row i is the same sample on each.
        y : ndarray of shape (80, 4)
            Moisture, oil, protein and starch, percent by mass.
        wavelength : ndarray of shape (700,)
            1100 to 2498 nm in steps of 2.
        sample_id : ndarray of shape (80,)
            1 to 80.
        target_names : list of str
            Names of the columns of `y`.
        standards : dict of str to ndarray of shape (n_standards, 700)
            Absorbance of NBS glass: 3 spectra on "m5", 4 on "mp5", 4 on "mp6".
        DESCR : str
            Description and source of the data.

    Raises
    ------
    ValueError
        If the file is damaged or another version.
    OSError
        If the file is missing and cannot be downloaded.

    References
    ----------
    .. [1] Eigenvector Research, Inc., corn data,
       https://eigenvector.com/resources/data-sets/

    Examples
    --------
    >>> from skspektron.datasets import fetch_corn
    >>> corn = fetch_corn()                                          # doctest: +SKIP
    >>> corn.X["m5"].shape, corn.y[0]                                # doctest: +SKIP
    ((80, 700), array([10.448,  3.687,  8.746, 64.838]))
    """
    check_arguments(fetch_corn, locals())
    path = fetch(FILE, data_home, download_if_missing)
    content = loadmat(path, squeeze_me=True, struct_as_record=False)
    return Bunch(
        X={name: content[f"{name}spec"].data for name in INSTRUMENTS},
        y=content["propvals"].data,
        wavelength=content["m5spec"].axisscale[1, 0].astype(float),
        sample_id=np.arange(1, 81),
        target_names=["moisture", "oil", "protein", "starch"],
        standards={name: content[f"{name}nbs"].data for name in INSTRUMENTS},
        DESCR=DESCR,
    )

"""The singular value decomposition that several folders use."""

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray


def thin_svd(A: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return U (n, r), singular values (r,), largest first, and Vt (r, p) of a finite A (n, p).

    The fast algorithm of LAPACK, divide and conquer, does not converge for some finite matrices of
    low rank, such as those of repeated spectra; QR iteration then does.
    """
    try:
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
    except np.linalg.LinAlgError:
        U, s, Vt = scipy.linalg.svd(A, full_matrices=False, lapack_driver="gesvd")
    return U, s, Vt

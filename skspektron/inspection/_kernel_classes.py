"""Tell kernels that find peaks from those that find slopes or follow the baseline."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

CLASSES = ("baseline", "peak", "derivative")  # a tie, as of zeros, goes to the first
FEWEST_CHANNELS = 5  # of fewer, constant and slope make up nearly every kernel
N_WIDTHS = 6
NARROWEST, WIDEST = 0.5, 1 / 6  # deviation of a band: in channels; as share of the kernel


class KernelClasses(NamedTuple):
    """Class of every kernel, and how well it fits.

    Attributes
    ----------
    label : ndarray of shape (n_kernels,)
        "peak", "derivative" or "baseline".
    energy : ndarray of shape (n_kernels,)
        Share of the kernel's energy that the best shape of its class explains, 0 to 1.

    See Also
    --------
    classify_kernels : Makes them.

    Examples
    --------
    >>> from skspektron.inspection import classify_kernels
    >>> classes = classify_kernels([[0.0, 1.0, 4.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    >>> classes.label.tolist(), classes.shares["peak"]
    (['peak', 'baseline'], 0.5)
    """

    label: NDArray[Any]
    energy: NDArray[Any]

    @property
    def shares(self) -> dict[str, float]:
        """Share of the kernels in every class; they sum to 1."""
        return {
            name: float(np.mean(self.label == name)) for name in ("peak", "derivative", "baseline")
        }


def classify_kernels(kernels: ArrayLike) -> KernelClasses:
    r"""Label kernels by the shape that explains most of their energy.

    Three families of shapes compete, and the energy that one explains is its squared
    correlation (about zero) with the kernel:

    - "peak": a band :math:`e^{-t^2/2w^2}`, or its negative second derivative, a band on its own
      baseline; even about their centre;
    - "derivative": its first derivative; odd about its centre;
    - "baseline": any constant plus slope, a plane of two dimensions.

    Bands have centres at every half channel and six widths w from half a channel to a sixth of
    the kernel; the sign of a kernel does not matter.

    Parameters
    ----------
    kernels : array-like of shape (n_kernels, n_channels)
        One kernel a row, of at least 5 channels, such as
        `SpektronPretrainer.patch_kernels_`.

    Returns
    -------
    classes : KernelClasses
        `label` and `energy` of every kernel, and the `shares` of the classes.

    Raises
    ------
    ValueError
        If the kernels are not a matrix of at least 5 columns.

    See Also
    --------
    PatchKernelDisplay : Draws the classes.

    Notes
    -----
    Every kernel gets a label, noise too: of kernels of 16 channels of white noise, 67 % count as
    peaks and 30 % as derivatives. `energy` tells: the best shape explains 0.42 of such a kernel
    in the median. Compare with an untrained network.

    Examples
    --------
    >>> from skspektron.inspection import classify_kernels
    >>> classes = classify_kernels([[0, 1, 4, 1, 0, 0], [0, 0, -1, 1, 0, 0], [5, 4, 3, 2, 1, 0]])
    >>> classes.label.tolist()
    ['peak', 'derivative', 'baseline']
    """
    kernels = check_array(kernels, dtype=np.float64, ensure_2d=False, input_name="kernels")
    if kernels.ndim != 2 or kernels.shape[1] < FEWEST_CHANNELS:
        raise ValueError(
            f"kernels have shape {kernels.shape}. Pass one kernel a row, of at least "
            f"{FEWEST_CHANNELS} channels: shapes of fewer cannot be told apart."
        )
    norm = np.linalg.norm(kernels, axis=1, keepdims=True)
    unit = kernels / np.where(norm > 0, norm, 1)
    peaks, derivatives = _bands(kernels.shape[1])
    line = _unit_rows(np.stack([np.ones(kernels.shape[1]), _centred(kernels.shape[1])]))
    explained = np.stack(
        [
            np.sum((unit @ line.T) ** 2, axis=1),
            np.max((unit @ peaks.T) ** 2, axis=1),
            np.max((unit @ derivatives.T) ** 2, axis=1),
        ]
    )
    best = explained.argmax(axis=0)
    return KernelClasses(np.array(CLASSES)[best], explained.max(axis=0))


def _bands(n_channels):
    """Return bands and their second derivatives, and their first ones: rows of length 1."""
    centres = np.arange(0, n_channels - 0.5, 0.5)
    widths = np.geomspace(NARROWEST, max(WIDEST * n_channels, NARROWEST), N_WIDTHS)
    t = (np.arange(n_channels) - centres[:, None, None]) / widths[:, None]
    band = np.exp(-(t**2) / 2)
    peaks = np.concatenate([band, (1 - t**2) * band])
    return (_unit_rows(shapes.reshape(-1, n_channels)) for shapes in (peaks, -t * band))


def _centred(n_channels):
    """Return channel numbers about their mean."""
    return np.arange(n_channels) - (n_channels - 1) / 2


def _unit_rows(rows):
    """Scale rows to length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)

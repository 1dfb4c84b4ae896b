"""Classification of kernels as peaks, derivatives or baselines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

CLASSES = ("baseline", "peak", "derivative")  # the first wins a tie, as for a kernel of zeros
MIN_CHANNELS = 5  # with fewer, a constant and a slope explain nearly every kernel
N_WIDTHS = 6
MIN_WIDTH = 0.5  # standard deviation of a band, in channels
MAX_WIDTH_FRACTION = 1 / 6  # of the length of the kernel


class KernelClasses(NamedTuple):
    """Class of each kernel and the energy that it explains.

    Attributes
    ----------
    label : ndarray of shape (n_kernels,)
        "peak", "derivative" or "baseline".
    energy : ndarray of shape (n_kernels,)
        Fraction of the kernel's energy that the best shape of its class explains, 0 to 1.

    See Also
    --------
    classify_kernels : Computes the classes.

    Examples
    --------
    >>> from skspektron.inspection import classify_kernels
    >>> classes = classify_kernels([[0.0, 1.0, 4.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    >>> classes.label.tolist(), classes.fractions["peak"]
    (['peak', 'baseline'], 0.5)
    """

    label: NDArray[Any]
    energy: NDArray[Any]

    @property
    def fractions(self) -> dict[str, float]:
        """Fraction of the kernels in each class; the fractions sum to 1."""
        return {
            name: float(np.mean(self.label == name)) for name in ("peak", "derivative", "baseline")
        }


def classify_kernels(kernels: ArrayLike) -> KernelClasses:
    r"""Label kernels by the shape that explains most of their energy.

    The energy that a shape explains is its squared correlation (about zero) with the kernel.
    There are three families of shapes:

    - "peak": a band :math:`e^{-t^2/2w^2}` or its negative second derivative, both even about
      their centre;
    - "derivative": the first derivative of a band, odd about its centre;
    - "baseline": any constant plus any slope.

    Bands have centres at every half channel and six widths w from half a channel to a sixth of
    the kernel. The sign of a kernel does not matter.

    Parameters
    ----------
    kernels : array-like of shape (n_kernels, n_channels)
        One kernel per row, of at least 5 channels, such as
        `SpektronPretrainer.patch_kernels_`.

    Returns
    -------
    classes : KernelClasses
        `label` and `energy` of each kernel, and the `fractions` of the classes.

    Raises
    ------
    ValueError
        If `kernels` is not a matrix with at least 5 columns.

    See Also
    --------
    PatchKernelDisplay : Plots the kernels by class.

    Notes
    -----
    Noise is labelled too: of kernels of 16 channels of white noise, 67 % are labelled peaks and
    30 % derivatives. Their `energy` is low, with a median of 0.42. Compare with an untrained
    network.

    Examples
    --------
    >>> from skspektron.inspection import classify_kernels
    >>> classes = classify_kernels([[0, 1, 4, 1, 0, 0], [0, 0, -1, 1, 0, 0], [5, 4, 3, 2, 1, 0]])
    >>> classes.label.tolist()
    ['peak', 'derivative', 'baseline']
    """
    kernels = check_array(kernels, dtype=np.float64, ensure_2d=False, input_name="kernels")
    if kernels.ndim != 2 or kernels.shape[1] < MIN_CHANNELS:
        raise ValueError(
            f"kernels must have shape (n_kernels, n_channels) with at least {MIN_CHANNELS} "
            f"channels, got {kernels.shape}. Pass one kernel per row; shapes of fewer channels "
            "are not distinguishable."
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
    """Return peak shapes and derivative shapes as rows of unit length."""
    centres = np.arange(0, n_channels - 0.5, 0.5)
    widths = np.geomspace(MIN_WIDTH, max(MAX_WIDTH_FRACTION * n_channels, MIN_WIDTH), N_WIDTHS)
    t = (np.arange(n_channels) - centres[:, None, None]) / widths[:, None]
    band = np.exp(-(t**2) / 2)
    peaks = np.concatenate([band, (1 - t**2) * band])
    return (_unit_rows(shapes.reshape(-1, n_channels)) for shapes in (peaks, -t * band))


def _centred(n_channels):
    """Return mean-centred channel numbers."""
    return np.arange(n_channels) - (n_channels - 1) / 2


def _unit_rows(rows):
    """Return rows scaled to unit length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)

"""Spectra interpolated at the channels of another axis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

# Relative. Positions of one channel that two files round differently agree within this.
CHANNEL_TOLERANCE = 1e-6


def interpolate_linear(
    X: NDArray[Any], axis: NDArray[Any], new_axis: NDArray[Any]
) -> NDArray[np.float64]:
    """Return rows of `X` on `axis`, in any order, at `new_axis`; constant beyond the ends."""
    order = np.argsort(axis)
    return np.array([np.interp(new_axis, axis[order], x[order]) for x in X])


def interpolate_monotone(
    X: NDArray[Any], axis: NDArray[Any], new_axis: NDArray[Any]
) -> NDArray[np.float64]:
    """Return rows of `X` on `axis`, in any order, at `new_axis`, by monotone cubics.

    Between two channels a curve stays between their values (Fritsch & Butland, SIAM J. Sci.
    Stat. Comput. 5 (1984) 300-304).
    """
    order = np.argsort(axis)
    return np.asarray(PchipInterpolator(axis[order], X[:, order], axis=1)(new_axis))

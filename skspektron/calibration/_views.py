"""Views: the preprocessings on which the regressions of an ensemble are fitted."""

from collections.abc import Callable
from typing import Any

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ..preprocessing import SNV

FIRST_DERIVATIVE_WINDOW, SECOND_DERIVATIVE_WINDOW = 11, 21  # channels
MIN_CHANNELS = 5  # of a derivative
ROUNDING_STEPS, FEW_ROWS = 8, 10  # by which, and of how many spectra, channels are changed


def spectral_views(n_channels: int) -> dict[str, Any]:
    """Return transformers of spectra by name, which output arrays."""
    views = {"spectra": FunctionTransformer(), "SNV": SNV()}
    if n_channels >= MIN_CHANNELS:
        first = savitzky_golay(1, FIRST_DERIVATIVE_WINDOW, n_channels)
        second = savitzky_golay(2, SECOND_DERIVATIVE_WINDOW, n_channels)
        views |= {
            "first derivative": first,
            "SNV, first derivative": make_pipeline(SNV(), first),
            "SNV, second derivative": make_pipeline(SNV(), second),
        }
    # Arrays, whatever scikit-learn's global configuration says.
    return {name: view.set_output(transform="default") for name, view in views.items()}


def savitzky_golay(order: int, window_length: int, n_channels: int) -> SavitzkyGolay:
    """Return a Savitzky-Golay derivative whose window fits into the spectrum."""
    window_length = min(window_length, n_channels - 1 + n_channels % 2)
    return SavitzkyGolay(window_length=window_length, polyorder=2, deriv=order, mode="interp")


def rounding_errors(
    transform: Callable[[NDArray[Any]], NDArray[Any]], X: NDArray[Any]
) -> NDArray[Any]:
    """Return the size of the rounding error of each channel of a view of the spectra `X`.

    A derivative has that of the spectra before it, not of its own small values. It is the median
    over some spectra, so that a constant one among them has no effect.
    """
    few = X[:FEW_ROWS]
    signs = np.random.RandomState(0).choice([-1, 1], size=few.shape)
    changed = few * (1 + ROUNDING_STEPS * np.finfo(np.float64).eps * signs)
    error: NDArray[Any] = np.median(np.abs(transform(changed) - transform(few)), axis=0)
    return error

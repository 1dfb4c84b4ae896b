"""Weights of the regressions of an ensemble, from the errors of held-out samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

EXPONENT = 0.1  # per held-out sample


def error_weights(errors: NDArray[Any], n_samples: int, floor: float = 1e-12) -> NDArray[Any]:
    """Return weights (m, q) that add up to 1, from mean squared errors (m, q) of held-out samples.

    A weight is proportional to the error to the power of -0.1 times the number of samples. Errors
    are in units of the variance of the target; those below `floor` are equal.
    """
    return softmax(-EXPONENT * n_samples * np.log(errors + floor), axis=0)

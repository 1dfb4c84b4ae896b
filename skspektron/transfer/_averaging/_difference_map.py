"""A map from target to source spectra that learns their difference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...calibration._kernels import Linear, LinearFeatures, fit_features
from ...calibration._ridge import RidgePath
from .._core._standards import Standards

MIN_STANDARDS = 3  # with two, a held-out standard leaves one, which has no differences to learn
STRENGTH = 0.1  # of the ridge, relative to the mean square norm; chosen on development tasks


@dataclass(frozen=True)
class DifferenceMap:
    """Ridge regression of the difference of both spectra on the target spectrum.

    A large ridge leaves the mean difference, a small one direct standardization [1]_. `held_out`
    (n, p) are the images of the standards under maps learnt without each of them.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.
    """

    features: LinearFeatures
    coef: NDArray[Any]  # (k, p)
    intercept: NDArray[Any]  # (p,)
    held_out: NDArray[Any]

    @classmethod
    def of(cls, standards: Standards) -> "DifferenceMap | None":
        """Learn from the spectra of standards; None if they are too few."""
        X, weights = standards.X_target, standards.weights
        if np.count_nonzero(weights) < MIN_STANDARDS:
            return None
        difference = standards.X_source - X
        features = fit_features(Linear(), X)
        assert isinstance(features, LinearFeatures)
        path = RidgePath.fit(features.transform(X), difference, np.array([STRENGTH]), weights)
        [coef], [intercept] = path.coefficients()
        [held_out] = path.held_out(np.arange(len(X)))
        return cls(features, coef, intercept, X + held_out)

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra as the source would measure them."""
        return X + self.features.transform(X) @ self.coef + self.intercept

    def factors(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return L (p, k), R (k, p) and c (p,) of the image x + x L R + c of a spectrum x."""
        constant = self.intercept - self.features.mean @ self.features.axes @ self.coef
        return self.features.axes, self.coef, constant

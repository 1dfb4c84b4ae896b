"""Kernels as features: every kernel regression becomes a ridge regression on a few columns.

A kernel matrix of the rows is factorized as Phi Phi', so that ridge regression, rows that are added
and held-out residuals need the feature matrix Phi alone. With up to `MAX_LANDMARKS` rows the
factorization is exact; with more it is Nyström's approximation from a part of the rows [1]_.

References
----------
.. [1] Williams & Seeger, Advances in Neural Information Processing Systems 13 (2001) 682-688.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Eigenvalues below this fraction of the largest count as rounding error.
ROUNDING = 1e-12
# Memory and time: a fit of 5,000 spectra of 700 channels takes less than a minute.
MAX_LANDMARKS = 600


@dataclass(frozen=True)
class Linear:
    """Linear kernel, of the channels or of the channels divided by their standard deviation."""

    autoscale: bool = False


@dataclass(frozen=True)
class RBF:
    """Gaussian kernel exp(-d² / (2 l²)) of the distance d of two rows [1]_.

    The length l is `length` times the root mean square distance between the training rows.
    `autoscale` divides the channels by their standard deviation.

    References
    ----------
    .. [1] Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press (2006), 83-85.
    """

    length: float
    autoscale: bool = False

    def of(self, square: NDArray[Any]) -> NDArray[Any]:
        """Return the kernel of squared distances in units of their mean."""
        return np.exp(square / (-2 * self.length**2))


@dataclass(frozen=True)
class Matern(RBF):
    """Matérn kernel (1 + r) exp(-r) with r = √3 d / l, whose functions are less smooth."""

    def of(self, square):
        """Return the kernel of squared distances in units of their mean."""
        r = np.sqrt(3 * square) / self.length
        return (1 + r) * np.exp(-r)


@dataclass(frozen=True)
class LinearFeatures:
    """Coordinates of rows along `axes` (p, k) from `mean` (p,); none where all rows are equal."""

    mean: NDArray[Any]
    axes: NDArray[Any]

    def transform(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return the features (n, k) of rows (n, p)."""
        return (Z - self.mean) @ self.axes

    def predictor(self, coef: NDArray[Any], intercept: NDArray[Any]) -> "LinearPredictor":
        """Return the regression with coefficients (k, q) of the features."""
        coef = self.axes @ coef
        return LinearPredictor(coef, intercept - self.mean @ coef)


@dataclass(frozen=True)
class RadialFeatures:
    """Projections of kernels at `landmarks` (m, p) by `projection` (m, k).

    Channels are multiplied by `scale` (p,), and `unit` is then the mean square distance of the
    training rows.
    """

    kernel: RBF
    scale: NDArray[Any]
    landmarks: NDArray[Any]
    unit: float
    projection: NDArray[Any]
    centre: NDArray[Any]  # (k,)

    def transform(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return the features (n, k) of rows (n, p)."""
        values = self.kernel.of(squared_distances(Z * self.scale, self.landmarks) / self.unit)
        return values @ self.projection - self.centre

    def predictor(self, coef: NDArray[Any], intercept: NDArray[Any]) -> "RadialPredictor":
        """Return the regression with coefficients (k, q) of the features."""
        dual, intercept = self.projection @ coef, intercept - self.centre @ coef
        return RadialPredictor(self.kernel, self.scale, self.landmarks, self.unit, dual, intercept)


@dataclass(frozen=True)
class LinearPredictor:
    """A linear regression: `coef` (p, q) and `intercept` (q,)."""

    coef: NDArray[Any]
    intercept: NDArray[Any]

    def predict(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions (n, q) for rows (n, p)."""
        return Z @ self.coef + self.intercept


@dataclass(frozen=True)
class RadialPredictor:
    """A regression on kernels at `landmarks` with coefficients `dual` (m, q)."""

    kernel: RBF
    scale: NDArray[Any]
    landmarks: NDArray[Any]
    unit: float
    dual: NDArray[Any]
    intercept: NDArray[Any]

    def predict(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions (n, q) for rows (n, p)."""
        values = self.kernel.of(squared_distances(Z * self.scale, self.landmarks) / self.unit)
        return values @ self.dual + self.intercept


Kernel = Linear | RBF
Features = LinearFeatures | RadialFeatures
Predictor = LinearPredictor | RadialPredictor


def fit_features(
    kernel: Kernel,
    Z: NDArray[Any],
    others: Sequence[NDArray[Any]] = (),
    rounding: NDArray[Any] | float = 0.0,
    max_features: int | None = None,
) -> Features:
    """Return the features of a kernel, centred and scaled to mean square norm 1 on the rows of `Z`.

    Scales and lengths are learnt from `Z`. The features represent the rows of `others`, such as
    spectra of standards, exactly too, if all rows are at most `MAX_LANDMARKS`; otherwise the
    first rows are the landmarks, so that rows come in random order. `rounding` is the rounding
    error of a channel, (p,) or one for all: channels, and rows, that vary less are constant.
    `max_features` limits the number of landmarks, rows at equal steps, and of features to this.
    """
    error = np.maximum(rounding, ROUNDING * np.abs(Z).max(axis=0, initial=0.0))
    landmarks = np.concatenate([*others, Z])
    if max_features is None:
        landmarks = landmarks[:MAX_LANDMARKS]
    else:
        few = min(len(landmarks), max_features)
        landmarks = landmarks[np.linspace(0, len(landmarks) - 1, few).astype(int)]
    mean, scale = Z.mean(axis=0), _scale(Z, error, kernel.autoscale)
    size, limit = np.linalg.norm((Z - mean) * scale), float(np.linalg.norm(error * scale))
    if size <= np.sqrt(len(Z)) * limit:
        return LinearFeatures(mean, np.zeros((Z.shape[1], 0)))
    if isinstance(kernel, Linear):
        return _linear(mean, scale, landmarks, size / np.sqrt(len(Z)), limit, max_features)
    unit = 2 * size**2 / max(len(Z) - 1, 1)
    return _radial(kernel, scale, Z, landmarks, unit, max_features)


def _scale(Z, error, autoscale):
    """Return what to multiply the channels by: 1, or the reciprocal of their deviation, or 0."""
    if not autoscale:
        return np.ones(Z.shape[1])
    deviation = Z.std(axis=0, ddof=0)
    varies = deviation > error
    return np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)


def _linear(mean, scale, landmarks, size, limit, max_features):
    """Return features of the linear kernel for rows of the root mean square norm `size`."""
    rows = (landmarks - mean) * scale
    if len(rows) < rows.shape[1]:
        axes = rows.T @ _inverse_root(rows @ rows.T, limit)
    else:
        axes = _eigenvectors(rows.T @ rows, limit)
    return LinearFeatures(mean, scale[:, None] * _last(axes, max_features) / size)


def _radial(kernel, scale, Z, landmarks, unit, max_features):
    """Return features of a kernel of distances whose mean square is `unit`."""
    landmarks = landmarks * scale
    gram = kernel.of(squared_distances(landmarks, landmarks) / unit)
    projection = _last(_inverse_root(gram), max_features)
    centre = np.zeros(projection.shape[1])
    features = RadialFeatures(kernel, scale, landmarks, unit, projection, centre)
    Phi = features.transform(Z)
    centre = Phi.mean(axis=0)
    size = np.sqrt(np.mean(((Phi - centre) ** 2).sum(axis=1)))
    return replace(features, projection=projection / size, centre=centre / size)


def _last(columns, n_columns):
    """Return the last columns, which are those of the largest eigenvalues; all if None."""
    return columns[:, max(0, columns.shape[1] - (n_columns or columns.shape[1])) :]


def squared_distances(Z: NDArray[Any], landmarks: NDArray[Any]) -> NDArray[Any]:
    """Return the squared distances (n, m) between rows (n, p) and (m, p)."""
    mean = landmarks.mean(axis=0)
    Z, landmarks = Z - mean, landmarks - mean
    squares = (Z**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * Z @ landmarks.T
    return np.maximum(squares, 0.0)


def _inverse_root(gram, limit=0.0):
    """Return B with B B' the pseudo-inverse of a Gram matrix (m, m)."""
    values, vectors = np.linalg.eigh(gram)
    kept = _counts(values, limit)
    return vectors[:, kept] / np.sqrt(values[kept])


def _eigenvectors(covariance, limit):
    """Return the eigenvectors (p, k) of a covariance matrix that are no rounding error."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors[:, _counts(values, limit)]


def _counts(values, limit):
    """Return which eigenvalues are no rounding error."""
    return values > max(ROUNDING * values.max(initial=0.0), len(values) * limit**2)

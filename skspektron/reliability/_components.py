"""Component models at the end of a pipeline: T2, Q and the residuals of channels."""

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._pipelines import last_step

COMPONENT_MODELS = (PCA, PLSRegression)


class Statistics:
    """T2, Q and residuals of a fitted model; chemotools computes T2 and Q, not their limits."""

    def __init__(self, model: Any, Z: NDArray[np.float64]) -> None:
        from chemotools.outliers import HotellingT2, QResiduals

        self._model = model
        self._t2 = HotellingT2(model).fit(Z)
        self._q = QResiduals(model, method="percentile").fit(Z)

    def __call__(self, Z: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return T2 and Q of each row of `Z`, and the squared residual of each channel, (n, p)."""
        residuals = Z - self._model.inverse_transform(self._model.transform(Z))
        return self._t2.predict_residuals(Z), self._q.predict_residuals(Z), residuals**2


def components(estimator: Any) -> Any:
    """Return a copy of the fitted last step that takes and returns arrays, not data frames."""
    model = copy(last_step(estimator))
    for name in ("feature_names_in_", "_sklearn_output_config"):
        vars(model).pop(name, None)
    return model


def is_pls(estimator: Any) -> bool:
    """Return whether the last step is PLS."""
    return isinstance(last_step(estimator), PLSRegression)


def check_kind(estimator: Any) -> None:
    """Raise if the last step of the estimator has no T2 and Q."""
    last = last_step(estimator)
    if not isinstance(last, COMPONENT_MODELS):
        raise TypeError(
            f"estimator must be {' or '.join(kind.__name__ for kind in COMPONENT_MODELS)}, or a "
            f"Pipeline that ends in one, got {type(last).__name__}. Pass PCA(0.99), the default."
        )
    if getattr(last, "whiten", False):
        raise ValueError(
            "The PCA must have whiten=False, got whiten=True: T2 divides the scores by their "
            "standard deviations itself. Pass PCA(..., whiten=False)."
        )


def check_references_of(estimator: Any, X: Any, y: ArrayLike | None) -> NDArray[Any] | None:
    """Return reference values as an array, None if the estimator does not use them."""
    reads = is_pls(estimator) and not isinstance(estimator, FrozenEstimator)
    if y is None:
        if not reads:
            return None
        raise ValueError(
            f"y must be given for PLS, got None for {len(X)} spectra. Pass y to fit, or an "
            "estimator that ends in PCA."
        )
    check_consistent_length(X, y)
    y = np.asarray(y)
    n_missing = np.count_nonzero(y != y)
    if n_missing and reads:
        raise ValueError(
            f"y is NaN in {n_missing} of the {y.size} reference values that PLS is fitted on. Drop "
            "those rows, or pass a fitted calibration in a FrozenEstimator, or PCA."
        )
    return y


def n_components(model: Any, Z: NDArray[np.float64]) -> int:
    """Return the number of components of a fitted model."""
    check_is_fitted(model)  # PCA of scikit-learn 1.6 raises a less helpful error
    return int(np.shape(model.transform(Z[:1]))[1])

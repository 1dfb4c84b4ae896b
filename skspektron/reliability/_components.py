"""Models of components behind preprocessing, and the T2 and Q that chemotools computes of them."""

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

MODELS = (PCA, PLSRegression)


class Statistics:
    """T2 and Q of a fitted model, as chemotools computes them; its limits are not used."""

    def __init__(self, model: Any, Z: NDArray[np.float64]) -> None:
        from chemotools.outliers import HotellingT2, QResiduals

        self._t2 = HotellingT2(model).fit(Z)
        self._q = QResiduals(model, method="percentile").fit(Z)

    def __call__(self, Z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return T2 and Q, one a row of `Z`."""
        return self._t2.predict_residuals(Z), self._q.predict_residuals(Z)


def last_step(estimator: Any) -> Any:
    """Return the estimator itself or the last step of a pipeline, thawed."""
    if isinstance(estimator, FrozenEstimator):
        return last_step(estimator.estimator)
    return last_step(estimator[-1]) if isinstance(estimator, Pipeline) else estimator


def components(estimator: Any) -> Any:
    """Return the fitted last step as it takes and gives arrays, whatever it was fitted on."""
    model = copy(last_step(estimator))
    for name in ("feature_names_in_", "_sklearn_output_config"):
        vars(model).pop(name, None)
    return model


def is_pls(estimator: Any) -> bool:
    """Tell whether the components are those of PLS."""
    return isinstance(last_step(estimator), PLSRegression)


def check_kind(estimator: Any) -> None:
    """Refuse an estimator that does not end in components."""
    last = last_step(estimator)
    if not isinstance(last, MODELS):
        raise TypeError(
            f"The estimator ends in {type(last).__name__}, which has no T2 and Q. Pass "
            f"{' or '.join(kind.__name__ for kind in MODELS)}, or a Pipeline that ends in one."
        )
    if getattr(last, "whiten", False):
        raise ValueError(
            "The PCA has whiten=True: its scores are divided by their deviations already, and T2 "
            "would divide them once more. Pass one with whiten=False."
        )


def n_components(model: Any, Z: NDArray[np.float64]) -> int:
    """Return the number of components of a fitted model."""
    check_is_fitted(model)  # PCA of scikit-learn 1.6 says it less well
    return int(np.shape(model.transform(Z[:1]))[1])

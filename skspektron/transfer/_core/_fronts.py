"""Steps before the last of a calibration that are fitted to the reference values.

Such a step has seen the reference values of the rows that a cross-validation holds out, so it is
fitted again in every fold. Other steps are fitted once.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ..._pipelines import front_pipeline
from ._grids import Layout
from ._standards import Rows

# Differences below this fraction of the variation of a column, or of all columns, are ignored.
COLUMN_TOLERANCE, TOLERANCE = 1e-5, 1e-10

RefitFront = Callable[[NDArray[np.intp]], Callable[[NDArray[Any]], NDArray[Any]]]


def refit_front(estimator: Any, source: Rows, layout: Layout) -> RefitFront | None:
    """Return a function from training rows to the steps before the last, fitted on those rows.

    None if the fitted estimator has no steps before the last, or if they do not use `y`.
    """
    front = front_pipeline(estimator)
    if front is None or not is_supervised(front, layout.as_given(source.X)):
        return None

    def refit(train: NDArray[np.intp]) -> Callable[[NDArray[Any]], NDArray[Any]]:
        fitted = clone(front).fit(layout.as_given(source.X[train]), source.y[train])
        return lambda X: np.asarray(fitted.transform(layout.as_given(X)), dtype=np.float64)

    return refit


def is_supervised(front: Pipeline, X: Any) -> bool:
    """Return whether fitted steps transform the spectra `X` unlike steps fitted without `y`.

    Tags do not show it: `SelectKBest` and `PLSRegression` declare that they do not require `y`.
    """
    try:
        without_y = np.asarray(clone(front).fit(X).transform(X))
    except Exception:  # a step that needs y may raise anything without it
        return True
    Z = np.asarray(front.transform(X))
    if Z.shape != without_y.shape:
        return True
    variation = np.abs(Z - Z.mean(axis=0)).max(axis=0)
    rounding = len(Z) * np.finfo(np.float64).eps * np.abs(Z).max()
    limit = COLUMN_TOLERANCE * variation + TOLERANCE * variation.max() + rounding
    return not bool((np.abs(Z - without_y) <= limit).all())

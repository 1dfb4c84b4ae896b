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

ROUNDING_STEPS, FEW_ROWS = 8, 10  # by which, and of how many spectra, channels are changed
ROUNDING_LIMIT = 1e-3  # fraction of a column's variation that rounding may reach

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


def amplifies_rounding(transform: Callable[[NDArray[Any]], NDArray[Any]], X: NDArray[Any]) -> bool:
    """Return whether steps scale the rounding errors of the spectra `X` up to their variation.

    So does a `StandardScaler` after a derivative, which is zero up to rounding in a padded band.
    """
    Z, few = transform(X), X[:FEW_ROWS]
    signs = np.random.RandomState(0).choice([-1, 1], size=few.shape)
    changed = few * (1 + ROUNDING_STEPS * np.finfo(np.float64).eps * signs)
    change = np.abs(transform(changed) - transform(few)).max(axis=0)
    variation = np.abs(Z - Z.mean(axis=0)).max(axis=0)
    counts = variation > ROUNDING_LIMIT * variation.max(initial=0.0)
    return bool((change[counts] > ROUNDING_LIMIT * variation[counts]).any())

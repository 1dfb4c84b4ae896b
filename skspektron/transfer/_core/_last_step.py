"""Transfer methods that change the last step of the calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ..._pipelines import last_step, split_last_step
from ._base import BaseTransfer
from ._fronts import refit_front
from ._standards import Rows, Standards


class LastStepTransfer(BaseTransfer):
    """Change the last step of the calibration, on spectra after the steps before it."""

    _takes_nan = False

    def _last_step(self):
        """Return the fitted last step of the calibration."""
        return last_step(self.estimator_)

    def _transform_front(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return spectra as the last step of the calibration sees them."""
        front, _ = split_last_step(self.estimator_)
        return np.asarray(front(self._layout.as_given(X)), dtype=np.float64)

    def _transform_rows(
        self,
        source: Rows,
        standards: Standards,
        front: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> tuple[Rows, Standards]:
        """Return source rows and standards as the last step of the calibration sees them."""
        front = self._transform_front if front is None else front
        X_source, X_target = map(front, (standards.X_source, standards.X_target))
        source = replace(source, X=front(source.X))
        X_sources = standards.transform_sources(front)
        return source, replace(standards, X_source=X_source, X_target=X_target, X_sources=X_sources)

    def _refit_rows(
        self, source: Rows, standards: Standards
    ) -> Callable[[NDArray[np.intp]], tuple[Rows, Standards]] | None:
        """Return what `choose_calibration` refits, None if no step before the last uses `y`."""
        refit = refit_front(self.estimator_, source, self._layout)
        if refit is None:
            return None
        return lambda train: self._transform_rows(source, standards, refit(train))

    def _fit_last(self, final, X: NDArray[Any], y: NDArray[Any]):
        """Return a clone of a last step, fitted on `X` and `y`."""
        return clone(final).fit(self._name_columns(X), y)

    def _predict_last(self, final, X: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of a last step in the shape of the `y` of fit."""
        return np.asarray(final.predict(self._name_columns(X))).reshape(len(X), *self._n_outputs)

    def _name_columns(self, X: NDArray[Any]):
        """Return `X`, with the column names of fit if the calibration is no pipeline."""
        return X if isinstance(self.estimator_, Pipeline) else self._layout.as_given(X)

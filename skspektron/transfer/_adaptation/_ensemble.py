"""An ensemble of calibrations on views of the spectra and on an adapted embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import Pipeline

from ..._interpolation import fill_gaps
from .._averaging._ensemble import Ensemble
from .._averaging._members import ViewedRows
from .._averaging._views import CommonViews
from .._core._standards import Rows, Standards

EMBEDDING = "adapted embedding"  # its name among the views


@dataclass(frozen=True, repr=False, eq=False)
class AdaptedEnsemble(RegressorMixin, BaseEstimator):
    """The ensemble of `EnsembleTransfer` with an adapted embedding as one more view.

    `embedding` are the fitted steps from target spectra to embeddings, and `shape` is the shape of
    the reference values of one spectrum.
    """

    views: CommonViews
    embedding: Pipeline
    ensemble: Ensemble
    shape: tuple[int, ...]

    @classmethod
    def of(
        cls,
        source: Rows,
        standards: Standards,
        *,
        views: CommonViews,
        embedding: Pipeline,
        embedded: ViewedRows,
    ) -> AdaptedEnsemble:
        """Fit on rows of both instruments, each on its channels, and on their embeddings."""
        spectra = replace(
            standards,
            X_source=fill_gaps(standards.X_source),
            X_target=views.place(standards.X_target),
            X_sources=standards.transform_sources(fill_gaps),
        )
        ensemble = Ensemble.fit(
            views.transform,
            replace(source, X=fill_gaps(source.X)),
            spectra,
            more={EMBEDDING: embedded},
        )
        return cls(views, embedding, ensemble, source.y.shape[1:])

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every view in the mean."""
        return self.ensemble.weights

    @property
    def n_features_in_(self) -> int:
        """Number of channels of the target spectra."""
        return int(self.embedding.n_features_in_)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return predictions for target spectra, (n,) or (n, q)."""
        Z = np.asarray(self.embedding.transform(X))
        spectra = self.views.place(np.asarray(X))
        y = self.ensemble.predict(self.views.transform, spectra, {EMBEDDING: Z})
        return y.reshape(len(Z), *self.shape)

    def __sklearn_is_fitted__(self):
        return True


@dataclass(frozen=True, eq=False)
class FittedAdapter:
    """The adapter of a fit and what was fitted with it, to return to after another adapter."""

    adapter: dict[str, NDArray[Any]]
    alpha: float
    target: Any
    estimator: Any
    head: Pipeline

    def is_equal(self, adapter: dict[str, NDArray[Any]], alpha: float, target: Any) -> bool:
        """Return whether these are factors, offset, scale and target of the fit."""
        return (
            (self.alpha, self.target) == (alpha, target)
            and self.adapter.keys() == adapter.keys()
            and all(np.array_equal(self.adapter[name], adapter[name]) for name in adapter)
        )

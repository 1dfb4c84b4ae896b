"""An ensemble of calibrations on views of the spectra and on an adapted embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import Pipeline

from .._averaging._views import CommonViews
from .._averaging._weights import LinearMember, ViewedRows, fit_members
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
    members: dict[str, LinearMember]
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
        viewed = views.transform_training(source, standards) | {EMBEDDING: embedded}
        members = fit_members(viewed, source, standards)
        return cls(views, embedding, members, source.y.shape[1:])

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every view in the mean."""
        return {name: member.weight for name, member in self.members.items()}

    @property
    def n_features_in_(self) -> int:
        """Number of channels of the target spectra."""
        return int(self.embedding.n_features_in_)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return predictions for target spectra, (n,) or (n, q)."""
        Z = np.asarray(self.embedding.transform(X))
        viewed = self.views.transform_target(np.asarray(X)) | {EMBEDDING: Z}
        y = np.sum([self.members[n].predict(viewed[n]) for n in self.members], axis=0)
        return np.asarray(y).reshape(len(Z), *self.shape)

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

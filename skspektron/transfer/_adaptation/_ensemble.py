"""An ensemble of calibrations on views of the spectra and on an adapted embedding."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._averaging._views import CommonViews
from .._averaging._weights import LinearMember, ViewedRows, fit_members
from .._core._standards import Rows, Standards

EMBEDDING = "adapted embedding"  # its name among the views


@dataclass(frozen=True)
class AdaptedEnsemble:
    """The ensemble of `EnsembleTransfer` with an adapted embedding as one more view."""

    views: CommonViews
    members: dict[str, LinearMember]

    @classmethod
    def fit(
        cls,
        source: Rows,
        target: Rows,
        standards: Standards,
        *,
        wavenumber: NDArray[Any],
        embedding: ViewedRows,
    ) -> "AdaptedEnsemble":
        """Fit on rows of both instruments, on all channels, and on their embeddings."""
        views = CommonViews.of(source.X, target.X, wavenumber)
        viewed = views.transform_training(source, standards) | {EMBEDDING: embedding}
        return cls(views, fit_members(viewed, source, standards))

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every view in the mean."""
        return {name: member.weight for name, member in self.members.items()}

    def predict(self, X: NDArray[Any], Z: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (n, q) for target spectra `X` with the adapted embeddings `Z`."""
        viewed = self.views.transform_target(X) | {EMBEDDING: Z}
        return np.sum([self.members[n].predict(viewed[n]) for n in self.members], axis=0)

"""Transfer methods whose map has a number of components."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._parameters import Rules
from ..._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from .._maps._base import N_COMPONENTS
from ._base import BaseTransfer
from ._mapped import MappedTransfer
from ._standards import Rows, Standards
from ._tuning import choose_map, largest_rank

MAX_COMPONENTS = 15


class ComponentsTransfer(BaseTransfer):
    """Transfer method with the number of components of its map as its only own parameter."""

    _parameters: ClassVar[Rules] = {"n_components": N_COMPONENTS | "auto"}

    _needs_pairs = True
    _takes_nan = False

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 10,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        n_components: int | str | None = "auto",
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
            memory=memory,
            trained_on=trained_on,
        )
        self.n_components = n_components


class LowRankTransfer(ComponentsTransfer, MappedTransfer):
    """Map target spectra to the source, then predict; a method sets `_map_class`."""

    _map_class: type

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the map on the paired standards, with the number of components that agrees best."""
        n_components = self.n_components
        if n_components == "auto":
            counts = range(1, 1 + min(MAX_COMPONENTS, largest_rank(len(standards))))

            def map_candidates(X_target, X_source, X):
                maps = [self._map_class(n_components=k).fit(X_target, X_source) for k in counts]
                return np.stack([candidate.transform(X) for candidate in maps])

            chosen = choose_map(map_candidates, self._predict_source, standards, source.y)
            n_components = counts[chosen]
        self.map_ = self._map_class(n_components=n_components)
        self.map_.fit(standards.X_target, standards.X_source)

    def _map(self, X):
        """Map target spectra to the source."""
        return np.asarray(self.map_.transform(X))

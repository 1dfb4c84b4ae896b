"""Transfer methods with a map that is a regression on paired standards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._parameters import Rules
from ..._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from .._maps._base import LEARNS, N_COMPONENTS, PENALTY, RegressionMap
from ._mapped import MappedTransfer
from ._standards import Rows, Standards
from ._tuning import (
    OF_STANDARDS,
    disagreements,
    first_smallest,
    in_unit_of,
    largest_rank,
    likely_penalty,
)

# In order of falling penalty; the first is an offset. On the development tasks, steps of half a
# power of 10 are no better, and a smallest penalty of 1e-4 is worse with five standards.
PENALTIES = (np.inf, 10.0, 1.0, 0.1, 0.01, 0.001)
MAX_COMPONENTS = 15


class PairedMapTransfer(MappedTransfer):
    """Map target spectra to the source by a regression, then predict.

    A method sets `_map_class`, and may compare several maps, `_maps`.
    """

    _parameters: ClassVar[Rules] = {
        "learns": LEARNS,
        "penalty": PENALTY | "auto",
        "n_components": N_COMPONENTS | "auto",
    }

    _needs_pairs = True
    _takes_nan = False
    _takes_weights = True
    _keeps_target_grid = True
    _map_class: type[RegressionMap]
    _max_components = MAX_COMPONENTS

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
        bad_standards: str = "warn",
        learns: str = "difference",
        penalty: float | str = "auto",
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
            bad_standards=bad_standards,
        )
        self.learns = learns
        self.penalty = penalty
        self.n_components = n_components

    def _check_parameters(self) -> None:
        """Refuse invalid parameters, and those of the other form of the map."""
        super()._check_parameters()
        self._new_map()._check_form()

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the map on the paired standards, with the settings that agree best."""
        standards = standards[standards.weights > 0]
        maps = self._maps()
        tuned, values = self._tuned(len(standards))
        best, value = 0, values[0]
        if len(maps) * len(values) > 1:
            best, value = self._choose(maps, values, source, standards)
        self.map_ = maps[best].set_params(**{tuned: value})
        self.map_.fit(standards.X_target, standards.X_source, sample_weight=standards.weights)

    def _choose(self, maps, values, source, standards):
        """Return which map and which value of the tuned parameter agree best."""

        def map_candidates(standards, X):
            spectra = standards.X_target, standards.X_source, standards.weights
            paths = [each._map_path(each._pairs(*spectra), X, values) for each in maps]
            return np.concatenate(paths)

        found = disagreements(map_candidates, self._predict_source, standards, source.y)
        if found is None:
            return 0, values[0]
        errors = found.sum(axis=1)
        if self.learns == "difference":
            errors = errors.reshape(len(maps), len(values))
            best, choice = likely_penalty(errors, standards.weights.sum())
        else:
            best, choice = divmod(first_smallest(errors), len(values))
        chosen = found[best * len(values) + choice]
        self._errors[OF_STANDARDS] = in_unit_of(source.y, chosen)
        return best, values[choice]

    def _tuned(self, n_standards: int) -> tuple[str, Sequence[Any]]:
        """Return the parameter that is tuned and its values, the given one if it is not "auto"."""
        if self.learns == "difference":
            return "penalty", PENALTIES if self.penalty == "auto" else [self.penalty]
        most = min(self._max_components, largest_rank(n_standards))
        given = self.n_components
        return "n_components", range(1, 1 + most) if given == "auto" else [given]

    def _maps(self) -> list[RegressionMap]:
        """Return the maps to compare, unfitted."""
        target_axis, source_axis = self._layout.axes
        if self.learns == "spectrum":
            return [self._new_map()]
        return [self._new_map(target_axis=target_axis, source_axis=source_axis)]

    def _new_map(self, **parameters: Any) -> RegressionMap:
        """Return an unfitted map with the parameters of the method, and those given."""
        n_components = None if self.n_components == "auto" else self.n_components
        return self._map_class(
            learns=self.learns, penalty=self.penalty, n_components=n_components, **parameters
        )

    def _map(self, X):
        """Map target spectra to the source."""
        return np.asarray(self.map_.transform(X))

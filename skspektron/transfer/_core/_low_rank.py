"""Transfer methods whose only parameter is a number of components."""

from __future__ import annotations

from typing import ClassVar

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._parameters import Rules
from ..._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from .._maps._base import N_COMPONENTS
from ._base import BaseTransfer


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
        bad_standards: str = "warn",
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
        self.n_components = n_components

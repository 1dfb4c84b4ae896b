"""The weighted mean of ridge regressions on several views of the spectra."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._progress import named_bar
from ...calibration._kernels import Predictor
from ...calibration._views import rounding_errors
from .._core._standards import Rows, Standards
from ._difference_map import DifferenceMap
from ._members import Member, ViewedRows, combine, fit_view
from ._views import view_fractions
from ._weights import held_out_error, member_weights

Viewed = Mapping[str, NDArray[Any]]
Transform = Callable[[NDArray[Any]], Viewed]  # from spectra to rows by view


@dataclass(frozen=True)
class Ensemble:
    """Regressions for target spectra, by view, whose predictions add up to the weighted mean.

    Those of `mapped` are for target spectra after `difference_map`. `weights` are those of the
    views; they add up to 1. `held_out_error` (q,) is the root mean square error of held-out
    standards in the unit of `y`, from regressions fitted without each of them.
    """

    direct: dict[str, list[Predictor]]
    mapped: dict[str, list[Predictor]]
    difference_map: DifferenceMap | None
    weights: dict[str, float]
    held_out_error: NDArray[Any]

    @classmethod
    def fit(
        cls,
        transform: Transform,
        source: Rows,
        standards: Standards,
        *,
        more: Mapping[str, ViewedRows] | None = None,
        verbose: int = 0,
    ) -> "Ensemble":
        """Fit all regressions and their weights; views that are not of spectra are in `more`.

        A standard without a label on the target gets the label of its source rows.
        """
        y = np.where(np.isfinite(standards.y), standards.y, standards.y_source)
        standards = replace(standards, y=y.reshape(len(standards), -1))
        source = replace(source, y=source.y.reshape(len(source.y), -1))
        difference_map = DifferenceMap.of(standards)
        rows, mapped_rows = view_rows(transform, source, standards, difference_map)
        rows |= more or {}
        members: list[Member] = []
        for name in named_bar(rows, list(rows), "averaging", unit="view", verbose=verbose):
            for views in (rows, mapped_rows):
                if name in views:
                    members += fit_view(name, views[name], source, standards)
        fractions = view_fractions(rows)
        prior = np.array([fractions[member.view] for member in members])
        weights = member_weights(members, prior, source, standards)
        totals = dict.fromkeys(rows, 0.0)
        for member, part in zip(members, weights, strict=True):
            totals[member.view] += float(part.sum(axis=0).mean())
        direct, mapped = (
            {name: _combine(members, weights, name, is_mapped) for name in views}
            for is_mapped, views in ((False, rows), (True, mapped_rows))
        )
        error = held_out_error(members, weights, standards)
        return cls(direct, mapped, difference_map, totals, error)

    def predict(
        self, transform: Transform, X: NDArray[Any], more: Viewed | None = None
    ) -> NDArray[Any]:
        """Return predictions (n, q) for target spectra at the channels of the source."""
        parts = list(_predictions(self.direct, {**transform(X), **(more or {})}))
        if self.difference_map is not None:
            parts += _predictions(self.mapped, transform(self.difference_map.transform(X)))
        return np.asarray(np.sum(parts, axis=0))


def view_rows(
    transform: Transform,
    source: Rows,
    standards: Standards,
    difference_map: DifferenceMap | None,
) -> tuple[dict[str, ViewedRows], dict[str, ViewedRows]]:
    """Return the rows of every view, of target spectra and of their images under the map."""
    Z, Z_source, Z_target = map(transform, (source.X, standards.X_source, standards.X_target))
    rounding = _rounding(transform, source.X)
    between = _between_sources(transform, standards)
    direct = {
        name: ViewedRows(
            Z[name],
            Z_source[name],
            Z_target[name],
            between=between.get(name),
            rounding=rounding[name],
        )
        for name in Z
    }
    if difference_map is None:
        return direct, {}
    images = transform(difference_map.held_out)
    mapped = {
        name: replace(view, Z_target=images[name], between=None, is_mapped=True)
        for name, view in direct.items()
    }
    return direct, mapped


def _combine(members, weights, view: str, is_mapped: bool) -> list[Predictor]:
    """Return the predictors of one view."""
    pairs = zip(members, weights, strict=True)
    chosen = [pair for pair in pairs if (pair[0].view, pair[0].is_mapped) == (view, is_mapped)]
    return combine(*zip(*chosen, strict=True))


def _predictions(predictors: Mapping[str, list[Predictor]], viewed: Viewed):
    """Yield the predictions (n, q) of all predictors."""
    for name, parts in predictors.items():
        for predictor in parts:
            yield predictor.predict(viewed[name])


def _rounding(transform: Transform, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the rounding errors of the channels of every view."""
    widths = {name: Z.shape[1] for name, Z in transform(X[:1]).items()}
    together = rounding_errors(lambda X: np.concatenate([*transform(X).values()], axis=1), X)
    parts = np.split(together, np.cumsum([*widths.values()])[:-1])
    return dict(zip(widths, parts, strict=True))


def _between_sources(transform: Transform, standards: Standards) -> dict[str, Any]:
    """Return both spectra of the pairs of two sources by view, and the standard of each pair."""
    if standards.X_sources is None:
        return {}
    n_of_target = np.count_nonzero(np.isfinite(standards.X_sources).any(axis=2))
    first, second, at = (part[n_of_target:] for part in standards.pairs())
    if not len(at):
        return {}
    Z, Z_other = transform(first), transform(second)
    return {name: (Z[name], Z_other[name], at) for name in Z}

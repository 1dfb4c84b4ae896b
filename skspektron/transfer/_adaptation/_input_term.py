"""The part of an adapter that changes spectra before the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from ..._frames import like_frame
from ..._interpolation import fill_gaps
from .._averaging._difference_map import DifferenceMap
from .._core._standards import Standards

LEFT, RIGHT, CONSTANT = INPUT_TERM = ("input.left", "input.right", "input.constant")


class AddLowRankTerm(TransformerMixin, BaseEstimator):
    """Add an affine function of low rank to spectra: x + x `left` `right` + `constant`."""

    def __init__(self, left, right, constant):
        self.left = left
        self.right = right
        self.constant = constant

    def fit(self, X, y=None):
        """Return the transformer unchanged; nothing is learnt."""
        return self

    def transform(self, X):
        """Return `X` with the term, a data frame if `X` is; missing channels stay missing."""
        values = np.asarray(X, dtype=np.float64)
        changed = values + fill_gaps(values) @ self.left @ self.right + self.constant
        return like_frame(changed, X, getattr(X, "columns", None))

    def __sklearn_is_fitted__(self):
        return True


def learn_input_term(
    standards: Standards, X_source: NDArray[Any], X_target: NDArray[Any]
) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Return the term as arrays by name, and target spectra with terms learnt without each.

    `X_source` and `X_target` are the spectra of the standards as the network takes them. Too few
    standards give no arrays and the spectra unchanged.
    """
    used, X = standards.weights > 0, fill_gaps(X_target)
    known = replace(standards, X_source=fill_gaps(X_source), X_target=X, X_sources=None)
    learnt = DifferenceMap.of(known[used])
    if learnt is None:
        return {}, X_target
    images = learnt.transform(X)
    images[used] = learnt.held_out
    left, right, constant = learnt.factors()
    term = {LEFT: left, RIGHT: right, CONSTANT: constant}
    return term, np.where(np.isnan(X_target), np.nan, images)


def input_steps(adapter: Mapping[str, NDArray[Any]]) -> list[tuple[str, AddLowRankTerm]]:
    """Return the step of a pipeline that adds the term of an adapter; none without a term."""
    if LEFT not in adapter:
        return []
    return [("input", AddLowRankTerm(*(adapter[name] for name in INPUT_TERM)))]


def with_input_term(adapter: Mapping[str, NDArray[Any]], X: NDArray[Any]) -> NDArray[Any]:
    """Return spectra with the term of an adapter, unchanged if it has none."""
    for _, step in input_steps(adapter):
        X = step.transform(X)
    return X

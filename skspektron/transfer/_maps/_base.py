"""Base classes and checks of the maps learnt from paired standards."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._documentation import DocumentedEstimator
from ..._frames import in_order_of_names, with_text_names
from ..._parameters import Integer, Rules
from ..._threads import one_thread_if_small
from ..._validation import Axis, check_channels

AXIS = Axis("nm or cm-1") | None
N_COMPONENTS = Integer(1) | None


class PairedMap(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocumentedEstimator):
    """Affine map of target spectra; subclasses set `coef_` and `intercept_` in `fit`."""

    @one_thread_if_small
    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return `X` as the source instrument would have measured it."""
        check_is_fitted(self)
        X = in_order_of_names(X, getattr(self, "feature_names_in_", None))
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._linear(X) + self.intercept_

    def _linear(self, X):
        """Return `X` times the coefficients."""
        return X @ self.coef_

    @property
    def _n_features_out(self):
        """Number of source channels, for the names of the columns."""
        return len(self.intercept_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


class LowRankMap(PairedMap):
    """Affine map whose coefficients are a product of thin factors.

    Subclasses set `left_` (n_features_in_, k), `right_` (k, n_features_source) and `intercept_`.
    """

    _parameters: ClassVar[Rules] = {"n_components": N_COMPONENTS}

    _adds_identity = False  # the coefficients are the product plus the identity

    @property
    def coef_(self) -> NDArray[Any]:
        """Transfer matrix of shape (n_features_in_, n_features_source)."""
        return self._linear(np.eye(self.n_features_in_))

    def _linear(self, X):
        """Return `X` times the coefficients without forming the matrix."""
        product = (X @ self.left_) @ self.right_
        return X + product if self._adds_identity else product


def check_pairs(estimator, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the spectra of paired standards: those of the target and those of the source."""
    X = with_text_names(X)
    target, source = validate_data(estimator, X, y, dtype=np.float64, multi_output=True)
    # validate_data does not convert y to numbers: text and None are refused here.
    source = check_array(source, dtype=np.float64, ensure_2d=False, input_name="y")
    return target, source.reshape(len(source), -1)


def opposite_channels(n_target, n_source, target_axis=None, source_axis=None) -> NDArray[np.intp]:
    """Return the index of the target channel nearest to each source channel."""
    if (target_axis is None) != (source_axis is None):
        raise ValueError(
            "Only one of target_axis and source_axis was given. "
            "Pass both axes in one unit, or neither if both cover the same range."
        )
    if target_axis is None:
        return np.rint(np.linspace(0, n_target - 1, n_source)).astype(int)
    target = check_channels(target_axis, n_target, "target_axis", "nm or cm-1")
    source = check_channels(source_axis, n_source, "source_axis", "nm or cm-1")
    outside = np.count_nonzero((source < target.min()) | (source > target.max()))
    if outside:
        raise ValueError(
            f"{outside} of the {n_source} source channels lie outside the range of the target, "
            f"{target.min():g} to {target.max():g}. Remove them; spectra are not extrapolated."
        )
    order = np.argsort(target)  # so that the smaller of two equally near channels is taken
    return order[np.abs(source[:, None] - target[order]).argmin(axis=1)]

"""Base classes and checks of the maps learnt from paired standards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._documentation import DocumentedEstimator
from ..._fitting import unfitted_on_failure
from ..._frames import in_order_of_names, with_text_names
from ..._parameters import Choice, Integer, Number, Rules, check_parameters
from ..._threads import one_thread_if_small
from ..._validation import Axis, check_channels
from .._algorithms._pairs import Axes, Interpolation, Pairs

if TYPE_CHECKING:
    from typing_extensions import Self

AXIS = Axis("nm or cm-1") | None
N_COMPONENTS = Integer(1) | None
PENALTY = Number(at_least=0.0) | np.inf
LEARNS = Choice(("difference", "spectrum"))
# Of a map without a calibration to choose it by. Of the powers of 10, the best at five standards
# on the development tasks are 0.1 for DS, and 0.01 (derivatives) and 1 (raw spectra) for PDS
# (benchmarks/results/maps.csv).
DEFAULT_PENALTY = 0.1

Factors = tuple[NDArray[Any], NDArray[Any]]  # (n_target, k) and (k, n_source)


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


class RegressionMap(PairedMap):
    """Map learnt by a regression of source spectra, or of their difference, on target spectra."""

    _parameters: ClassVar[Rules] = {
        "learns": LEARNS,
        "penalty": PENALTY | "auto",
        "target_axis": AXIS,
        "source_axis": AXIS,
    }

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_parameters(self)
        self._check_form()
        target, source = check_pairs(self, X, y)
        pairs = self._pairs(target, source, check_weights(sample_weight, target))
        self._solve(pairs)
        self.intercept_ = pairs.Y_mean - self._linear(pairs.X_mean[None])[0]
        return self

    def _map_path(self, pairs: Pairs, X: NDArray[Any], values: Sequence[Any]) -> NDArray[Any]:
        """Return `X` under the map with each value of the parameter that is tuned.

        That is `penalty` if the map learns the difference, and `n_components` otherwise; the
        result has shape (n_values, n, n_source).
        """
        raise NotImplementedError

    def _solve(self, pairs: Pairs) -> None:
        """Set the coefficients."""
        raise NotImplementedError

    def _pairs(
        self, target: NDArray[Any], source: NDArray[Any], weights: NDArray[Any] | None
    ) -> Pairs:
        """Return centred standards, with the interpolation between the two axes."""
        n_target, n_source = target.shape[1], source.shape[1]
        axes = _check_axes(n_target, n_source, self.target_axis, self.source_axis)
        if axes is None and n_target != n_source:  # both cover the same range
            axes = np.linspace(0.0, 1.0, n_target), np.linspace(0.0, 1.0, n_source)
        if axes is not None and np.array_equal(axes[0], axes[1]):
            axes = None
        return Pairs.of(target, source, weights, Interpolation(axes))

    def _check_form(self) -> None:
        """Refuse a penalty for a map that has none."""
        if self.learns == "spectrum" and self.penalty != "auto":
            raise ValueError(
                f"penalty must be 'auto' with learns='spectrum', got {self.penalty!r}. "
                "Pass learns='difference', or n_components=."
            )

    @property
    def _used_penalty(self) -> float:
        """Penalty of the regression, 0 in the published form."""
        if self.learns == "spectrum":
            return 0.0
        return DEFAULT_PENALTY if self.penalty == "auto" else self.penalty


class LowRankMap(PairedMap):
    """Affine map whose coefficients are a product of thin factors, plus an interpolation if any.

    Subclasses set `left_` (n_features_in_, k), `right_` (k, n_features_source) and `intercept_`.
    """

    _parameters: ClassVar[Rules] = {"n_components": N_COMPONENTS}

    _interpolation: Interpolation | None = None  # the product is added to what this returns

    @property
    def coef_(self) -> NDArray[Any]:
        """Transfer matrix of shape (n_features_in_, n_features_source)."""
        return self._linear(np.eye(self.n_features_in_))

    def _linear(self, X):
        """Return `X` times the coefficients without forming the matrix."""
        product = (X @ self.left_) @ self.right_
        return product if self._interpolation is None else self._interpolation(X) + product


class LowRankRegression(LowRankMap, RegressionMap):
    """Regression of all source channels on a few directions; a map implements `_factors`."""

    _keeps_rest = False  # the published form, too, does not change what lies outside the directions

    def __init__(
        self,
        *,
        learns: str = "difference",
        penalty: float | str = "auto",
        n_components: int | None = None,
        target_axis: ArrayLike | None = None,
        source_axis: ArrayLike | None = None,
    ):
        self.learns = learns
        self.penalty = penalty
        self.n_components = n_components
        self.target_axis = target_axis
        self.source_axis = source_axis

    def _map_path(self, pairs: Pairs, X: NDArray[Any], values: Sequence[Any]) -> NDArray[Any]:
        """Return `X` under the map with each penalty, or with each number of components."""
        Z, interpolation = X - pairs.X_mean, self._base(pairs)
        base = pairs.Y_mean + (0.0 if interpolation is None else interpolation(Z))
        settings: Any = ((value, self.n_components) for value in values)
        if self.learns == "spectrum":
            settings = ((0.0, value) for value in values)
        factors = (self._factors(pairs, *each) for each in settings)
        return np.stack([base + (Z @ left) @ right for left, right in factors])

    def _solve(self, pairs: Pairs) -> None:
        """Set the factors."""
        self._interpolation = self._base(pairs)
        self.left_, self.right_ = self._factors(pairs, self._used_penalty, self.n_components)

    def _factors(self, pairs: Pairs, penalty: float, n_components: int | None) -> Factors:
        """Return the thin factors of the regression."""
        raise NotImplementedError

    def _check_form(self) -> None:
        """Refuse what the published form has no use for."""
        super()._check_form()
        for name in ("target_axis", "source_axis"):
            if self.learns == "spectrum" and getattr(self, name) is not None:
                raise ValueError(
                    f"{name} must be None with learns='spectrum', which does not use the axes. "
                    "Pass learns='difference'."
                )

    def _base(self, pairs: Pairs) -> Interpolation | None:
        """Return what the regression is added to, None in a published form that replaces it."""
        keeps_rest = self._keeps_rest and pairs.interpolation.axes is None
        return pairs.interpolation if self.learns == "difference" or keeps_rest else None

    def _response(self, pairs: Pairs) -> NDArray[Any]:
        """Return what is regressed on the target spectra."""
        return pairs.Y if self._base(pairs) is None else pairs.D


def check_pairs(estimator, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the spectra of paired standards: those of the target and those of the source."""
    X = with_text_names(X)
    target, source = validate_data(estimator, X, y, dtype=np.float64, multi_output=True)
    # validate_data does not convert y to numbers: text and None are refused here.
    source = check_array(source, dtype=np.float64, ensure_2d=False, input_name="y")
    return target, source.reshape(len(source), -1)


def check_weights(weights: ArrayLike | None, X: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return the weights of the rows of `X`: finite, at least 0, and not all 0."""
    if weights is None:
        return None
    weights = check_array(weights, dtype=np.float64, ensure_2d=False, input_name="sample_weight")
    if weights.shape != (len(X),):
        raise ValueError(
            f"sample_weight must have shape ({len(X)},), got {weights.shape}. "
            "Pass one weight per standard."
        )
    if weights.min() < 0 or weights.max() == 0:
        raise ValueError(
            "sample_weight must be at least 0 and not zero for all, got weights from "
            f"{weights.min():g} to {weights.max():g}. Pass None for equal weights."
        )
    return np.asarray(weights)


def opposite_channels(n_target, n_source, target_axis=None, source_axis=None) -> NDArray[np.intp]:
    """Return the index of the target channel nearest to each source channel."""
    axes = _check_axes(n_target, n_source, target_axis, source_axis)
    if axes is None:
        return np.rint(np.linspace(0, n_target - 1, n_source)).astype(int)
    target, source = axes
    order = np.argsort(target)  # so that the smaller of two equally near channels is taken
    return order[np.abs(source[:, None] - target[order]).argmin(axis=1)]


def _check_axes(n_target, n_source, target_axis, source_axis) -> Axes | None:
    """Return the axes of target and source, None if neither is given."""
    if (target_axis is None) != (source_axis is None):
        raise ValueError(
            "Only one of target_axis and source_axis was given. "
            "Pass both axes in one unit, or neither if both cover the same range."
        )
    if target_axis is None:
        return None
    target = check_channels(target_axis, n_target, "target_axis", "nm or cm-1")
    source = check_channels(source_axis, n_source, "source_axis", "nm or cm-1")
    outside = np.count_nonzero((source < target.min()) | (source > target.max()))
    if outside:
        raise ValueError(
            f"{outside} of the {n_source} source channels lie outside the range of the target, "
            f"{target.min():g} to {target.max():g}. Remove them; spectra are not extrapolated."
        )
    return target, source

"""Views: the preprocessings on which the regressions of an ensemble are fitted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array

from .._frames import as_frame
from ..preprocessing import SNV

DERIVATIVES = {  # order, window in channels
    "first derivative": (1, 11),
    "second derivative": (2, 21),
    "narrow second derivative": (2, 11),
}
MIN_CHANNELS = 5  # of a derivative
ROUNDING_STEPS, FEW_ROWS = 8, 10  # by which, and of how many spectra, channels are changed


def spectral_views(n_channels: int) -> dict[str, Any]:
    """Return transformers of spectra by name, which output arrays.

    A derivative without SNV keeps what SNV divides out.
    """
    views = {"spectra": FunctionTransformer(), "SNV": SNV()}
    if n_channels >= MIN_CHANNELS:
        for name, (order, window_length) in DERIVATIVES.items():
            derivative = savitzky_golay(order, window_length, n_channels)
            views |= {name: derivative, f"SNV, {name}": make_pipeline(SNV(), derivative)}
    # Arrays, whatever scikit-learn's global configuration says.
    return {name: view.set_output(transform="default") for name, view in views.items()}


def savitzky_golay(order: int, window_length: int, n_channels: int) -> SavitzkyGolay:
    """Return a Savitzky-Golay derivative whose window fits into the spectrum."""
    window_length = min(window_length, n_channels - 1 + n_channels % 2)
    return SavitzkyGolay(window_length=window_length, polyorder=2, deriv=order, mode="interp")


def rounding_errors(
    transform: Callable[[NDArray[Any]], NDArray[Any]], X: NDArray[Any]
) -> NDArray[Any]:
    """Return the size of the rounding error of each channel of a view of the spectra `X`.

    A derivative has that of the spectra before it, not of its own small values. It is the median
    over some spectra, so that a constant one among them has no effect.
    """
    few = X[:FEW_ROWS]
    signs = np.random.RandomState(0).choice([-1, 1], size=few.shape)
    changed = few * (1 + ROUNDING_STEPS * np.finfo(np.float64).eps * signs)
    error: NDArray[Any] = np.median(np.abs(transform(changed) - transform(few)), axis=0)
    return error


def is_named_view(value: Any) -> bool:
    """Return whether a value is a pair of a name and a transformer."""
    if not isinstance(value, tuple | list) or len(value) != 2 or not isinstance(value[0], str):
        return False
    return not isinstance(value[1], type) and hasattr(value[1], "transform")


def named_views(
    views: str | Sequence[Any], n_channels: int
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return unfitted transformers by name, and the names of those of the user.

    "auto" stands for those of `spectral_views`.
    """
    found: dict[str, Any] = {}
    own = set()
    for view in [views] if isinstance(views, str) else views:
        is_own = not isinstance(view, str)
        pairs = [_with_name(view)] if is_own else spectral_views(n_channels).items()
        for name, transformer in pairs:
            unique, count = name, 1
            while unique in found:
                unique, count = f"{name}-{count + 1}", count + 1
            found[unique] = clone(transformer)
            own |= {unique} if is_own else set()
    return found, frozenset(own)


def _with_name(view: Any) -> tuple[str, Any]:
    """Return the name and the transformer of a view of the user."""
    if is_named_view(view):
        name, transformer = view
        return name, transformer
    return type(view).__name__.lower(), view


@dataclass(frozen=True)
class FittedViews:
    """Fitted transformers of spectra, by name.

    Those of the user, `own`, get data frames of the kind `frame` with columns `columns` if `fit`
    did, and arrays otherwise. `rounding` are the rounding errors (p,) of the channels of each view.
    """

    transformers: dict[str, Any]
    own: frozenset[str]
    columns: Sequence[str]
    frame: str | None
    rounding: dict[str, NDArray[Any]]

    @classmethod
    def of(
        cls,
        views: str | Sequence[Any],
        X: NDArray[Any],
        columns: Sequence[str],
        frame: str | None,
    ) -> "FittedViews":
        """Fit transformers to spectra (n, n_features), without reference values."""
        transformers, own = named_views(views, X.shape[1])
        fitted = cls(transformers, own, columns, frame if len(columns) else None, {})
        for name, view in transformers.items():
            try:
                view.fit(fitted._as_given(name, X))
            except Exception as error:
                raise ValueError(
                    f"The view {name!r} could not be fitted to the spectra: "
                    f"{str(error).rstrip('.')}. Views are fitted without y. "
                    "Pass transformers that do not use it."
                ) from error
            fitted.rounding[name] = rounding_errors(partial(fitted.transform_to, name), X)
        return fitted

    def transform(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the rows (n, p) of every view."""
        return {name: self.transform_to(name, X) for name in self.transformers}

    def transform_to(self, name: str, X: NDArray[Any]) -> NDArray[Any]:
        """Return the rows (n, p) of one view."""
        Z = self.transformers[name].transform(self._as_given(name, X))
        return check_array(Z, dtype=np.float64, input_name=f"the output of the view {name!r}")

    def _as_given(self, name, X):
        """Return spectra for a view, in the form that `fit` got them if it is the user's."""
        if self.frame is None or name not in self.own:
            return X
        return as_frame(X, self.columns, self.frame)

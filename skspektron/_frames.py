"""Data frames of pandas and polars."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._axes import channels_in_names, match_channels
from ._axis_units import NM, counts_channels


def frame_kind(X: Any) -> str | None:
    """Return "pandas" or "polars" for a data frame, None for anything else."""
    if not hasattr(X, "columns"):
        return None
    origins = {base.__module__.partition(".")[0] for base in type(X).__mro__}
    return next((kind for kind in ("pandas", "polars") if kind in origins), None)


def in_order_of_names(X: Any, names: Sequence[Any] | NDArray[Any] | None) -> Any:
    """Return a data frame whose columns name the same channels as `names` with these columns.

    Names of a channel may differ in order and notation, as "4000" and "4000.0 cm-1". Anything else
    is returned unchanged.
    """
    kind = frame_kind(X)
    if kind is None or names is None:
        return X
    X = with_text_names(X)
    if list(X.columns) == list(names):
        return X
    order = match_channels(list(X.columns), names)
    if order is None:
        return X
    if kind == "polars":
        X = X.select([X.columns[at] for at in order])
        return X.rename(dict(zip(X.columns, map(str, names), strict=True)))
    return X.iloc[:, order].set_axis([str(name) for name in names], axis=1)


def with_text_names(X: Any) -> Any:
    """Return a data frame whose columns are the numbers of an axis with their text as names.

    scikit-learn ignores names that are not text. Integers that may count channels stay numbers.
    """
    if frame_kind(X) != "pandas" or type(X.columns).__name__ == "RangeIndex" or not len(X.columns):
        return X
    numbers = list(X.columns)
    if not all(isinstance(each, Real) and not isinstance(each, bool) for each in numbers):
        return X
    found = channels_in_names(numbers)
    if found is None or counts_channels(found[0]):
        return X
    if (
        all(each % 1 == 0 for each in numbers)
        and X.columns.dtype.kind != "f"
        and min(numbers) < NM[0]
    ):
        return X
    X = X.copy(deep=False)
    X.columns = [str(each) for each in numbers]
    return X


def with_names_of(estimator: Any, X: Any) -> Any:
    """Return an array as a data frame if a fitted estimator has names for as many columns."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or hasattr(X, "columns") or X.shape[1] != len(names):
        return X
    return as_frame(X, names, installed_kind())


def take_rows(X: Any, index: NDArray[np.intp]) -> Any:
    """Return rows of a data frame as a data frame, of anything else as an array."""
    if hasattr(X, "iloc"):
        return X.iloc[index]
    return X[index] if frame_kind(X) else np.asarray(X)[index]


def installed_kind() -> str:
    """Return the kind of data frame to make when the user passed none."""
    return "polars" if find_spec("pandas") is None else "pandas"


def like_frame(values: NDArray[Any], X: Any, names: NDArray[Any] | None) -> Any:
    """Return `values` as the data frame `X` is, with columns `names` and its index.

    They are returned unchanged if `X` is no data frame or has no names of text.
    """
    kind = frame_kind(X)
    if kind is None or names is None:
        return values
    frame = as_frame(values, names, kind)
    return frame.set_axis(X.index, axis=0) if kind == "pandas" else frame


def as_frame(values: NDArray[Any], names: Iterable[Any], kind: str) -> Any:
    """Return `values` as a data frame of `kind` with columns `names`."""
    names = [str(name) for name in names]
    if kind == "polars":
        import polars as pl

        return pl.DataFrame(values, schema=names, orient="row")
    import pandas as pd

    return pd.DataFrame(values, columns=names)

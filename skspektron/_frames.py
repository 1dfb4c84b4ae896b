"""Data frames of pandas and polars."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._axes import match_channels


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
    if kind is None or names is None or list(X.columns) == list(names):
        return X
    order = match_channels(list(X.columns), names)
    if order is None:
        return X
    if kind == "polars":
        X = X.select([X.columns[at] for at in order])
        return X.rename(dict(zip(X.columns, map(str, names), strict=True)))
    return X.iloc[:, order].set_axis([str(name) for name in names], axis=1)


def take_rows(X: Any, index: NDArray[np.intp]) -> Any:
    """Return rows of a data frame as a data frame, of anything else as an array."""
    if hasattr(X, "iloc"):
        return X.iloc[index]
    return X[index] if frame_kind(X) else np.asarray(X)[index]


def installed_kind() -> str:
    """Return the kind of data frame to make when the user passed none."""
    return "polars" if find_spec("pandas") is None else "pandas"


def as_frame(values: NDArray[Any], names: Iterable[Any], kind: str) -> Any:
    """Return `values` as a data frame of `kind` with columns `names`."""
    names = [str(name) for name in names]
    if kind == "polars":
        import polars as pl

        return pl.DataFrame(values, schema=names, orient="row")
    import pandas as pd

    return pd.DataFrame(values, columns=names)

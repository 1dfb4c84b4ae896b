"""Types of parameters that several estimators share."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from joblib import Memory
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

PathLike: TypeAlias = str | os.PathLike[str]
RandomState: TypeAlias = int | np.random.RandomState | None
# Name of an instrument in the metadata. None: found from the labels of the rows.
InstrumentName: TypeAlias = str | int | None
# Name of an ordering of standards, or a callable that returns a permutation of the spectra.
Selection: TypeAlias = str | Callable[..., Any]
# Path of a cache folder, or a joblib.Memory.
MemoryLike: TypeAlias = str | Memory | None
# Name of weights that ship with the package, a path, or a fitted SpektronPretrainer.
Weights: TypeAlias = str | os.PathLike[str] | BaseEstimator
# One value per channel, for all instruments or in a dict with one array per instrument.
ChannelValues: TypeAlias = ArrayLike | Mapping[str, ArrayLike] | None

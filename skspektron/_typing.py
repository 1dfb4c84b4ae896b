"""Types and rules of parameters that several estimators share."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from joblib import Memory
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ._parameters import TEXT, Integer, Kind, Number, Several, having, instance_of, is_path

PathLike: TypeAlias = str | os.PathLike[str]
RandomState: TypeAlias = int | np.random.RandomState | None
# Name of an instrument in the metadata. None: found from the labels of the rows.
InstrumentName: TypeAlias = str | int | None
Sources: TypeAlias = str | int | Sequence[str | int] | None  # one or several such names
# Name of an ordering of standards, or a callable that returns a permutation of the spectra.
Selection: TypeAlias = str | Callable[..., Any]
# Path of a cache folder, or a joblib.Memory.
MemoryLike: TypeAlias = str | Memory | None
# Name of weights that ship with the package, a path, or a fitted SpektronPretrainer.
Weights: TypeAlias = str | os.PathLike[str] | BaseEstimator
# One value per channel, for all instruments or in a dict with one array per instrument.
ChannelValues: TypeAlias = ArrayLike | Mapping[str, ArrayLike] | None

INSTANCE = "Pass an instance, such as PLSRegression(10)."
ESTIMATOR = having("an estimator with fit", "fit", way_out=INSTANCE)
REGRESSOR = having("an estimator with fit and predict", "fit", "predict", way_out=INSTANCE)
INSTRUMENT_NAME = TEXT | Number() | None
SOURCES = INSTRUMENT_NAME | Several(TEXT | Number(), name="a list of labels")
MEMORY = TEXT | having("a joblib.Memory", "cache") | None
N_JOBS = Integer(1) | Integer(high=-1) | None
RANDOM_STATE = Integer(0, 2**32 - 1) | instance_of(np.random.RandomState, "a RandomState") | None
VERBOSE = Integer(0, way_out="Pass 1 to show a progress bar, 0 for none.")
WEIGHTS = Kind("the name of weights, a path", is_path) | having(
    "a fitted SpektronPretrainer", "partial_fit", "save"
)

"""Checks that data and network meet the requirements of the objectives."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_consistent_length

from .._nn.architecture import Architecture
from .._parameters import Number, Rule
from ._corpus import MAX_NEGATIVE, Corpus

WEIGHT = Number(above=0)
USES_LATENT = {"byol", "infonce", "sinkhorn", "bottleneck", "beer_lambert"}


@dataclass(frozen=True)
class ObjectiveWeights(Rule):
    """A mapping of one or more objectives to weights above 0."""

    way_out: str = "Pass {'masked': 1.0}, the default."

    @property
    def words(self):
        from .._nn.objectives import OBJECTIVES

        names = ", ".join(map(repr, OBJECTIVES))
        return (f"a mapping to finite numbers above 0 from one or more of {names}",)

    def has_type(self, value):
        return isinstance(value, Mapping) and all(map(WEIGHT.has_type, value.values()))

    def allows(self, value):
        from .._nn.objectives import OBJECTIVES

        return (
            len(value) > 0
            and value.keys() <= OBJECTIVES.keys()
            and all(map(WEIGHT.allows, value.values()))
        )


def check_labelled(objectives: Mapping[str, float], X, y) -> NDArray[Any] | None:
    """Return the targets (n_samples, n_targets), or None if no objective uses them."""
    from .._training.masked._batches import needs_of

    if "labels" not in needs_of(objectives):
        return None
    predicts = repr(next(name for name in objectives if "labels" in needs_of([name])))
    if y is None:
        raise ValueError(
            f"The objective {predicts} predicts y, and y is None. Pass reference values, "
            "(n_samples,) or (n_samples, n_targets), or remove the objective."
        )
    y = check_array(y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan")
    check_consistent_length(X, y)
    y = np.ascontiguousarray(y.reshape(len(y), -1))
    if not np.isfinite(y).any():
        raise ValueError(
            f"The objective {predicts} predicts y, and none of its {y.size} values is finite. "
            "Pass reference values, or remove the objective."
        )
    return y


def check_needs(
    objectives: Mapping[str, float], architecture: Architecture, corpus: Corpus
) -> None:
    """Raise ValueError if data or network lack a requirement of an objective."""
    from .._nn.objectives import OBJECTIVES

    trained = architecture.latent == "plain" or architecture.decoder == "latent"
    if not (trained or USES_LATENT & set(objectives)):
        warnings.warn(
            f"No objective trains the latent {architecture.latent!r}, which keeps its initial "
            f"weights. Add one of {', '.join(sorted(USES_LATENT))}, or do not use the latent.",
            stacklevel=3,
        )
    missing = _missing_needs(architecture, corpus)
    for name in objectives:
        for need in sorted(OBJECTIVES[name].NEEDS - {"labels"}):  # see check_labelled
            if missing[need]:
                raise ValueError(f"The objective {name!r} {missing[need]}")


def _missing_needs(architecture: Architecture, corpus: Corpus) -> dict[str, Any]:
    """Return, for every requirement, the end of the error message, or False if it is met."""
    n_instruments, n_pairs = corpus.n_instruments, corpus.n_pairs
    negative = corpus.negative_fraction
    return {
        "instruments": n_instruments < 2
        and f"compares instruments, and the spectra come from {n_instruments}. "
        "Pass instrument= with two or more to fit, or remove the objective.",
        "pairs": n_pairs < 1
        and "compares the same samples on several instruments, and there are none. "
        "Pass instrument= and sample_id= to fit, or remove the objective.",
        "absorbance": negative > MAX_NEGATIVE
        and f"requires absorbance, and {negative:.0%} of the values are negative. "
        "Pass spectra without SNV, derivative or baseline correction, or remove the objective.",
        "experts": architecture.n_experts < 2
        and f"balances experts, and the network has n_experts={architecture.n_experts}. "
        "Pass an architecture with two or more, or remove the objective.",
        "bottleneck": architecture.latent != "vib"
        and f"trains a variational bottleneck, and the network has latent={architecture.latent!r}. "
        "Pass an architecture with latent='vib', or remove the objective.",
    }

"""Which objectives a network is trained with, and whether the data serve them."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_consistent_length

from .._nn.architecture import Architecture
from ._corpus import NEGATIVE_SHARE, Corpus

READ_LATENTS = {"byol", "infonce", "sinkhorn", "bottleneck", "beer_lambert"}


def check_objectives(objectives: Mapping[str, float]) -> None:
    """Refuse names that are unknown and weights that are no positive numbers."""
    from .._nn.objectives import OBJECTIVES

    unknown = sorted(set(objectives) - set(OBJECTIVES))
    if unknown or not objectives:
        raise ValueError(
            f"objectives names {unknown or 'nothing'}. Pass a mapping from "
            f"{', '.join(map(repr, OBJECTIVES))} to weights."
        )
    for name, weight in objectives.items():
        if not weight > 0:
            raise ValueError(
                f"The objective {name!r} has weight {weight}. Pass a positive one, or leave it out."
            )


def check_labelled(objectives: Mapping[str, float], X, y) -> NDArray[Any] | None:
    """Return the targets (n_samples, n_targets), or None where no objective reads them."""
    from .._training.masked._batches import needs_of

    if "labels" not in needs_of(objectives):
        return None
    if y is None:
        raise ValueError(
            "The objective 'calibration' predicts y and y is None. Pass reference values, "
            "(n_samples,) or (n_samples, n_targets), or leave the objective out."
        )
    y = check_array(y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan")
    check_consistent_length(X, y)
    y = np.ascontiguousarray(y.reshape(len(y), -1))
    if not np.isfinite(y).any():
        raise ValueError(
            f"The objective 'calibration' predicts y and none of its {y.size} values is finite. "
            "Pass reference values, or leave the objective out."
        )
    return y


def check_needs(
    objectives: Mapping[str, float], architecture: Architecture, corpus: Corpus
) -> None:
    """Refuse an objective without the data or the part of the network that it needs."""
    from .._nn.objectives import OBJECTIVES

    trained = architecture.latent == "plain" or architecture.decoder == "latent"
    if not (trained or READ_LATENTS & set(objectives)):
        warnings.warn(
            f"No objective trains the latent {architecture.latent!r}: it stays as it was drawn. "
            f"Add one of {', '.join(sorted(READ_LATENTS))}, or do not read it.",
            stacklevel=3,
        )
    lacks = _lacks(architecture, corpus)
    for name in objectives:
        for need in sorted(OBJECTIVES[name].NEEDS - {"labels"}):  # which `check_labelled` asks for
            if lacks[need]:
                raise ValueError(f"The objective {name!r} {lacks[need]}")


def _lacks(architecture: Architecture, corpus: Corpus) -> dict[str, Any]:
    """Return for every need the end of the sentence that says what is missing, or None."""
    n_instruments, n_pairs = corpus.n_instruments, corpus.n_pairs
    negative = corpus.negative_share
    return {
        "instruments": n_instruments < 2
        and f"compares instruments and the spectra come from {n_instruments}. "
        "Pass instrument= with two or more to fit, or leave it out.",
        "pairs": n_pairs < 1
        and "compares the same samples on several instruments and the spectra have none. "
        "Pass instrument= and sample_id= to fit, or leave it out.",
        "absorbance": negative > NEGATIVE_SHARE
        and f"holds for absorbance and {negative:.0%} of the values are negative. "
        "Pass spectra without SNV, derivative or baseline correction, or leave it out.",
        "experts": architecture.n_experts < 2
        and f"balances experts and the network has n_experts={architecture.n_experts}. "
        "Pass an architecture with two or more, or leave it out.",
        "bottleneck": architecture.latent != "vib"
        and f"trains a variational bottleneck and the network has latent={architecture.latent!r}. "
        "Pass an architecture with latent='vib', or leave it out.",
    }

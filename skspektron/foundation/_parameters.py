"""Rules of the parameters of `SpektronPretrainer`."""

from collections.abc import Mapping
from typing import Any

from .._nn.architecture import Architecture
from .._nn.presets import PRESETS
from .._parameters import PATH, ByName, Choice, Integer, Number, Rules, instance_of
from .._typing import RANDOM_STATE, VERBOSE
from .._validation import NUMBERS, Axis
from ._corpus import DOMAIN
from ._objectives import ObjectiveWeights


def _precisions() -> Mapping[str, Any]:
    """Return the names of the precisions."""
    from .._training.engine._precision import PRECISIONS

    return PRECISIONS


INSTRUMENTS = "a mapping of instruments to such"
PARAMETERS: Rules = {
    "architecture": Choice(PRESETS) | instance_of(Architecture, "an Architecture"),
    "objectives": ObjectiveWeights() | None,
    "mask_ratio": Number(above=0, below=1),
    "wavelength": Axis("nm") | ByName(Axis("nm"), INSTRUMENTS) | None,
    "wavenumber": Axis("cm-1") | ByName(Axis("cm-1"), INSTRUMENTS) | None,
    "domain": DOMAIN | ByName(DOMAIN, INSTRUMENTS) | None,
    "noise": NUMBERS | ByName(NUMBERS, INSTRUMENTS) | None,
    "max_steps": Integer(1),
    "batch_size": Integer(1),
    "micro_batch_size": Integer(1) | None,
    "learning_rate": Number(above=0),
    "weight_decay": Number(at_least=0),
    "warmup_steps": Integer(0),
    "precision": Choice(_precisions),
    "ema_decay": Number(above=0, below=1) | None,
    "n_iter_no_change": Integer(1) | None,
    "validation_fraction": Number(above=0, below=1),
    "report_every": Integer(1),
    "checkpoint": PATH | None,
    "log": PATH | None,
    "random_state": RANDOM_STATE,
    "verbose": VERBOSE,
}

"""Parameters of `SpektronPretrainer`: checks, and the settings that are saved with weights."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._base import plain
from .._nn.presets import resolve_architecture
from .._parameters import check_parameters

# What the weights depend on, besides architecture, objectives, data and seed.
SETTINGS = (
    "mask_ratio",
    "max_steps",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "warmup_steps",
    "precision",
    "ema_decay",
    "n_iter_no_change",
    "validation_fraction",
    "report_every",
)


def architecture_of(pretrainer: Any) -> Any:
    """Return the `Architecture` of a pretrainer, which may be given by name."""
    return resolve_architecture(pretrainer.architecture)


def objectives_of(pretrainer: Any) -> dict[str, float]:
    """Return the weight of every objective."""
    objectives = {"masked": 1.0} if pretrainer.objectives is None else pretrainer.objectives
    return {name: plain(weight) for name, weight in objectives.items()}


def settings_of(pretrainer: Any) -> dict[str, Any]:
    """Return the settings that the weights depend on, in types that JSON can store."""
    return {
        "architecture": asdict(architecture_of(pretrainer)),
        "objectives": objectives_of(pretrainer),
        **{name: plain(getattr(pretrainer, name)) for name in SETTINGS},
    }


def record_of(pretrainer: Any, corpus: Sequence[str] | None) -> dict[str, Any]:
    """Return the settings and results of a fitted pretrainer that are saved with its network."""
    axes = pretrainer.wavenumber_
    settings = settings_of(pretrainer)
    return {
        "parameters": {name: settings[name] for name in settings if name != "architecture"},
        "corpus": None if corpus is None else list(corpus),
        "history": pretrainer.history_,
        "n_steps": pretrainer.n_steps_,
        "n_features_in": pretrainer.n_features_in_,
        "wavenumber": None if isinstance(axes, dict) else list(axes),
        "domain": pretrainer.domain_,
    }


def check_settings(pretrainer: Any) -> None:
    """Raise an error for parameters that do not allow training."""
    check_parameters(pretrainer)
    if pretrainer.domain is not None and not architecture_of(pretrainer).domain_token:
        raise ValueError(
            f"domain must be None for a network without a domain token, got "
            f"{pretrainer.domain!r}. Pass an architecture with domain_token=True, or domain=None."
        )
    for name in ("checkpoint", "log"):
        path = getattr(pretrainer, name)
        if path is not None and not Path(path).parent.is_dir():
            raise ValueError(
                f"{name} must be a path in a folder that exists, got {str(path)!r}. Create the "
                f"folder {str(Path(path).parent)!r} first."
            )

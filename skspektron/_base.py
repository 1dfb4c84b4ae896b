"""Mixins of the estimators that contain a network."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from ._parameters import Rule, Rules
from ._training.engine._recipe import Recipe
from ._validation import check_axis
from ._warnings import warn_user

# The near infrared in cm-1, for an axis that is neither given nor in the column names.
ASSUMED_RANGE = 10_000.0, 4_000.0


@dataclass(frozen=True)
class Device(Rule):
    """A torch device of this machine, by name."""

    @property
    def words(self):
        return ("the name of a torch device of this machine, such as 'cpu'",)

    def has_type(self, value):
        return isinstance(value, str) or type(value).__module__ == "torch"

    def allows(self, value):
        from ._bridge import is_device

        return is_device(value)


DEVICE = Device() | None


class TorchEstimatorMixin:
    """Device, seed, spectral axis and training parameters of an estimator with a network."""

    _parameters: ClassVar[Rules] = {"device": DEVICE}
    _when_slow: str | None = (  # see advise_if_slow
        "Pass device= to train on a GPU, or train for fewer steps or epochs. verbose=1 shows "
        "progress."
    )

    def _resolve_device(self) -> str:
        """Return the device to compute on: `device`, or a GPU if there is one."""
        from ._bridge import resolve_device

        return resolve_device(self.device)

    def _draw_seed(self) -> int:
        """Return the seed of all random numbers of a fit."""
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _recipe(self, seed: int, **more) -> Recipe:
        """Return the training parameters of the estimator, after `device_` is set."""
        given = vars(self)  # not get_params, as a subclass may set some parameters itself
        own = {f.name: plain(given[f.name]) for f in fields(Recipe) if f.name in given}
        return Recipe(**own | {"seed": seed, "device": self.device_} | more)

    def _resolve_axis(self, n_features: int) -> np.ndarray:
        """Return the axis of `X` in cm-1, from the parameters or the column names."""
        axis = check_axis(
            wavelength=self.wavelength,
            wavenumber=self.wavenumber,
            n_features=n_features,
            feature_names=getattr(self, "feature_names_in_", None),
        )
        if axis is None:
            axis = np.linspace(*ASSUMED_RANGE, n_features)
            warn_user(
                f"No axis for {n_features} channels: they are placed evenly from "
                f"{axis[0]:g} to {axis[-1]:g} cm-1. Pass wavelength= (nm) or wavenumber= (cm-1), "
                "or, if the columns name the axis, keep their names in earlier steps with "
                "set_output.",
            )
        return axis


class PretrainedMixin(TorchEstimatorMixin):
    """Estimator whose parameter `weights` may be a fitted pretrainer, which clones share."""

    def __sklearn_clone__(self):
        clone = super().__sklearn_clone__()
        clone.weights = self.weights  # not a clone of it, which would not be fitted
        return clone


def plain(value):
    """Return a numpy scalar as a Python number, which JSON can store."""
    return value.item() if isinstance(value, np.generic) else value

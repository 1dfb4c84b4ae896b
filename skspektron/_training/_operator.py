"""Fourier neural operators trained on the spectra of paired standards."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from .._bridge import seeded, to_array, to_tensor
from .._nn.heads.fno import FourierOperator
from .engine._callbacks import ProgressBar
from .engine._net import Batches, StepNet, StepSampler

BATCH_SIZE = 4  # standards in a step
WEIGHT_DECAY = 1e-2
ROWS_AT_ONCE = 64  # spectra that are mapped together


@dataclass(frozen=True)
class Recipe:
    """Size of an operator, and how long and where it is trained."""

    width: int
    n_modes: int
    n_layers: int
    max_epochs: int
    learning_rate: float
    seed: int
    device: str
    verbose: int


class OperatorTask(nn.Module):
    """Train an operator to turn one function on evenly spaced points into another."""

    def __init__(self, operator: FourierOperator):
        super().__init__()
        self.operator = operator

    def forward(self, deviation: Tensor, residual: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error for functions (B, L)."""
        return {"residual": self.errors(deviation, residual).mean()}

    def errors(self, deviation: Tensor, residual: Tensor) -> Tensor:
        """Return the mean squared error of every function, (B,)."""
        return (apply_operator(self.operator, deviation) - residual).square().mean(1)


class HeldOut(Callback):
    """Record the errors of standards that are not trained on, once an epoch."""

    def __init__(self, batch: Mapping[str, Tensor]):
        self.batch = batch

    def on_epoch_end(self, net, **kwargs):
        """Record `held_out`."""
        with torch.inference_mode():
            batch = {name: values.to(net.device) for name, values in self.batch.items()}
            net.history.record("held_out", net.module_.errors(**batch).tolist())


def train_operator(
    recipe: Recipe,
    deviation: NDArray,
    residual: NDArray,
    *,
    n_epochs: int | None = None,
    held_out: tuple[NDArray, NDArray] | None = None,
) -> tuple[dict[str, NDArray], list[list[float]]]:
    """Return weights by name that turn `deviation` into `residual`, (n, L) each, about unit size.

    `n_epochs` stops before the schedule of `max_epochs` ends. The list has the mean squared
    error of every row of a `held_out` pair of arrays after every epoch.
    """
    with seeded(recipe.seed):
        operator = FourierOperator(
            width=recipe.width, n_modes=recipe.n_modes, n_layers=recipe.n_layers
        )
    net = _net(recipe, OperatorTask(operator), _batch(deviation, residual), held_out)
    if n_epochs is not None:  # the learning rate keeps the schedule that it was made with
        net.sampler.max_steps = n_epochs * net.sampler.window
    # A step is too small to share between cores, and on busy ones they wait for each other.
    with threadpool_limits(1):
        net.train()
    weights = {name: to_array(tensor) for name, tensor in operator.state_dict().items()}
    return weights, net.history[:, "held_out"] if held_out and len(net.history) else []


def run_operator(weights: Mapping[str, NDArray], deviation: NDArray, device: str) -> NDArray:
    """Return what an operator makes of functions (n, L), computed in double precision."""
    R = weights["layers.0.R"]  # (2, K, D, D)
    n_layers = sum(name.endswith(".R") for name in weights)
    with seeded(0):  # these weights are replaced, and the user's generator is not drawn from
        operator = FourierOperator(width=R.shape[2], n_modes=R.shape[1], n_layers=n_layers)
    operator.load_state_dict({name: to_tensor(array) for name, array in weights.items()})
    operator = operator.double().to(device)
    with threadpool_limits(1), torch.inference_mode():
        parts = [
            to_array(apply_operator(operator, torch.from_numpy(deviation[rows]).to(device)))
            for start in range(0, len(deviation), ROWS_AT_ONCE)
            for rows in [slice(start, start + ROWS_AT_ONCE)]
        ]
    return np.concatenate([np.empty((0, deviation.shape[1])), *parts])


def apply_operator(operator: FourierOperator, values: Tensor) -> Tensor:
    """Map functions (B, L) on evenly spaced points of the whole range to functions (B, L)."""
    position = torch.linspace(0, 1, values.shape[1], dtype=values.dtype, device=values.device)
    return operator(values[..., None], position)[..., 0]


def _net(recipe: Recipe, task: OperatorTask, batch: dict[str, Tensor], held_out) -> StepNet:
    """Return the net that trains `task` on all rows of `batch`."""
    n_rows = len(batch["deviation"])
    steps_an_epoch = -(-n_rows // BATCH_SIZE)
    sampler = StepSampler(
        torch.zeros(n_rows),
        BATCH_SIZE,
        seed=recipe.seed,
        max_steps=recipe.max_epochs * steps_an_epoch,
        window=steps_an_epoch,
    )
    callbacks = [ProgressBar("mapping", {"loss": "train_loss"})] if recipe.verbose else []
    return StepNet(
        task,
        Batches(lambda step, rows: {name: t[rows] for name, t in batch.items()}, n_rows),
        sampler,
        weights={"residual": 1.0},
        learning_rate=recipe.learning_rate,
        weight_decay=WEIGHT_DECAY,
        warmup_steps=steps_an_epoch,
        device=recipe.device,
        callbacks=[HeldOut(_batch(*held_out))] if held_out else callbacks,
    )


def _batch(deviation: NDArray, residual: NDArray) -> dict[str, Tensor]:
    """Return arrays as the arguments of the task."""
    return {"deviation": to_tensor(deviation), "residual": to_tensor(residual)}

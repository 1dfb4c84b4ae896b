"""Training of Fourier neural operators on paired standards."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import Tensor, nn

from .._bridge import one_torch_thread, seeded, to_array, to_tensor
from .._nn.heads.fno import FourierOperator
from .engine._callbacks import ProgressBar
from .engine._net import StepNet
from .engine._recipe import Recipe

ROWS_AT_ONCE = 64  # spectra that are mapped together


class OperatorTask(nn.Module):
    """Train an operator to map one function on evenly spaced points to another."""

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
    """Record the errors of held-out standards after every epoch."""

    def __init__(self, batch: Mapping[str, Tensor]):
        self.batch = batch

    def on_epoch_end(self, net, **kwargs):
        """Record `held_out`."""
        with torch.inference_mode():
            batch = {name: values.to(net.device) for name, values in self.batch.items()}
            net.history.record("held_out", net.module_.errors(**batch).tolist())


def train_operator(
    sizes: Mapping[str, int],
    recipe: Recipe,
    deviation: NDArray,
    residual: NDArray,
    *,
    n_epochs: int | None = None,
    held_out: tuple[NDArray, NDArray] | None = None,
) -> tuple[dict[str, NDArray], list[list[float]]]:
    """Return weights by name that map `deviation` to `residual`, (n, L) each, about unit size.

    `sizes` are those of `FourierOperator`. `n_epochs` stops before the schedule of the recipe
    ends. The list has the mean squared error of every row of a `held_out` pair of arrays after
    every epoch.
    """
    with seeded(recipe.seed):
        operator = FourierOperator(**sizes)
    net = _net(recipe, OperatorTask(operator), _batch(deviation, residual), held_out)
    if n_epochs is not None:  # the schedule of the learning rate stays that of all epochs
        net.sampler.max_steps = n_epochs * net.sampler.window
    net.train()
    weights = {name: to_array(tensor) for name, tensor in operator.state_dict().items()}
    return weights, net.history[:, "held_out"] if held_out and len(net.history) else []


def run_operator(weights: Mapping[str, NDArray], deviation: NDArray, device: str) -> NDArray:
    """Return the output of an operator for functions (n, L), in double precision."""
    R = weights["layers.0.R"]  # (2, K, D, D)
    n_layers = sum(name.endswith(".R") for name in weights)
    with seeded(0):  # these weights are replaced; the global generator is not used
        operator = FourierOperator(width=R.shape[2], n_modes=R.shape[1], n_layers=n_layers)
    operator.load_state_dict({name: to_tensor(array) for name, array in weights.items()})
    operator = operator.double().to(device)
    with one_torch_thread(), torch.inference_mode():
        parts = [
            to_array(apply_operator(operator, to_tensor(deviation[rows], np.float64).to(device)))
            for start in range(0, len(deviation), ROWS_AT_ONCE)
            for rows in [slice(start, start + ROWS_AT_ONCE)]
        ]
    return np.concatenate([np.empty((0, deviation.shape[1])), *parts])


def apply_operator(operator: FourierOperator, values: Tensor) -> Tensor:
    """Return the output (B, L) of an operator for functions (B, L) on evenly spaced points."""
    position = torch.linspace(0, 1, values.shape[1], dtype=values.dtype, device=values.device)
    return operator(values[..., None], position)[..., 0]


def _net(recipe: Recipe, task: OperatorTask, batch: dict[str, Tensor], held_out) -> StepNet:
    """Return the net that trains `task` on all rows of `batch`."""
    progress = [ProgressBar("mapping", {"loss": "train_loss"})] if recipe.verbose else []
    return StepNet(
        task,
        recipe,
        lambda step, rows: {name: values[rows] for name, values in batch.items()},
        len(batch["deviation"]),
        weights={"residual": 1.0},
        callbacks=[HeldOut(_batch(*held_out))] if held_out else progress,
    )


def _batch(deviation: NDArray, residual: NDArray) -> dict[str, Tensor]:
    """Return arrays as a batch of the task."""
    return {"deviation": to_tensor(deviation), "residual": to_tensor(residual)}

"""Regression on the latents of a network that is frozen or fine-tuned."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from skorch.utils import to_device
from torch import Tensor, nn

from .._bridge import FrozenNetwork, Spectra, one_torch_thread, seeded, to_array, to_tensor
from .._nn.heads.regression import RegressionHead
from .._nn.network import SpektronNetwork
from .engine._callbacks import ProgressBar
from .engine._log import records as records_of
from .engine._net import StepNet
from .engine._parts import n_rows
from .engine._recipe import Recipe
from .engine._stopping import EarlyStopping, hold_out

# Fine-tuning: rate of the head relative to its first training, and of the network to the head.
TUNING_RATE, NETWORK_RATE = 0.1, 0.1
ROUNDING_STEPS = 32  # units of rounding of the largest latent, below which a latent is constant
Records = list[dict[str, float]]


class LatentRegressor(nn.Module):
    """Standardize latents and predict reference values from them.

    Latents of different samples differ by hundredths of their size, so that without
    standardization the first layer of a head would see little more than their mean.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, d_latent: int, n_targets: int, d_hidden: Sequence[int] = (), dropout: float = 0.0
    ):
        super().__init__()
        self.head = RegressionHead(d_latent, n_targets, d_hidden, dropout)
        self.register_buffer("mean", torch.zeros(d_latent))
        self.register_buffer("scale", torch.ones(d_latent))

    @torch.no_grad()
    def standardize(self, z: Tensor, y: Tensor) -> None:
        """Take means and standard deviations (ddof 0) of latents and labels (n, n_targets)."""
        self.head.standardize(y)
        mean, scale = z.mean(0), z.std(0, correction=0)
        # The network computes in single precision: less variation is rounding error.
        flat = scale <= ROUNDING_STEPS * torch.finfo(torch.float32).eps * mean.abs().max()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(flat, 1, scale))

    def forward(self, z: Tensor) -> Tensor:
        """Predict targets (B, n_targets), in their units, from latents (B, d_latent)."""
        return self.head((z - self.mean) / self.scale)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error on standardized `y` (B, n_targets)."""
        return self.head.loss((z - self.mean) / self.scale, y)


class RegressionTask(nn.Module):
    """Loss of a regressor on latents, or on spectra through the network."""

    def __init__(self, regressor: LatentRegressor, network: SpektronNetwork | None = None):
        super().__init__()
        self.regressor, self.network = regressor, network

    def forward(self, y: Tensor, z: Tensor | None = None, **spectra: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error on standardized `y` (B, n_targets)."""
        if self.network is not None:
            z = self.network.latent_of(**spectra).z
        return {"mse": self.regressor.loss(z, y)}

    def train(self, mode: bool = True) -> "RegressionTask":
        """Use dropout in the head only, as the network is used without."""
        super().train(mode)
        if self.network is not None:
            self.network.eval()
        return self


class ValidationLoss(Callback):
    """Record the loss on held-out rows after every epoch."""

    def __init__(self, batches: Sequence[Mapping[str, Tensor]]):
        self.batches = batches

    def on_epoch_end(self, net, **kwargs):
        """Record `validation_mse`."""
        with net.evaluated() as module, torch.inference_mode():
            losses = [module(**to_device(b, net.device))["mse"].item() for b in self.batches]
        weights = [n_rows(batch) for batch in self.batches]
        net.history.record("validation_mse", float(np.average(losses, weights=weights)))


def train_head(
    recipe: Recipe,
    Z: NDArray,
    y: NDArray,
    *,
    d_hidden: Sequence[int],
    dropout: float,
    sample: NDArray | None = None,
) -> tuple[dict[str, NDArray], Records]:
    """Return the weights by name of a head that predicts `y` (n, n_targets) from latents `Z`.

    `sample` (n,) are the numbers of the physical samples, of which all rows are held out together.
    """
    with seeded(recipe.seed):
        regressor = LatentRegressor(Z.shape[1], y.shape[1], d_hidden, dropout)
    regressor.standardize(to_tensor(Z, np.float64), to_tensor(y, np.float64))
    z, labels = to_tensor(Z), to_tensor(y, np.float64)
    history = _train(
        recipe,
        RegressionTask(regressor),
        lambda rows: {"z": z[rows], "y": labels[rows]},
        len(y),
        sample,
    )
    return _arrays(regressor), history


def fine_tune(
    recipe: Recipe,
    network: FrozenNetwork,
    spectra: Spectra,
    Z: NDArray,
    y: NDArray,
    *,
    d_hidden: Sequence[int],
    dropout: float,
    sample: NDArray | None = None,
) -> tuple[FrozenNetwork, dict[str, NDArray], Records]:
    """Return a copy of `network`, fine-tuned with its head, and the head; `Z` are its latents.

    The head is trained first, as in `train_head`: gradients through an untrained head would
    destroy the features of the network [1]_. If fine-tuning does not lower the error on held-out
    rows, head and network before it are returned.

    References
    ----------
    .. [1] Kumar, Raghunathan, Jones, Ma & Liang, ICLR (2022), arXiv:2202.10054.
    """
    head, head_history = train_head(recipe, Z, y, d_hidden=d_hidden, dropout=dropout, sample=sample)
    regressor = _load_regressor(head, dropout)
    tuned = copy.deepcopy(network.on(recipe.device)).requires_grad_(True)
    labels = to_tensor(y, np.float64)
    history = _train(
        replace(recipe, learning_rate=TUNING_RATE * recipe.learning_rate),
        RegressionTask(regressor, tuned),
        lambda rows: spectra.batch(rows) | {"y": labels[rows]},
        len(y),
        sample,
    )
    records = [*head_history, *history]
    if recipe.n_iter_no_change is not None and _lowest(history) >= _lowest(head_history):
        return network, head, records
    network = FrozenNetwork.of(network.architecture, tuned.cpu().state_dict())
    return network, _arrays(regressor), records


def predict(head: Mapping[str, NDArray], Z: NDArray) -> NDArray:
    """Return reference values (n, n_targets) of latents `Z`, in double precision."""
    regressor = _load_regressor(head).double().eval()
    with one_torch_thread(), torch.inference_mode():
        return to_array(regressor(to_tensor(Z, np.float64)))


def _load_regressor(head: Mapping[str, NDArray], dropout: float = 0.0) -> LatentRegressor:
    """Return the regressor with the weights in `head`."""
    matrices = [array for array in head.values() if array.ndim == 2]
    d_latent, (*d_hidden, n_targets) = matrices[0].shape[1], map(len, matrices)
    with seeded(0):  # these weights are replaced; the global generator is not used
        regressor = LatentRegressor(d_latent, n_targets, d_hidden, dropout)
    regressor.load_state_dict({name: to_tensor(array) for name, array in head.items()})
    return regressor


def _train(
    recipe: Recipe,
    task: RegressionTask,
    make_batch: Callable[[Tensor], dict[str, Tensor]],
    n_samples: int,
    sample: NDArray | None,
) -> Records:
    """Train `task` in place, on all rows or with early stopping on held-out samples."""
    rows, callbacks, recorded = torch.arange(n_samples), [], ["mse"]
    if recipe.n_iter_no_change is not None:
        groups = None if sample is None else to_tensor(sample, np.int64)
        rows, held_out = hold_out(n_samples, recipe.validation_fraction, recipe.seed, groups)
        batches = [make_batch(part) for part in held_out.split(recipe.batch_size)]
        validation = ValidationLoss(batches)
        callbacks = [
            validation,
            EarlyStopping(recipe.n_iter_no_change, monitor="validation_mse"),
        ]
        recorded.append("validation_mse")
    if recipe.verbose:
        callbacks.append(ProgressBar("fitting", {name: name for name in recorded}))
    net = StepNet(
        task,
        recipe,
        lambda step, chosen: make_batch(rows[chosen]),
        len(rows),
        weights={"mse": 1.0},
        param_groups=[("network.*", {"lr": NETWORK_RATE * recipe.learning_rate})],
        callbacks=callbacks,
    )
    net.train()
    return records_of(net.history, recorded)


def _lowest(history: Records) -> float:
    """Return the lowest loss on held-out rows."""
    return min(record["validation_mse"] for record in history)


def _arrays(regressor: LatentRegressor) -> dict[str, NDArray]:
    """Return the weights of a regressor by name."""
    return {name: to_array(tensor) for name, tensor in regressor.state_dict().items()}

"""Adaptation of a trained network to spectra without reference values."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn
from tqdm.auto import tqdm

from .._bridge import FrozenNetwork, Spectra, embed_batch, one_torch_thread, seeded
from .._nn.lora import LowRankAdapter, adaptable
from .._nn.network import SpektronNetwork
from .._nn.objectives import masked_error
from .engine._callbacks import ProgressBar
from .engine._net import StepNet
from .engine._parts import Size
from .engine._recipe import Recipe
from .masked._batches import keep_maskable, masked_batch
from .masked._probe import mean_in_parts, n_counted

PREFIX = "network."  # of the names of the network's parameters in a task
LORA_SCALE = 2.0  # alpha / rank
N_RECORDED = 64  # spectra whose loss is recorded before and after every step


class MaskedTask(nn.Module):
    """Masked error of a network on a batch."""

    def __init__(self, network: SpektronNetwork):
        super().__init__()
        self.network = network

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error of the hidden channels."""
        return {"masked": masked_error(self.network, batch).mean()}

    def train(self, mode: bool = True) -> "MaskedTask":
        """Stay in evaluation mode: with dropout embeddings would be random."""
        return super().train(False)


def layer_norms(network: SpektronNetwork) -> list[str]:
    """Return the names of the weights and biases of all LayerNorms."""
    return [
        f"{module_name}.{name}"
        for module_name, module in network.named_modules()
        if isinstance(module, nn.LayerNorm)
        for name, _ in module.named_parameters()
    ]


def every_parameter(network: SpektronNetwork) -> list[str]:
    """Return the names of all parameters."""
    return [name for name, _ in network.named_parameters()]


TRAINED: Mapping[str, Callable[[SpektronNetwork], Sequence[str]]] = {
    "norm": layer_norms,
    "lora": adaptable,
    "all": every_parameter,
}


@dataclass(frozen=True)
class MaskedAdaptation:
    """Adaptation of a copy of a network to unlabelled spectra by reconstructing hidden patches."""

    recipe: Recipe
    trainable: str  # which parameters are trained: a key of TRAINED
    rank: int  # of the low-rank change, with "lora"
    mask_ratio: float

    @one_torch_thread()  # one step is too small to gain from several
    def adapt(self, network: FrozenNetwork, spectra: Spectra) -> tuple[FrozenNetwork, np.ndarray]:
        """Return the network adapted to all spectra, and its loss before and after every step.

        The loss, (max_steps + 1,), is that of fixed spectra with fixed masks. It is empty if no
        spectrum can be masked.
        """
        trained = network.on(self.recipe.device)
        spectra = keep_maskable(spectra, trained, self.mask_ratio)
        task = self._task(trained)
        record = _FixedMaskLoss(
            partial(self._make_batch(trained, spectra), -1),
            len(spectra.values),
            partial(n_counted, trained),
        )
        shown = [ProgressBar("adapting", {"loss": "train_loss"})] if self.recipe.verbose else []
        self._train(task, trained, spectra, [record, *shown])
        tensors = {name: tensor.cpu() for name, tensor in adapted_weights(task).items()}
        return network.changed(tensors), np.array(record.losses_)

    @one_torch_thread()
    def embed_each(
        self, network: FrozenNetwork, spectra: Spectra, *, pooling: str, n_layers: int | None
    ) -> np.ndarray:
        """Return embeddings (n_samples, n_outputs), each by the network adapted to that spectrum.

        A step uses `batch_size` masks of the spectrum.
        """
        trained = network.on(self.recipe.device)
        adapted = copy.deepcopy(trained)
        embeddings = []
        rows = range(len(spectra.values))
        for row in tqdm(rows, desc="adapting", disable=not self.recipe.verbose):
            task = self._task(trained)
            alone = keep_maskable(spectra.take(torch.tensor([row])), trained, self.mask_ratio)
            copies = torch.zeros(self.recipe.batch_size * len(alone.values), dtype=torch.long)
            self._train(task, trained, alone.take(copies))
            adapted.load_state_dict(adapted_weights(task), strict=False)
            embeddings.append(
                embed_batch(adapted, spectra, [row], pooling, n_layers, self.recipe.device)
            )
        return np.concatenate(embeddings)

    def _task(self, network: SpektronNetwork) -> nn.Module:
        """Return the masked task with new parameters to train."""
        with seeded(self.recipe.seed):
            return masked_task(network, self.trainable, self.rank)

    def _make_batch(self, network: SpektronNetwork, spectra: Spectra):
        """Return the function from a step and its rows to a masked batch."""
        return partial(masked_batch, spectra, network, self.mask_ratio, self.recipe.seed)

    def _train(self, task, network, spectra: Spectra, callbacks: Sequence[Callback] = ()) -> None:
        """Train a task in place."""
        n_samples = len(spectra.values)
        if n_samples == 0:
            return
        StepNet(
            task,
            self.recipe,
            self._make_batch(network, spectra),
            n_samples,
            weights={"masked": 1.0},
            callbacks=callbacks,
        ).train()


def masked_task(network: SpektronNetwork, trainable: str, rank: int) -> nn.Module:
    """Return the masked task of a network, whose own parameters are not changed."""
    names = TRAINED[trainable](network)
    if trainable == "lora":
        prefixed = [PREFIX + name for name in names]
        return LowRankAdapter(MaskedTask(network), prefixed, rank=rank, alpha=LORA_SCALE * rank)
    task = MaskedTask(copy.deepcopy(network)).requires_grad_(False)
    for name in names:
        task.network.get_parameter(name).requires_grad_(True)
    return task


def adapted_weights(task: nn.Module) -> dict[str, Tensor]:
    """Return the trained weights of the network of a masked task, by name."""
    trained = {name: tensor for name, tensor in task.named_parameters() if tensor.requires_grad}
    weights = task.merged() if isinstance(task, LowRankAdapter) else trained
    return {name.removeprefix(PREFIX): tensor.detach() for name, tensor in weights.items()}


class _FixedMaskLoss(Callback):
    """Record the loss of evenly spaced spectra with masks that training does not draw."""

    def __init__(
        self, make_batch: Callable[[Tensor], Mapping[str, Tensor]], n_samples: int, size: Size
    ):
        self.make_batch, self.n_samples, self.size = make_batch, n_samples, size
        self.losses_: list[float] = []

    def on_train_begin(self, net, **kwargs):
        """Record the loss before the first step."""
        rows = torch.linspace(0, self.n_samples - 1, min(N_RECORDED, self.n_samples))
        self.batch_ = self.make_batch(rows.round().long())
        self.on_epoch_end(net)

    def on_epoch_end(self, net, **kwargs):
        """Record the loss after a step."""
        with net.evaluated() as module, torch.inference_mode():
            loss = mean_in_parts(net, self.batch_, self.size, lambda b: module(**b)["masked"])
        self.losses_.append(loss)

"""Low-rank adaptation of a frozen network to one instrument."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from .._bridge import (
    POOLINGS,
    FrozenNetwork,
    Spectra,
    load_tensors,
    save_tensors,
    seeded,
    to_array,
    to_tensor,
)
from .._nn.adaptation import AdaptationTask
from .._nn.lora import LowRankAdapter, adaptable
from ._callbacks import ProgressBar
from ._net import Batches, StepNet, StepSampler


@dataclass(frozen=True)
class Examples:
    """What an adapter learns from: the standards, then the source rows, as on the target."""

    spectra: Spectra
    goal: np.ndarray  # (n, n_outputs) embedding of the same sample on the source
    labels: np.ndarray  # (n, n_targets) in standard deviations, predictions where unknown
    n_standards: int
    coef: np.ndarray  # (n_outputs, n_targets) of a linear head on source embeddings
    intercept: np.ndarray  # (n_targets,)

    def batch(self, step: int, rows: Tensor) -> dict[str, Tensor]:
        """Return all standards and some of the source rows."""
        rows = torch.cat([torch.arange(self.n_standards), self.n_standards + rows])
        return self.spectra.batch(rows) | {
            "goal": to_tensor(self.goal)[rows],
            "labels": to_tensor(self.labels)[rows],
            "is_standard": rows < self.n_standards,
        }


def train_adapter(
    network: FrozenNetwork,
    examples: Examples,
    *,
    pooling: str,
    n_layers: int | None,
    rank: int,
    alpha: float,
    max_epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    device: str,
    verbose: int,
) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """Return the trained factors by name, and one record an epoch of the source rows."""
    frozen = network.on(device)
    with seeded(seed):
        adapter = LowRankAdapter(frozen, adaptable(frozen, n_layers), rank=rank, alpha=alpha)
    source = examples.goal[examples.n_standards :]
    task = AdaptationTask(
        adapter,
        POOLINGS[pooling],
        scale=max(float(source.var(axis=0, ddof=0).mean()), np.finfo(np.float32).tiny),
        coef=to_tensor(examples.coef),
        intercept=to_tensor(examples.intercept),
        n_layers=n_layers,
    )
    steps_an_epoch = -(-len(source) // batch_size)
    sampler = StepSampler(
        torch.zeros(len(source)),
        batch_size,
        seed=seed,
        max_steps=max_epochs * steps_an_epoch,
        window=steps_an_epoch,
    )
    net = StepNet(
        task,
        Batches(examples.batch, len(source)),
        sampler,
        weights=task.WEIGHTS,
        learning_rate=learning_rate,
        weight_decay=0.0,
        warmup_steps=steps_an_epoch,
        device=device,
        callbacks=[ProgressBar("adapting", {"loss": "train_loss"})] if verbose else [],
    )
    # A step is too small to share between cores, and on busy ones they wait for each other.
    with threadpool_limits(1):
        net.train()
    kept = ("train_loss", *task.WEIGHTS)
    return (
        {name: to_array(tensor) for name, tensor in adapter.state_dict().items()},
        [{name: float(record[name]) for name in kept} for record in net.history],
    )


def merge(network: FrozenNetwork, factors: Mapping[str, np.ndarray], alpha: float) -> FrozenNetwork:
    """Return the network with the change of an adapter added to its weights."""
    tensors = {name: to_tensor(factors[name]) for name in factors if name.startswith(("A.", "B."))}
    names = [name[2:].replace("/", ".") for name in tensors if name.startswith("A.")]
    rank = next(len(tensor) for name, tensor in tensors.items() if name.startswith("A."))
    frozen = network.on("cpu")
    with seeded(0):  # these factors are replaced, and the user's generator is not drawn from
        adapter = LowRankAdapter(frozen, names, rank=rank, alpha=alpha)
    adapter.load_state_dict(tensors)
    merged = {name: tensor.detach() for name, tensor in adapter.merged().items()}
    return FrozenNetwork.of(network.architecture, network.tensors() | merged)


def save_adapter(path, network: FrozenNetwork, adapter: Mapping[str, np.ndarray], alpha: float):
    """Write an adapter beside the digest of the network that they change."""
    tensors = {name: to_tensor(array) for name, array in adapter.items()}
    save_tensors(path, tensors, {"alpha": alpha, "network": network.digest})


def load_adapter(path, network: FrozenNetwork) -> tuple[dict[str, np.ndarray], float]:
    """Read an adapter and its alpha; one for another network is refused."""
    tensors, header = load_tensors(path)
    if header.get("network") != network.digest:
        raise ValueError(
            f"{path} holds no adapter of the network {network.digest[:12]} but for "
            f"{str(header.get('network'))[:12]}. Load it into a calibration with the weights it "
            "was trained on."
        )
    return {name: to_array(tensor) for name, tensor in tensors.items()}, header["alpha"]

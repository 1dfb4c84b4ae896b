"""Low-rank adaptation of a frozen network to a target instrument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .._bridge import POOLINGS, FrozenNetwork, Spectra, seeded, to_array, to_tensor
from .._nn.adaptation import AdaptationTask
from .._nn.lora import LowRankAdapter, adaptable
from .engine._callbacks import ProgressBar
from .engine._net import StepNet
from .engine._recipe import Recipe


@dataclass(frozen=True)
class Examples:
    """What an adapter learns from: the standards, then source rows mapped to the target."""

    spectra: Spectra
    z_source: np.ndarray  # (n, n_outputs) embeddings of the same samples on the source
    labels: np.ndarray  # (n, n_targets) in standard deviations; predictions where unknown
    weights: np.ndarray  # (n_standards,) of the spectra of the standards
    label_weights: np.ndarray  # (n_standards,) of their labels
    coef: np.ndarray  # (n_outputs, n_targets) of a linear head on source embeddings
    intercept: np.ndarray  # (n_targets,)

    @property
    def n_standards(self) -> int:
        """Number of standards."""
        return len(self.weights)

    def batches(self) -> Callable[[int, Tensor], dict[str, Tensor]]:
        """Return the function from a step and source rows to all standards and these rows."""
        z_source, n_standards = to_tensor(self.z_source), self.n_standards
        residual = to_tensor(self.z_source @ self.coef + self.intercept - self.labels)
        paired = to_tensor(fractions(self.weights))
        labels = to_tensor(fractions(self.weights * self.label_weights))
        standards = torch.arange(n_standards)

        def batch(step: int, rows: Tensor) -> dict[str, Tensor]:
            others = torch.zeros(len(rows))
            of_replay = torch.full((len(rows),), 1 / max(len(rows), 1))
            rows = torch.cat([standards, n_standards + rows])
            return self.spectra.batch(rows) | {
                "z_source": z_source[rows],
                "residual": residual[rows],
                "paired": torch.cat([paired, others]),
                "labels": torch.cat([labels, others]),
                "replay": torch.cat([torch.zeros(n_standards), of_replay]),
            }

        return batch


def fractions(weights: np.ndarray) -> np.ndarray:
    """Return weights divided by their sum, or equal ones if all are zero."""
    weights = weights if weights.any() else np.ones(len(weights))
    return weights / weights.sum()


def train_adapter(
    network: FrozenNetwork,
    examples: Examples,
    recipe: Recipe,
    *,
    pooling: str,
    n_layers: int | None,
    rank: int,
    alpha: float,
    token_weights: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """Return the trained factors by name, and one record per epoch of the source rows.

    `token_weights` (n_tokens, n_tokens_in) interpolate the tokens of the spectra at those of the
    source, None if both have the same.
    """
    frozen = network.on(recipe.device)
    with seeded(recipe.seed):
        adapter = LowRankAdapter(frozen, adaptable(frozen, n_layers), rank=rank, alpha=alpha)
    source = examples.z_source[examples.n_standards :]
    task = AdaptationTask(
        adapter,
        _pooling(pooling, token_weights, recipe.device),
        scale=float(source.var(axis=0, ddof=0).mean()) or 1.0,
        coef=to_tensor(examples.coef),
        n_layers=n_layers,
    )
    net = StepNet(
        task,
        recipe,
        examples.batches(),
        len(source),
        weights=task.WEIGHTS,
        callbacks=[ProgressBar("adapting", {"loss": "train_loss"})] if recipe.verbose else [],
    )
    net.train()
    recorded = ("train_loss", *task.WEIGHTS)
    return (
        {name: to_array(tensor) for name, tensor in adapter.state_dict().items()},
        [{name: float(record[name]) for name in recorded} for record in net.history],
    )


def _pooling(name: str, token_weights: np.ndarray | None, device: str):
    """Return the function from encoded spectra to embeddings, with interpolated tokens."""
    if token_weights is None:
        return POOLINGS[name]
    weights = to_tensor(token_weights).to(device)
    return lambda encoded: (weights @ encoded.tokens).flatten(1)


def merge(network: FrozenNetwork, factors: Mapping[str, np.ndarray], alpha: float) -> FrozenNetwork:
    """Return the network with the low-rank change of an adapter added to its weights."""
    tensors = {name: to_tensor(factors[name]) for name in factors if name.startswith(("A.", "B."))}
    names = [name[2:].replace("/", ".") for name in tensors if name.startswith("A.")]
    rank = next(len(tensor) for name, tensor in tensors.items() if name.startswith("A."))
    frozen = network.on("cpu")
    with seeded(0):  # these factors are replaced; the global generator is not used
        adapter = LowRankAdapter(frozen, names, rank=rank, alpha=alpha)
    try:
        adapter.load_state_dict(tensors)
    except RuntimeError as error:  # torch lists every tensor that differs
        raise ValueError(
            f"The {len(tensors)} factors of the adapter do not fit this network: "
            f"{' '.join(str(error).split())[:300]}. Train and save the adapter again."
        ) from error
    merged = {name: tensor.detach() for name, tensor in adapter.merged().items()}
    return network.changed(merged)

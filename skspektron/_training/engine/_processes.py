"""Several processes, on one machine or more, that share the rows of every step."""

import atexit
import os
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes that train together; without a launcher there is one.

    Every process holds the whole network and computes the gradient of its own rows; one sum
    over all of them, once a step, gives each the gradient of the whole batch, and so the same
    weights. `DistributedDataParallel` averages gradients with equal weights, expects rows in
    every process and sums during every backward pass; here parts have the weight of
    what they average over, a process may have no rows, and micro-batches are summed once.
    """

    rank: int = 0
    count: int = 1

    def rows(self, n_rows: int) -> range:
        """Return this process's share of the rows of a batch, which may be empty."""
        return range(self.rank * n_rows // self.count, (self.rank + 1) * n_rows // self.count)

    def add_up(self, module: nn.Module, losses: Tensor) -> Tensor:
        """Sum all gradients, in place, and losses (n_losses,) over the processes."""
        if self.count == 1:
            return losses
        learning = [p for p in module.parameters() if p.requires_grad]
        touched = losses.new_tensor([p.grad is not None for p in learning])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learning]
        flat = torch.cat([losses, touched, *(g.flatten() for g in gradients)])
        distributed.all_reduce(flat)
        losses, touched, *gradients = flat.split(
            [len(losses), len(touched), *(p.numel() for p in learning)]
        )
        for parameter, n_touched, gradient in zip(learning, touched, gradients, strict=True):
            # None stays None: the optimiser passes over a parameter that took no part.
            parameter.grad = gradient.view_as(parameter) if n_touched else None
        return losses

    def broadcast(self, value: T) -> T:
        """Return the value that the first process has."""
        if self.count == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def begin(self, module: nn.Module, seed: int) -> None:
        """Give every process the first one's weights; refuse processes with other seeds."""
        if self.count == 1:
            return
        seeds: list[int] = [0] * self.count
        distributed.all_gather_object(seeds, seed)
        if len(set(seeds)) > 1:
            other = next(s for s in seeds if s != seeds[0])
            raise ValueError(
                f"The {self.count} processes drew different seeds ({seeds[0]} and {other}), and "
                "would train on different rows. Pass an int as random_state."
            )
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, src=0)


def join(device: str) -> Processes:
    """Join the processes that a launcher such as torchrun started, if one did.

    They stay joined until they end: a group that is closed and opened anew at the same
    address may meet its own predecessor, and wait for ever. A group that exists is used as it is.
    On GPUs, every process of a machine takes the one with its own number.
    """
    joined = distributed.is_available() and distributed.is_initialized()
    if not joined and int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return Processes()
    wanted = torch.device(device)
    if wanted.type == "cuda" and wanted.index is None:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    if not joined:
        gpus = torch.cuda.is_available() and distributed.is_nccl_available()
        distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
        atexit.register(_leave)
    return Processes(distributed.get_rank(), distributed.get_world_size())


def _leave() -> None:
    """Close the group, unless that was done elsewhere."""
    if distributed.is_initialized():
        distributed.destroy_process_group()

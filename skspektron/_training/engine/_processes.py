"""Data-parallel training in several processes, on one or more machines."""

import atexit
import os
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes that train together: one, unless a launcher started more.

    Every process has the whole network and computes the gradient of its own rows. The gradients
    are summed over the processes once per step, so that all have the same weights.
    `DistributedDataParallel` averages gradients with equal weights, requires rows in every process
    and sums in every backward pass. Here gradients are weighted by the number of items that they
    are averaged over, a process may have no rows, and micro-batches are summed once.
    """

    rank: int = 0
    count: int = 1

    def rows(self, n_rows: int) -> range:
        """Return the rows of a batch that this process computes; may be empty."""
        return range(self.rank * n_rows // self.count, (self.rank + 1) * n_rows // self.count)

    def sum_up(self, module: nn.Module, losses: Tensor) -> Tensor:
        """Sum the gradients, in place, and the losses (n_losses,) over the processes."""
        if self.count == 1:
            return losses
        trained = [p for p in module.parameters() if p.requires_grad]
        touched = losses.new_tensor([p.grad is not None for p in trained])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        flat = torch.cat([losses, touched, *(g.flatten() for g in gradients)])
        distributed.all_reduce(flat)
        losses, touched, *gradients = flat.split(
            [len(losses), len(touched), *(p.numel() for p in trained)]
        )
        for parameter, n_touched, gradient in zip(trained, touched, gradients, strict=True):
            # None stays None: the optimizer skips unused parameters.
            parameter.grad = gradient.view_as(parameter) if n_touched else None
        return losses

    def broadcast(self, value: T) -> T:
        """Return the value of the first process."""
        if self.count == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def synchronize(self, module: nn.Module, seed: int) -> None:
        """Copy the weights of the first process to all; raise ValueError for unequal seeds."""
        if self.count == 1:
            return
        seeds: list[int] = [0] * self.count
        distributed.all_gather_object(seeds, seed)
        if len(set(seeds)) > 1:
            other = next(s for s in seeds if s != seeds[0])
            raise ValueError(
                f"random_state must be an int to train in {self.count} processes: they drew "
                f"different seeds ({seeds[0]} and {other}). Pass an int."
            )
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, src=0)


def join(device: str) -> Processes:
    """Join the processes that a launcher such as torchrun started, if one did.

    An existing group is used. The group stays open until the process ends, since closing it and
    opening another at the same address can hang. On GPUs, every process of a machine uses the GPU
    with its local rank.
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
    """Close the group, if it is open."""
    if distributed.is_initialized():
        distributed.destroy_process_group()

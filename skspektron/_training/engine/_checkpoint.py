"""Checkpoints from which an interrupted run resumes and ends at the same weights."""

import os
from collections.abc import Iterator
from pathlib import Path

from skorch.callbacks import Callback
from skorch.history import History
from torch import Tensor

from ..._bridge import load_tensors, save_tensors


class Checkpoint(Callback):
    """Write weights, optimizer, callbacks, step and history after every window.

    Callbacks with ``state_dict`` and ``load_state_dict`` are restored: the average of the weights,
    the best window, the count of skipped steps. Random numbers have no state, as they are
    functions of the step. Of several processes, only the first one reads and writes.

    Parameters
    ----------
    path : path-like
        A safetensors file, replaced atomically.
    fingerprint : dict
        Settings and checksum of the data. A checkpoint with another fingerprint is refused.
    """

    def __init__(self, path: str | os.PathLike, fingerprint: dict):
        self.path, self.fingerprint = path, fingerprint

    def on_train_begin(self, net, **kwargs):
        """Resume from the file, if there is one."""
        saved = None
        if net.processes.rank == 0 and Path(self.path).exists():
            saved = load_tensors(self.path)
        saved = net.processes.broadcast(saved)
        if saved is None:
            return
        tensors, header = saved
        self._check(header.get("fingerprint", {}))
        net.module_.load_state_dict(_select("module", tensors))
        _load_optimizer(net, _select("optimizer", tensors))
        for name, callback in _resumable(net):
            state = _select(f"callback/{name}", tensors)
            callback.load_state_dict({k: t.to(net.device) for k, t in state.items()})
        net.sampler.step = header["step"]
        net.history_ = History(header["history"])

    def _check(self, saved: dict) -> None:
        """Raise ValueError for the checkpoint of another run."""
        different = [k for k, v in self.fingerprint.items() if saved.get(k) != v]
        if different:
            raise ValueError(
                f"The checkpoint {self.path} belongs to another run: it differs in "
                f"{', '.join(different)}. Pass another path, or delete the file."
            )

    def on_epoch_end(self, net, **kwargs):
        """Write the file."""
        if net.processes.rank > 0:
            return
        tensors = {f"module/{name}": t for name, t in net.module_.state_dict().items()}
        for name, parameter in net.module_.named_parameters():
            for field, value in net.optimizer_.state.get(parameter, {}).items():
                tensors[f"optimizer/{name}/{field}"] = value
        for name, callback in _resumable(net):
            for key, value in callback.state_dict().items():
                tensors[f"callback/{name}/{key}"] = value
        history = [
            {k: v for k, v in window.items() if k != "batches"} | {"batches": []}
            for window in net.history
        ]
        header = {"fingerprint": self.fingerprint, "step": net.sampler.step, "history": history}
        save_tensors(self.path, tensors, header)


def _select(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with a prefix, which is removed."""
    prefix += "/"
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _load_optimizer(net, tensors: dict[str, Tensor]) -> None:
    """Restore the optimizer state of every parameter; step counts stay on the CPU."""
    parameters = dict(net.module_.named_parameters())
    for key, value in tensors.items():
        name, _, field = key.rpartition("/")
        device = parameters[name].device if value.ndim else "cpu"
        net.optimizer_.state[parameters[name]][field] = value.to(device)


def _resumable(net) -> Iterator[tuple[str, Callback]]:
    """Yield the callbacks that have a state, with their names."""
    return ((n, c) for n, c in net.callbacks_ if hasattr(c, "load_state_dict"))

"""Interrupted training goes on where the last reporting window ended, to the same weights."""

import os
from pathlib import Path

from skorch.callbacks import Callback
from skorch.history import History

from .._bridge import load_tensors, save_tensors


class Checkpoint(Callback):
    """Write parameters, optimiser state, step and history after every window.

    Parameters
    ----------
    path : path-like
        A safetensors file, replaced whole at every write.
    fingerprint : dict
        What the run depends on: settings and data. A checkpoint of another run is refused.
    """

    def __init__(self, path: str | os.PathLike, fingerprint: dict):
        self.path, self.fingerprint = path, fingerprint

    def on_train_begin(self, net, **kwargs):
        """Resume where the file says, if there is one."""
        if not Path(self.path).exists():
            return
        tensors, header = load_tensors(self.path)
        saved = header.get("fingerprint", {})
        different = [k for k, v in self.fingerprint.items() if saved.get(k) != v]
        if different:
            raise ValueError(
                f"The checkpoint {self.path} belongs to another run: it differs in "
                f"{', '.join(different)}. Pass another checkpoint path, or delete the file."
            )
        names = dict(net.module_.named_parameters())
        net.module_.load_state_dict({n: tensors[f"module/{n}"] for n in net.module_.state_dict()})
        for key, value in tensors.items():
            part, _, rest = key.partition("/")
            if part == "optimizer":
                name, _, field = rest.rpartition("/")
                net.optimizer_.state[names[name]][field] = value.to(
                    names[name].device if value.ndim else "cpu"
                )
        net.sampler.step = header["step"]
        net.history_ = History(header["history"])

    def on_epoch_end(self, net, **kwargs):
        """Write the file."""
        tensors = {f"module/{name}": t for name, t in net.module_.state_dict().items()}
        for name, parameter in net.module_.named_parameters():
            for field, value in net.optimizer_.state[parameter].items():
                tensors[f"optimizer/{name}/{field}"] = value
        history = [
            {k: v for k, v in window.items() if k != "batches"} | {"batches": []}
            for window in net.history
        ]
        header = {"fingerprint": self.fingerprint, "step": net.sampler.step, "history": history}
        save_tensors(self.path, tensors, header)

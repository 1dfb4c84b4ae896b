"""Stop when spectra that are held out no longer profit."""

import math

import torch
from skorch.callbacks import Callback
from torch import Tensor

from ._steps import step_generator


class EarlyStopping(Callback):
    """End the run when a record stays as it is, and restore the weights of the best window.

    skorch's callback of this name ends a run by KeyboardInterrupt, before the callbacks behind it
    have seen the window, and forgets its state between processes.

    Parameters
    ----------
    n_iter_no_change : int
        Windows in a row without improvement after which the run ends.
    monitor : str
        Name of the record that should fall.
    tol : float
        Smallest improvement that counts, relative to the best so far.
    """

    def __init__(self, n_iter_no_change: int, *, monitor: str = "masked_mse", tol: float = 1e-4):
        self.n_iter_no_change, self.monitor, self.tol = n_iter_no_change, monitor, tol

    def on_train_begin(self, net, **kwargs):
        """Begin without a best window."""
        self.best_score_, self.n_misses_ = math.inf, 0
        self.best_weights_: dict[str, Tensor] = {}

    def on_epoch_end(self, net, **kwargs):
        """Compare the window with the best one, by the first process's figure for all."""
        score = net.processes.broadcast(net.history[-1, self.monitor])
        self.n_misses_ += 1
        if score < (1 - self.tol) * self.best_score_:
            self.best_score_, self.n_misses_ = score, 0
            with net.evaluated() as module:
                self.best_weights_ = {name: t.clone() for name, t in module.state_dict().items()}
        net.history.record("stopped", self.n_misses_ >= self.n_iter_no_change)

    def on_train_end(self, net, **kwargs):
        """Leave the weights of the best window in the network."""
        if self.best_weights_:
            net.module_.load_state_dict(self.best_weights_)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best window and the misses since, for a checkpoint."""
        return {
            "best_score": torch.tensor(self.best_score_, dtype=torch.float64),
            "n_misses": torch.tensor(self.n_misses_),
            **{f"best/{name}": tensor for name, tensor in self.best_weights_.items()},
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on with the best window of a checkpoint."""
        self.best_score_, self.n_misses_ = float(state["best_score"]), int(state["n_misses"])
        self.best_weights_ = {
            name.removeprefix("best/"): t for name, t in state.items() if name.startswith("best/")
        }


def hold_out(
    n_rows: int, fraction: float, seed: int, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return rows to train on and rows to stop by, in order, drawn by seed.

    Rows of one group (n_rows,), one physical sample, are on one side. `fraction` is that of the
    groups; at least one is held out.
    """
    labels = torch.arange(n_rows) if groups is None else groups.unique(return_inverse=True)[1]
    n_groups = int(labels.max()) + 1
    n_held = max(round(fraction * n_groups), 1)
    if n_held >= n_groups:
        raise ValueError(
            f"validation_fraction={fraction:g} holds out {n_held} of {n_groups} samples and leaves "
            "none to train on. Pass a smaller fraction or more samples, or n_iter_no_change=None."
        )
    drawn = torch.randperm(n_groups, generator=step_generator(seed, -2))[:n_held]
    held = torch.isin(labels, drawn)
    return (~held).nonzero().flatten(), held.nonzero().flatten()

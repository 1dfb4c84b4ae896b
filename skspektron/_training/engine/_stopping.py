"""Early stopping on held-out spectra."""

import math

import torch
from skorch.callbacks import Callback
from torch import Tensor

from ._steps import step_generator


class EarlyStopping(Callback):
    """Stop the run when a record no longer improves, and restore the weights of the best window.

    skorch's callback of this name raises KeyboardInterrupt before later callbacks have seen the
    window, and its state cannot be saved in a checkpoint.

    Parameters
    ----------
    n_iter_no_change : int
        Windows in a row without improvement after which the run stops.
    monitor : str
        Name of the record, of which lower is better.
    tol : float
        Smallest improvement that counts, relative to the best value.
    """

    def __init__(self, n_iter_no_change: int, *, monitor: str = "masked_mse", tol: float = 1e-4):
        self.n_iter_no_change, self.monitor, self.tol = n_iter_no_change, monitor, tol

    def on_train_begin(self, net, **kwargs):
        """Reset the best window."""
        self.best_score_, self.n_misses_ = math.inf, 0
        self.best_weights_: dict[str, Tensor] = {}

    def on_epoch_end(self, net, **kwargs):
        """Compare the window with the best one, by the value of the first process."""
        score = net.processes.broadcast(net.history[-1, self.monitor])
        self.n_misses_ += 1
        if score < (1 - self.tol) * self.best_score_:
            self.best_score_, self.n_misses_ = score, 0
            with net.evaluated() as module:
                self.best_weights_ = {name: t.clone() for name, t in module.state_dict().items()}
        net.history.record("stopped", self.n_misses_ >= self.n_iter_no_change)

    def on_train_end(self, net, **kwargs):
        """Restore the weights of the best window."""
        if self.best_weights_:
            net.module_.load_state_dict(self.best_weights_)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best window and the number of windows since, for a checkpoint."""
        return {
            "best_score": torch.tensor(self.best_score_, dtype=torch.float64),
            "n_misses": torch.tensor(self.n_misses_),
            **{f"best/{name}": tensor for name, tensor in self.best_weights_.items()},
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the best window of a checkpoint."""
        self.best_score_, self.n_misses_ = float(state["best_score"]), int(state["n_misses"])
        self.best_weights_ = {
            name.removeprefix("best/"): t for name, t in state.items() if name.startswith("best/")
        }


def hold_out(
    n_rows: int, fraction: float, seed: int, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return training rows and held-out rows, sorted, drawn by seed.

    All rows of a group (n_rows,), such as a physical sample, are on the same side. `fraction` is
    that of the groups; at least one is held out.
    """
    labels = torch.arange(n_rows) if groups is None else groups.unique(return_inverse=True)[1]
    n_groups = int(labels.max()) + 1
    n_held = max(round(fraction * n_groups), 1)
    if n_held >= n_groups:
        raise ValueError(
            f"validation_fraction={fraction:g} holds out {n_held} of {n_groups} samples, and none "
            "is left to train on. Pass a smaller fraction, more samples, or n_iter_no_change=None."
        )
    drawn = torch.randperm(n_groups, generator=step_generator(seed, -2))[:n_held]
    held = torch.isin(labels, drawn)
    return (~held).nonzero().flatten(), held.nonzero().flatten()

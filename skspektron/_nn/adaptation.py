"""What adapting a frozen network to an instrument minimises."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from .lora import LowRankAdapter
from .network import Encoded


class AdaptationTask(nn.Module):
    """Spectra of the target shall look and be predicted as those of the source, offset apart.

    Parameters
    ----------
    adapter : LowRankAdapter
        What is trained.
    pool : callable
        From what the network makes of spectra to embeddings (B, n_outputs).
    n_layers : int or None
        Blocks behind which tokens are read; None: all and the norm.
    scale : float
        Mean squared distance of source embeddings from their mean: the unit of `paired`.
    coef, intercept : Tensor of shape (n_outputs, n_targets) and (n_targets,)
        A linear head on source embeddings, in units of the labels' standard deviation.
    """

    WEIGHTS: Mapping[str, float] = {"paired": 1.0, "labels": 1.0, "replay": 1.0}

    def __init__(
        self,
        adapter: LowRankAdapter,
        pool: Callable[[Encoded], Tensor],
        scale: float,
        coef: Tensor,
        intercept: Tensor,
        *,
        n_layers: int | None = None,
    ):
        super().__init__()
        self.adapter, self.pool, self.scale, self.n_layers = adapter, pool, scale, n_layers
        self.register_buffer("coef", coef)
        self.register_buffer("intercept", intercept)

    def forward(
        self, goal: Tensor, labels: Tensor, is_standard: Tensor, **spectra: Tensor
    ) -> dict[str, Tensor]:
        """Return the losses of standards on the target, and of source rows moved to the target.

        `goal` (B, n_outputs) and `labels` (B, n_targets) are a sample's embedding on the source
        and what is to be predicted for it.
        """
        z = self.pool(self.adapter(**spectra, n_layers=self.n_layers))
        # What differs by a constant needs no factors: it is subtracted in closed form.
        offset = (z - goal)[is_standard].mean(0)
        z = z - offset
        distance = (z - goal).square().mean(1) / self.scale
        error = (z @ self.coef + self.intercept - labels).square().mean(1)
        return {
            "paired": distance[is_standard].mean(),
            "labels": error[is_standard].mean(),
            "replay": (error + distance)[~is_standard].mean(),
        }

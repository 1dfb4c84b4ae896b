"""Losses that adapt a frozen network to a target instrument."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from .lora import LowRankAdapter
from .network import Encoded


class AdaptationTask(nn.Module):
    """Match embeddings and predictions on the target instrument to those on the source.

    A constant offset between the embeddings of the two instruments is not penalized.

    Parameters
    ----------
    adapter : LowRankAdapter
        The adapter to train.
    pool : callable
        Maps the network's `Encoded` spectra to embeddings (B, n_outputs).
    scale : float
        Mean squared distance of the source embeddings from their mean. Squared distances
        between embeddings are divided by it.
    coef : Tensor of shape (n_outputs, n_targets)
        Linear model from source embeddings to labels, in standard deviations of the labels.
    n_layers : int, default=None
        Number of blocks after which tokens are read. None: all blocks and the final norm.
    """

    WEIGHTS: Mapping[str, float] = {"paired": 1.0, "labels": 1.0, "replay": 1.0}

    def __init__(
        self,
        adapter: LowRankAdapter,
        pool: Callable[[Encoded], Tensor],
        scale: float,
        coef: Tensor,
        *,
        n_layers: int | None = None,
    ):
        super().__init__()
        self.adapter, self.pool, self.scale, self.n_layers = adapter, pool, scale, n_layers
        self.register_buffer("coef", coef)

    def forward(
        self,
        z_source: Tensor,
        residual: Tensor,
        paired: Tensor,
        labels: Tensor,
        replay: Tensor,
        **spectra: Tensor,
    ) -> dict[str, Tensor]:
        """Return the losses of the standards and of source spectra mapped to the target.

        `z_source` (B, n_outputs) holds the embeddings of the same samples on the source
        instrument, and `residual` (B, n_targets) what the linear model predicts for them minus
        the values to predict. `paired`, `labels` and `replay` (B,) are the weights of the rows
        in each loss, with a sum of 1; `paired` is zero for the rows of the source.
        """
        moved = self.pool(self.adapter(**spectra, n_layers=self.n_layers)) - z_source
        # The adapter need not learn a constant difference: it is subtracted in closed form.
        moved = moved - paired @ moved
        distance = moved.square().mean(1) / self.scale
        error = (moved @ self.coef + residual).square().mean(1)
        return {
            "paired": paired @ distance,
            "labels": labels @ error,
            "replay": replay @ (error + distance),
        }

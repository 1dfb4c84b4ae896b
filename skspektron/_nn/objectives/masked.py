"""What pretraining minimises."""

from typing import ClassVar

from torch import Tensor, nn


class MaskedReconstruction(nn.Module):
    r"""Squared error of the hidden channels; what the encoder saw does not count.

    The Gaussian likelihood :math:`\frac{1}{N} \sum_i (y_i - \hat y_i)^2 / \sigma_i^2` where
    the data come with inverse variances, their mean squared error where they do not [1]_.

    Parameters
    ----------
    network, n_instruments
        Not used.

    References
    ----------
    .. [1] Shen, Lanusse, Parker et al., arXiv:2510.17959 (2025).
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, network, n_instruments: int):
        super().__init__()

    def forward(self, views) -> Tensor:
        """Return the mean over all hidden good channels of a batch."""
        batch = views.batch
        return squared_error(
            views.reconstruction, batch["values"], views.hidden, batch.get("weight")
        )


def squared_error(
    reconstruction: Tensor, values: Tensor, chosen: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Return the mean of weight x squared error over the `chosen` channels, all (B, n).

    Channels of unknown weight are not chosen.
    """
    chosen = counted(chosen, weight)
    # Selected before squared: the gradient of a NaN's square is NaN, selected or not.
    error = (reconstruction - values.detach())[chosen].square()
    if weight is not None:
        error = weight[chosen] * error
    return error.sum() / chosen.sum().clamp(min=1)


def counted(chosen: Tensor, weight: Tensor | None) -> Tensor:
    """Return which `chosen` channels (B, n) count: where weights are told, the positive ones."""
    return chosen if weight is None else chosen & (weight > 0) & weight.isfinite()


def mean_over(x: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of `x` where `chosen`, 0 if that is nowhere."""
    return x[chosen].sum() / chosen.sum().clamp(min=1)

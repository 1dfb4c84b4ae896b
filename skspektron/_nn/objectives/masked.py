"""Reconstruction of hidden channels."""

from typing import ClassVar

from torch import Tensor, nn


class MaskedReconstruction(nn.Module):
    r"""Mean squared error of the hidden channels [1]_.

    With inverse variances in the data, the error is weighted by them,
    :math:`\frac{1}{N} \sum_i (y_i - \hat y_i)^2 / \sigma_i^2`.

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
        """Return the mean over all good hidden channels of a batch."""
        batch = views.batch
        return squared_error(
            views.reconstruction, batch["values"], views.hidden, batch.get("weight")
        )


def squared_error(
    reconstruction: Tensor, values: Tensor, chosen: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Return the mean of weight x squared error over the `chosen` channels, all (B, n).

    Channels whose weight is not finite and positive are ignored.
    """
    chosen = counted(chosen, weight)
    # Select before squaring: the square of NaN has a NaN gradient even where not selected.
    error = (reconstruction - values.detach())[chosen].square()
    if weight is not None:
        error = weight[chosen] * error
    return error.sum() / chosen.sum().clamp(min=1)


def counted(chosen: Tensor, weight: Tensor | None) -> Tensor:
    """Return the `chosen` channels (B, n) whose weight, if given, is finite and positive."""
    return chosen if weight is None else chosen & (weight > 0) & weight.isfinite()


def mean_over(x: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of `x` where `chosen`, 0 if nothing is."""
    return x[chosen].sum() / chosen.sum().clamp(min=1)

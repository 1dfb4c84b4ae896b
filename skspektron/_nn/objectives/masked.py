"""Reconstruction of hidden channels."""

from typing import ClassVar

from torch import Tensor, nn

ROUNDING = 1e-12  # squared error relative to the largest square of a spectrum


class MaskedReconstruction(nn.Module):
    r"""Mean squared error of the hidden channels [1]_.

    With inverse variances in the data, the error is weighted by them,
    :math:`\frac{1}{N} \sum_i (y_i - \hat y_i)^2 / \sigma_i^2`. A decoder that corrects
    interpolation minimizes the mean over the hidden channels of the logarithm of the error of
    their spectrum, :math:`\frac{1}{N} \sum_s n_s \log \mathrm{MSE}_s`, so that spectra that are
    interpolated well count as much as others. This is the negative log-likelihood of normal
    errors whose unknown variance is that of the spectrum [2]_, times two.

    Parameters
    ----------
    network : SpektronNetwork
        Network in training.
    n_instruments
        Not used.

    References
    ----------
    .. [1] Shen, Lanusse, Parker et al., arXiv:2510.17959 (2025).
    .. [2] Neyman & Scott, Econometrica 16 (1948) 1-32.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, network, n_instruments: int):
        super().__init__()
        corrects = network is not None and network.architecture.decoder == "correction"
        self.error = log_error if corrects else squared_error

    def forward(self, views) -> Tensor:
        """Return the mean over all good hidden channels of a batch."""
        batch = views.batch
        return self.error(views.reconstruction, batch["values"], views.hidden, batch.get("weight"))


def log_error(
    reconstruction: Tensor, values: Tensor, chosen: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Return the mean of the log of each spectrum's squared error over the `chosen` channels.

    Errors below 1e-6 of the largest magnitude of a spectrum count as rounding. A spectrum counts
    as often as it has chosen channels.
    """
    chosen = counted(chosen, weight)
    size = values.detach().where(chosen, 0).abs().amax(1, keepdim=True)
    size = size.where(size > 0, 1)
    # Select before squaring, as in `squared_error`.
    square = ((reconstruction - values.detach()) / size).where(chosen, 0).square()
    if weight is not None:
        square = square * weight.where(chosen, 0)
    count = chosen.sum(1)
    each = (square.sum(1) / count.clamp(min=1) + ROUNDING).log() + 2 * size[:, 0].log()
    return (count * each).sum() / count.sum().clamp(min=1)


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

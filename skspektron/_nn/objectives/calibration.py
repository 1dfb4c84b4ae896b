"""Error of small calibrations on the embedding, within and between instruments."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

PENALTIES = tuple(10 ** (0.75 * k - 7) for k in range(9))  # of the ridge, per training sample
SHARPNESS = 0.25  # per training sample: exponent of the leave-one-out error in the weights
NULL_PENALTY = 100.0  # on differences of standards, relative to the mean square of the spectra
ERROR_FLOOR, ERROR_CEILING = 2e-3, 10.0  # of the mean squared error, in variances of the target


class Calibration(nn.Module):
    r"""Log mean squared error of a ridge calibration on the embedding for held-out spectra.

    In every episode, a ridge regression is fitted in closed form to the tokens of some samples
    and predicts other samples [1]_; its error is differentiated with respect to the network. If
    the predicted samples are from another instrument, training samples that it measured as well
    are *standards*: their spectra are added to the training set, and the differences between
    the instruments are added as rows with target 0 [2]_.

    Parameters
    ----------
    network, n_instruments
        Not used.

    Notes
    -----
    The logarithm gives targets that are easy and difficult to predict the same weight. The
    error is that of a standardized target. It is bounded smoothly by `ERROR_CEILING`, and
    `ERROR_FLOOR` is added, so that neither very large nor very small errors dominate a step.

    References
    ----------
    .. [1] Bertinetto, Henriques, Torr & Vedaldi, ICLR (2019), arXiv:1805.08136.
    .. [2] Kalivas, Siano, Andries & Goicoechea, Appl. Spectrosc. 63 (2009) 800-809.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"labels"})

    def __init__(self, network, n_instruments: int):
        super().__init__()

    def forward(self, views) -> Tensor:
        """Return the mean over the episodes of a batch."""
        losses = [_loss(views, episode) for episode in views.batch["episodes"]]
        return torch.stack(losses).mean()


def _loss(views, episode: Mapping[str, Any]) -> Tensor:
    """Return the loss of one episode, whose rows are training samples, standards and queries."""
    y, y_query = episode["y"], episode["y_query"]
    Z = views.embed(episode["spectra"])
    with torch.autocast(Z.device.type, enabled=False):
        n_standards = len(Z) - len(y) - len(y_query)
        train, standards, query = Z.double().split([len(y), n_standards, len(y_query)])
        centre, scale = column_scale(train, episode["autoscaled"])
        predicted = ridge(
            (torch.cat([train, standards]) - centre) / scale,
            torch.cat([y, y[:n_standards]]),
            (query - centre) / scale,
            (train[:n_standards] - standards) / scale,
        )
        error = (predicted - y_query).square().mean()
        return (error / (1 + error / ERROR_CEILING) + ERROR_FLOOR).log()


def column_scale(Z: Tensor, autoscaled: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and scale of the columns of Z (n, D), the scale being 1 unless `autoscaled`.

    The scale is the standard deviation (ddof 0) plus a thousandth of the largest one, so that
    constant columns are not amplified.
    """
    deviation = (Z.var(0, correction=0) + 1e-10).sqrt()
    scale = deviation + 1e-3 * deviation.max().detach()
    return Z.mean(0), torch.where(autoscaled, scale, 1.0)


def ridge(X: Tensor, y: Tensor, query: Tensor, null: Tensor) -> Tensor:
    r"""Return the predictions (m,) of a ridge regression for `query` (m, D).

    In dual form, with :math:`R` the centred training rows X (n, D) stacked on the `null` rows
    (k, D), whose target is 0, predictions are :math:`Q R^T a` with
    :math:`a = (R R^T + \lambda n I)^{-1} y`. They are averaged over all `PENALTIES`
    :math:`\lambda`, with weights that decrease with the leave-one-out error
    :math:`a_i / A_{ii}` [1]_, where A is the inverse.

    References
    ----------
    .. [1] Golub, Heath & Wahba, Technometrics 21 (1979) 215-223.
    """
    n, mean, y_mean = len(X), X.mean(0), y.mean()
    R = X - mean
    power = R.square().sum() / n + 1e-12
    if len(null):
        null = null * (NULL_PENALTY * power / (null.square().sum() / len(null) + 1e-12)).sqrt()
        R = torch.cat([R, null])
    K = R @ R.T / power  # (n + k, n + k)
    penalty = n * torch.tensor(PENALTIES, dtype=K.dtype, device=K.device)[:, None, None]
    A = torch.linalg.inv(K + penalty * torch.eye(len(K), dtype=K.dtype, device=K.device))
    a = A @ torch.cat([y - y_mean, y.new_zeros(len(null))])  # (penalties, n + k)
    held_out = (a / A.diagonal(dim1=1, dim2=2))[:, :n].square().mean(1)
    weight = torch.softmax(-SHARPNESS * n * held_out.log(), 0)
    return weight @ (a @ (R @ (query - mean).T / power)) + y_mean

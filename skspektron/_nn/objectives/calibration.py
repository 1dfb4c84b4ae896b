"""A calibration on a few spectra shall predict others, also of another instrument."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

STRENGTHS = tuple(10 ** (0.75 * k - 7) for k in range(9))  # of the ridge, a training sample
SHARPNESS = 0.25  # a training sample: how much better a strength must be to be taken alone
NULL_PENALTY = 100.0  # on differences of standards, beside the mean square of the spectra
FLOOR, CEILING = 2e-3, 10.0  # of the mean squared error, in variances of the target


class Calibration(nn.Module):
    r"""Log mean squared error of a ridge calibration on the embedding, on spectra it never saw.

    Every episode is a calibration as it is used: a ridge is fitted in closed form to the tokens
    of some samples and predicts others [1]_, and its error tells the network what to keep and
    what to damp. Where the predicted samples come from another instrument, the training samples
    that it measured too are *standards*: their spectra join the training set, and the differences
    between the instruments are rows whose prediction shall be zero [2]_.

    Parameters
    ----------
    network, n_instruments
        Not used.

    Notes
    -----
    The logarithm makes a target that is easily predicted teach as much as a difficult one. The
    error is that of a standardised target, held below `CEILING`, and `FLOOR` is added, so that
    neither a failure nor an error of the size of rounding rules a step.

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
    """Return the loss of one episode: rows to train on, standards and queries behind each other."""
    y, goal = episode["y"], episode["goal"]
    Z = views.embed(episode["spectra"])
    with torch.autocast(Z.device.type, enabled=False):
        n_standards = len(Z) - len(y) - len(goal)
        train, standards, query = Z.double().split([len(y), n_standards, len(goal)])
        centre, scale = column_scale(train, episode["autoscaled"])
        predicted = ridge(
            (torch.cat([train, standards]) - centre) / scale,
            torch.cat([y, y[:n_standards]]),
            (query - centre) / scale,
            (train[:n_standards] - standards) / scale,
        )
        error = (predicted - goal).square().mean()
        return (error / (1 + error / CEILING) + FLOOR).log()


def column_scale(Z: Tensor, autoscaled: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and scale of the columns of Z (n, D): their deviation where `autoscaled`, or 1.

    A thousandth of the largest deviation is added, so that flat columns stay small.
    """
    deviation = (Z.var(0, correction=0) + 1e-10).sqrt()
    scale = deviation + 1e-3 * deviation.max().detach()
    return Z.mean(0), torch.where(autoscaled, scale, 1.0)


def ridge(X: Tensor, y: Tensor, query: Tensor, null: Tensor) -> Tensor:
    r"""Return what a ridge regression predicts for `query` (m, D), (m,).

    In dual form: with :math:`R` the training rows X (n, D), centred, above the `null` rows (k, D)
    whose target is 0, predictions are :math:`Q R^T a` with
    :math:`a = (R R^T + \lambda n I)^{-1} y`. Of the `STRENGTHS` :math:`\lambda`, all predict, with
    weights that fall with the error of leaving one out, :math:`a_i / A_{ii}` [1]_.

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
    strength = n * torch.tensor(STRENGTHS, dtype=K.dtype, device=K.device)[:, None, None]
    A = torch.linalg.inv(K + strength * torch.eye(len(K), dtype=K.dtype, device=K.device))
    a = A @ torch.cat([y - y_mean, y.new_zeros(len(null))])  # (strengths, n + k)
    left_out = (a / A.diagonal(dim1=1, dim2=2))[:, :n].square().mean(1)
    weight = torch.softmax(-SHARPNESS * n * left_out.log(), 0)
    return weight @ (a @ (R @ (query - mean).T / power)) + y_mean

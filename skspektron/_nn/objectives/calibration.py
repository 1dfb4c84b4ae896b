"""Error of small calibrations on the embedding, within and between instruments."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PENALTIES = tuple(10 ** (0.75 * k - 7) for k in range(9))  # of the ridge, per training sample
SHARPNESS = 0.25  # per training sample: exponent of the leave-one-out error in the weights
SMALLEST_ERROR = 1e-12  # leave-one-out errors below it are equal, 0 for a constant target
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
        losses = [self._loss(views, episode) for episode in views.batch["episodes"]]
        return torch.stack(losses).mean()

    def features(self, views, episode: Mapping[str, Any]) -> Tensor:
        """Return the centred and scaled tokens (n, D) of training rows, standards and queries."""
        Z = views.embed(episode["spectra"]).double()
        centre, scale = column_scale(Z[: len(episode["y"])], episode["autoscaled"])
        return (Z - centre) / scale

    def _loss(self, views, episode: Mapping[str, Any]) -> Tensor:
        """Return the loss of one episode."""
        y, y_query = episode["y"], episode["y_query"]
        Z = self.features(views, episode)
        with torch.autocast(Z.device.type, enabled=False):
            n_standards = len(Z) - len(y) - len(y_query)
            train, standards, query = Z.split([len(y), n_standards, len(y_query)])
            predicted = ridge(
                torch.cat([train, standards]),
                torch.cat([y, y[:n_standards]]),
                query,
                train[:n_standards] - standards,
                measured_once=slice(n_standards, len(y)),
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


def ridge(
    X: Tensor, y: Tensor, query: Tensor, null: Tensor, measured_once: slice = slice(None)
) -> Tensor:
    r"""Return the predictions (m,) of a ridge regression for `query` (m, D).

    The training rows X (n, D) have a free intercept; the `null` rows (k, D), whose target is 0,
    have none. Predictions are averaged over all `PENALTIES`, with weights that decrease with the
    leave-one-out error of the rows `measured_once`: samples of which X holds another spectrum are
    not held out by leaving out a row.
    """
    n, mean = len(X), X.mean(0)
    R = X - mean
    power = R.square().sum() / n + 1e-12
    if len(null):
        null = null * (NULL_PENALTY * power / (null.square().sum() / len(null) + 1e-12)).sqrt()
        R = torch.cat([R, null])
    a, intercept, residual = dual_ridge(R @ R.T / power, y)
    held_out = residual[:, :n][:, measured_once].square().mean(1)
    weight = torch.softmax(-SHARPNESS * n * (held_out + SMALLEST_ERROR).log(), 0)
    return weight @ (a @ (R @ (query - mean).T / power) + intercept)


def dual_ridge(K: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return the coefficients of ridge regressions in dual form, and leave-one-out residuals.

    K (n + k, n + k) is the Gram matrix of n training rows, with targets y (n,) and an intercept b
    without a penalty, and of k null rows, with target 0 and no intercept. For each penalty
    :math:`\lambda` of `PENALTIES`,

    .. math::
        \begin{pmatrix} K + \lambda n I & u \\ u^T & 0 \end{pmatrix}
        \begin{pmatrix} a \\ b \end{pmatrix} = \begin{pmatrix} y \\ 0 \end{pmatrix},

    where u is 1 for training rows and 0 for null rows. The residual of row i of a fit without it
    is :math:`a_i / A_{ii}`, with A the inverse of this matrix [1]_: that of a centred K, without u,
    would be the residual of a regression whose intercept has seen row i.

    Returns
    -------
    a : Tensor of shape (n_penalties, n + k)
    intercept : Tensor of shape (n_penalties, 1)
    residual : Tensor of shape (n_penalties, n + k)

    References
    ----------
    .. [1] Cawley, International Joint Conference on Neural Networks (2006) 1661-1668.
    """
    n, n_rows = len(y), len(K)
    u = (torch.arange(n_rows, device=K.device) < n).to(K)[:, None]
    penalty = n * torch.tensor(PENALTIES, dtype=K.dtype, device=K.device)[:, None, None]
    ridged = K + penalty * torch.eye(n_rows, dtype=K.dtype, device=K.device)
    border = u.expand(len(PENALTIES), -1, -1)
    top = torch.cat([ridged, border], dim=2)
    A = torch.linalg.inv(torch.cat([top, F.pad(border.mT, (0, 1))], dim=1))
    a = A @ F.pad(y, (0, n_rows + 1 - n))  # (penalties, n + k + 1)
    residual = a / A.diagonal(dim1=1, dim2=2)
    return a[:, :-1], a[:, -1:], residual[:, :-1]

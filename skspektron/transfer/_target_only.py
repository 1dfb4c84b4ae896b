"""A calibration from target standards alone."""

from __future__ import annotations

from ._core._base import BaseTransfer
from ._core._standards import Rows, Standards


class TargetOnly(BaseTransfer):
    """Calibrate on labelled target standards alone, without the source.

    The alternative to a transfer: what the standards achieve by themselves. With
    ``n_transfer=None`` it is the full recalibration.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration to transfer. None: ``PLSRegression(scale=False)`` with the number of components
        chosen by cross-validation.
    source : str, int or list of these, default=None
        Label of the instrument of the calibration. A list: several instruments, whose rows all
        enter the calibration, at the channels of the first. None: the most frequent label other
        than `target`.
    target : str or int, default=None
        Label of the instrument that the calibration is transferred to. None: the label that is not
        in `source`, if there is one.
    n_transfer : int or None, default=10
        Number of labelled target samples. 0: no transfer, as `NoTransfer`. None: every labelled
        target sample.
    selection : str or callable, default="kennard-stone"
        Order in which samples are chosen as standards: "kennard-stone", "kennard-stone-pls",
        "duplex", "spxy" or "random"; a callable takes spectra of shape (n_candidates, n_features)
        and returns a permutation. The first 5 of 10 standards are those of ``n_transfer=5``.
        "kennard-stone-pls" and "spxy" use the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the order with ``selection="random"``.
    memory : str or joblib.Memory, default=None
        Cache of the fitted calibration: a search over parameters of the transfer then fits it once
        per fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on. `fit` warns if some or all of them are not
        among its rows, as when a test holds them out, and if they are not stated. []: it was fitted
        on none of the samples of these data.
    bad_standards : {"warn", "drop", "keep"}, default="warn"
        What happens to standards that disagree with what the others predict, see `standards_`.
        "warn": they get less weight, down to none, and a warning names them. "drop": they are left
        out without a warning. "keep": all have full weight.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    target_estimator_ : estimator
        The calibration, fitted on the standards; absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the samples that the target calibration was fitted on, in order of selection.
    standards_ : Bunch of ndarray of shape (n_transfer,)
        Table of the standards: `id`, `spectral_disagreement`, `label_disagreement`, `leverage`,
        `weight` and `label_weight`, see `StandardsDisplay`.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` used for either instrument; all columns if both measure all of them.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    PooledTransfer : The same with the source rows added.
    NoTransfer : The unchanged source calibration.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import TargetOnly
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    >>> model = TargetOnly(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[6.5]]).round(6)
    array([1.5])
    """

    _needs_labels = True
    _keeps_target_grid = True

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the estimator on the standards of the target."""
        rows = Rows(standards.X_target, standards.y, standards.ids)
        self.target_estimator_ = self._recalibrate(rows, self.target_channels_)

    def _predict_target(self, X):
        """Predict with the calibration of the target."""
        return self._predict_with(self.target_estimator_, X, self.target_channels_)

"""A new calibration on the target instrument."""

from __future__ import annotations

from ._core._base import BaseTransfer
from ._core._standards import Rows, Standards


class TargetOnly(BaseTransfer):
    """Calibrate anew on the labelled standards of the target, without the source.

    The honest alternative to any transfer: what the standards are worth by themselves. With
    ``n_transfer=None`` it is the full recalibration, the upper line of every table.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration that is transferred. None: ``PLSRegression(scale=False)``, the number of
        components chosen by cross-validation.
    source, target : str or int, default=None
        Labels of the instrument of the calibration and of the instrument it moves to. `source`
        None: the most frequent label other than `target`. `target` None: the one that is not
        `source`, where there are two.
    n_transfer : int or None, default=10
        Number of labelled target samples. 0: as `NoTransfer`. None: every labelled one.
    selection : {"kennard-stone", "duplex", "spxy", "random"} or callable, default="kennard-stone"
        Order in which candidates become standards; a callable takes spectra of shape
        (n_candidates, n_features) and returns a permutation. The standards for 5 are among those
        for 10. "spxy" reads the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Draws the order when `selection` is "random".
    memory : str or joblib.Memory, default=None
        Where the fitted calibration is cached, so that a search over parameters of the transfer
        fits it once for every fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on, so that a leak can be told; None warns.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    target_estimator_ : estimator
        The calibration, fitted on the standards; absent without standards.
    source_, target_ : str or int
        Labels of the two instruments; None where fit got no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Samples the target calibration was fitted on, in order of selection.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` that are used of either instrument: all of them where both measure all.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    PooledTransfer : The same with the source rows added.
    NoTransfer : The source calibration as it is.

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

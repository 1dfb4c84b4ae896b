"""Canonical correlation analysis around a calibration."""

from __future__ import annotations

from ._core._low_rank import LowRankTransfer
from ._maps._cca import CCAMap


class CCATransfer(LowRankTransfer):
    r"""Carry target spectra to the source through their canonical variates, then predict.

    Pairs of combinations of both instruments' principal components that correlate most connect the
    two [1]_, :math:`\hat x = \bar x_s + (x_t - \bar x_t) B_t\, L_t^+ L_s\, L_s^+ (X_s - \bar x_s)`
    with the letters of `CCAMap`; the source calibration stays as it is, and the standards need no
    labels.

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
        Number of paired standards. 0: as `NoTransfer`. None: every paired sample.
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
    n_components : int, None or "auto", default="auto"
        Largest number of principal components and of canonical pairs, at least 1. None: as many
        as the standards support. "auto": that with which the calibration, in cross-validation over
        the standards, predicts the same for both spectra of a standard that was left out; one
        where there are fewer than three standards.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    map_ : CCAMap
        The map from target to source, fitted on the standards; absent without standards.
    source_, target_ : str or int
        Labels of the two instruments; None where fit got no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Samples of the paired standards, in order of selection.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` that are used of either instrument: all of them where both measure all.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    CCAMap : The map by itself.
    DSTransfer : Without the reduction of the source spectra.

    Notes
    -----
    What the standards do not show is lost, so it needs more of them than the other maps; a single
    one makes every prediction that for its source spectrum. NaN is refused.

    References
    ----------
    .. [1] Fan, Liang, Yuan & Wang, Anal. Chim. Acta 623 (2008) 22-29.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import CCATransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = CCATransfer(LinearRegression(), source="A", target="B", n_transfer=3)
    >>> model = model.fit(X, y, instrument=list("AAABBB"), sample_id=[1, 2, 3, 1, 2, 3])
    >>> model.predict([[6.5]]).round(6)
    array([1.5])
    """

    _map_class = CCAMap
    _keeps_target_grid = True

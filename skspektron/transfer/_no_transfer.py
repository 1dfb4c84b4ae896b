"""The source calibration without a transfer."""

from __future__ import annotations

from ._core._base import BaseTransfer


class NoTransfer(BaseTransfer):
    """Predict target spectra with the unchanged source calibration.

    The baseline that every transfer method has to beat.

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
        Ignored, like `selection` and `random_state`: no standard is used. Present so that one
        parameter grid serves all methods.
    selection : str or callable, default="kennard-stone"
        Ignored.
    random_state : int, RandomState instance or None, default=None
        Ignored.
    memory : str or joblib.Memory, default=None
        Cache of the fitted calibration: a search over parameters of the transfer then fits it once
        per fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on. `fit` warns if some or all of them are not
        among its rows, as when a test holds them out, and if they are not stated. []: it was fitted
        on none of the samples of these data.
    bad_standards : str, default="warn"
        Ignored.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Empty: no standard is used.
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
    TargetOnly : A new calibration from target standards alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import NoTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    >>> model = NoTransfer(LinearRegression(), source="A", target="B")
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[6.5]]).round(6)
    array([6.5])
    """

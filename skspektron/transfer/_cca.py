"""Transfer by canonical correlation analysis."""

from __future__ import annotations

from ._core._paired import PairedMapTransfer
from ._maps._cca import CCAMap


class CCATransfer(PairedMapTransfer):
    r"""Map target spectra to the source by canonical correlation analysis, then predict.

    The two instruments are connected by the combinations of their principal components that
    correlate most. The variates of a target spectrum predict those of the source, and these the
    difference between the instruments, which is added to the spectrum:
    :math:`\hat x = x_t + \bar d + (x_t - \bar x_t) B_t R\, L_s^+ D` in the notation of `CCAMap`. A
    ridge penalty shrinks the correlations [2]_. As published [1]_, the variates predict the source
    spectrum. The source calibration is not changed, and the standards need no labels.

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
        Number of paired standards. 0: no transfer, as `NoTransfer`. None: every paired sample.
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
    learns : {"difference", "spectrum"}, default="difference"
        What the variates predict. "difference": the difference between source and target, with a
        ridge penalty. "spectrum": the source spectrum, as published.
    penalty : float or "auto", default="auto"
        Ridge penalty of ``learns="difference"``, see `CCAMap`; at least 0, and ``inf`` corrects an
        offset alone. "auto": infinity, 10, 1, 0.1, 0.01 or 0.001, by the differences between the
        predictions for both spectra of held-out standards (the median of the likelihood of normal
        errors); infinity with fewer than three standards.
    n_components : int, None or "auto", default="auto"
        Largest number of principal components and of canonical pairs, at least 1. None: the number
        that the standards support. "auto": the same with ``learns="difference"``; with "spectrum",
        the number with the smallest difference between the predictions for both spectra of held-out
        standards, 1 with fewer than three standards.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    map_ : CCAMap
        The map from target to source, fitted on the standards; absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the paired standards, in order of selection.
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
    CCAMap : The map alone.
    DSTransfer : Without the reduction of the source spectra.

    Notes
    -----
    With as many components as linearly independent standards, which is the default, the map is that
    of `DSTransfer`. With ``learns="spectrum"``, variation that the standards do not span is lost,
    so this form needs more standards than other maps; with a single one, all predictions are equal.
    NaN is refused.

    References
    ----------
    .. [1] Fan, Liang, Yuan & Wang, Anal. Chim. Acta 623 (2008) 22-29.
    .. [2] Vinod, J. Econometrics 4 (1976) 147-166.

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

"""Correction by the mean difference between two instruments."""

from __future__ import annotations

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._core._mapped import MappedTransfer
from ._core._standards import Rows, Standards, channel_means


class MeanCentredTransfer(MappedTransfer):
    r"""Subtract the mean difference between the instruments from target spectra.

    Removes a difference that is the same in every sample [1]_:
    :math:`\hat x = x - (\bar x_t - \bar x_s)`. With ``n_transfer=0`` the means are those of all
    training rows of each instrument; target rows then need neither labels nor pairs.

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
    n_transfer : int or None, default=0
        Number of paired standards whose mean difference is used. 0: the difference between the
        means of all training rows of the two instruments, unlike `NoTransfer`. None: every paired
        sample.
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
    shift_ : ndarray of shape (n_features_in_,)
        Mean of the target minus mean of the source, in the unit of the spectra.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the paired standards, in order of selection; empty with ``n_transfer=0``.
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
    PDSTransfer : A map that also corrects shifts and changes of line width.

    Notes
    -----
    With ``n_transfer=0`` the training samples of the two instruments should come from one
    population: a difference between the samples is removed like one between the instruments.
    The means ignore missing values (NaN).

    References
    ----------
    .. [1] Swierenga, Haanstra, de Weijer & Buydens, Appl. Spectrosc. 52 (1998) 7-16.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import MeanCentredTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = MeanCentredTransfer(LinearRegression(), source="A", target="B")
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[6.5]]).round(6)
    array([1.5])
    """

    _needs_pairs = True
    _learns_unlabelled = True
    _takes_weights = True

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 0,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
            memory=memory,
            trained_on=trained_on,
            bad_standards=bad_standards,
        )

    def _leaves_gaps(self) -> bool:
        """Leave gaps only without a named axis; otherwise the channels of both are matched."""
        return super()._leaves_gaps() and self._layout.named_axis is None

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Compute the difference of the means, over the standards if there are any."""
        if len(standards):
            self.shift_ = channel_means(standards.X_target - standards.X_source, standards.weights)
        else:
            self.shift_ = channel_means(target.X) - channel_means(source.X)

    def _map(self, X):
        """Subtract the mean difference."""
        return X - self.shift_

"""A calibration from both instruments."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import Integer, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._core._base import BaseTransfer
from ._core._standards import Rows, Standards


class PooledTransfer(BaseTransfer):
    r"""Calibrate on the source rows and the labelled target standards together.

    A calibration f fitted on both learns to ignore the difference between the instruments [1]_.
    For least squares,

    .. math:: \min_f \sum_{i \in \mathrm{source}} (y_i - f(x_i))^2
        + w \sum_{i \in \mathrm{standards}} (y_i - f(x_i))^2 .

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
    weight : int or "auto", default="auto"
        Weight w of a standard relative to a source row, at least 1. With the ratio of the number
        of source rows to the number of standards, both instruments have equal weight; "auto" is
        the square root of that ratio, rounded.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    target_estimator_ : estimator
        The calibration, fitted on source rows and standards; absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the target samples that were added, in order of selection.
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
    TargetOnly : The standards without the source rows.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import PooledTransfer
    >>> X = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 5.0], [2.0, 5.0]])
    >>> y = np.array([0.0, 1.0, 2.0, 1.0, 2.0])
    >>> model = PooledTransfer(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model.fit(X, y, instrument=list("AAABB")).predict([[1.5, 5.0]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {"weight": Integer(1) | "auto"}

    _needs_labels = True

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 10,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
        weight: int | str = "auto",
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
        self.weight = weight

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the estimator on source rows and standards, with their sample ids."""
        weight = self._weight_of(len(standards), len(source.X))
        # Repeating rows works in any estimator; only some accept sample_weight.
        pooled = Rows(
            np.concatenate([source.X, np.repeat(standards.X_target, weight, axis=0)]),
            np.concatenate([source.y, np.repeat(standards.y, weight, axis=0)]),
            np.concatenate([source.ids, np.repeat(standards.ids, weight)]),
        )
        self.target_estimator_ = self._recalibrate(pooled)

    def _weight_of(self, n_standards: int, n_source: int) -> int:
        """Return the number of times that a standard is repeated."""
        if isinstance(self.weight, str):  # "auto"
            return max(1, round((n_source / n_standards) ** 0.5))
        return self.weight

    def _predict_target(self, X):
        """Predict with the pooled calibration."""
        return self._predict_with(self.target_estimator_, X)

"""Transfer by piecewise direct standardization."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._core._paired import PairedMapTransfer
from ._maps._base import RegressionMap
from ._maps._pds import PDS, WINDOW_LENGTH

AUTO_WINDOWS = (5, 11, 21)


class PDSTransfer(PairedMapTransfer):
    r"""Map target spectra to the source by piecewise direct standardization, then predict.

    Corrects gain, offset, wavelength shift and line width channel by channel, each from a window
    :math:`W_j` of target channels. The difference between source and target is regressed on the
    window by ridge regression [2]_, and added:
    :math:`\hat x_j = x_{t,j} + \bar d_j + (x_t - \bar x_t)_{W_j} b_j`; an infinite penalty gives
    the offset :math:`\bar d` of `MeanCentredTransfer`. As published [1]_, the source channel itself
    is regressed by partial least squares,
    :math:`\hat x_j = \bar x_{s,j} + (x_t - \bar x_t)_{W_j} b_j`. The source calibration is not
    changed, and the standards need no labels.

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
        What is regressed. "difference": the difference between source and target, with a ridge
        penalty. "spectrum": the source spectrum, as published.
    penalty : float or "auto", default="auto"
        Ridge penalty of ``learns="difference"``, see `PDS`; at least 0, and ``inf`` corrects an
        offset alone. "auto": infinity, 10, 1, 0.1, 0.01 or 0.001, by the differences between the
        predictions for both spectra of held-out standards (the median of the likelihood of normal
        errors); infinity with fewer than three standards.
    window_length : int, (int, int) or "auto", default="auto"
        Number of target channels in the window of a source channel; odd. Typical: 3 to 21. A pair
        is double-window PDS, see `PDS`. "auto": 5, 11 or 21, chosen like `penalty`, or like
        `n_components` with ``learns="spectrum"``; 5 with fewer than three standards.
    n_components : int, None or "auto", default="auto"
        Largest number of components of a window's regression, at least 1, see `PDS`. None: the
        number that the standards support. "auto": the same with ``learns="difference"``; with
        "spectrum" 1, 2 or 3, with the smallest difference between the predictions for both spectra
        of held-out standards, and 1 with fewer than three standards.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    map_ : PDS
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
    PDS : The map alone.
    MeanCentredTransfer : Subtracts the same difference from every sample.

    Notes
    -----
    The instruments may have different grids: a window then lies around the target channel that is
    nearest to the source channel, and the target spectrum that the difference is added to is
    interpolated linearly. NaN is refused.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.
    .. [2] Hoerl & Kennard, Technometrics 12 (1970) 55-67.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import PDSTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = PDSTransfer(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model = model.fit(X, y, instrument=list("AAABBB"), sample_id=[1, 2, 3, 1, 2, 3])
    >>> model.predict([[6.5]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {"window_length": WINDOW_LENGTH | "auto"}

    _map_class = PDS
    _max_components = 3

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
        learns: str = "difference",
        penalty: float | str = "auto",
        window_length: int | tuple[int, int] | str = "auto",
        n_components: int | str | None = "auto",
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
            learns=learns,
            penalty=penalty,
            n_components=n_components,
        )
        self.window_length = window_length

    def _maps(self) -> list[RegressionMap]:
        """Return a map for every window length to compare, unfitted."""
        target_axis, source_axis = self._layout.axes
        lengths = AUTO_WINDOWS if self.window_length == "auto" else [self.window_length]
        return [
            self._new_map(window_length=length, target_axis=target_axis, source_axis=source_axis)
            for length in lengths
        ]

    def _new_map(self, **parameters: Any) -> RegressionMap:
        """Return an unfitted map with the parameters of the method, and those given."""
        form = {name: getattr(self, name) for name in ("learns", "penalty", "n_components")}
        return PDS(**form, **parameters)

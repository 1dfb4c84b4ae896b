"""Transfer by piecewise direct standardization."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._algorithms._windows import Windows
from ._core._mapped import MappedTransfer
from ._core._standards import Rows, Standards
from ._core._tuning import choose_map, largest_rank
from ._maps._base import N_COMPONENTS, opposite_channels
from ._maps._pds import PDS, WINDOW_LENGTH

AUTO_WINDOWS = (5, 11, 21)
AUTO_COMPONENTS = 3


class PDSTransfer(MappedTransfer):
    r"""Map target spectra to the source by piecewise direct standardization, then predict.

    Corrects gain, offset, wavelength shift and line width channel by channel, each from a window
    :math:`W_j` of target channels [1]_, :math:`\hat x_j = \bar x_{s,j} + (x_t - \bar x_t)_{W_j}
    b_j`. The source calibration is not changed, and the standards need no labels.

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
    window_length : int, (int, int) or "auto", default="auto"
        Number of target channels in the window of a source channel; odd. Typical: 3 to 15. A pair
        is double-window PDS, see `PDS`. "auto": 5, 11 or 21, chosen like `n_components`.
    n_components : int, None or "auto", default="auto"
        Largest number of components of a window's regression, at least 1. None: the number that
        the standards support. "auto": 1, 2 or 3, with the smallest difference between the
        predictions for both spectra of held-out standards; with fewer than three standards one
        component, and a window of 5 channels.

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
    nearest to the source channel. NaN is refused.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.

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

    _parameters: ClassVar[Rules] = {
        "window_length": WINDOW_LENGTH | "auto",
        "n_components": N_COMPONENTS | "auto",
    }

    _needs_pairs = True
    _takes_nan = False
    _keeps_target_grid = True

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
        )
        self.window_length = window_length
        self.n_components = n_components

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the map on the paired standards."""
        window_length, n_components = self._choose(source, standards)
        target_axis, source_axis = self._layout.axes
        self.map_ = PDS(
            window_length=window_length,
            n_components=n_components,
            target_axis=target_axis,
            source_axis=source_axis,
        ).fit(standards.X_target, standards.X_source)

    def _choose(self, source, standards):
        """Return window length and number of components; "auto" is chosen by cross-validation."""
        lengths = AUTO_WINDOWS if self.window_length == "auto" else [self.window_length]
        counts = [self.n_components]
        if self.n_components == "auto":
            counts = range(1, 1 + min(AUTO_COMPONENTS, largest_rank(len(standards))))
        candidates = list(product(lengths, counts))
        if len(candidates) == 1:
            return candidates[0]
        shape = standards.X_target.shape[1], standards.X_source.shape[1]
        centres = opposite_channels(*shape, *self._layout.axes)
        windows = [Windows.around(centres, length, shape[0]) for length in lengths]

        def map_candidates(X_target, X_source, X):
            mapped = [window.map_nested(X_target, X_source, X, counts) for window in windows]
            return np.concatenate(mapped)

        chosen = choose_map(map_candidates, self._predict_source, standards, source.y)
        return candidates[chosen]

    def _map(self, X):
        """Map target spectra to the source."""
        return np.asarray(self.map_.transform(X))

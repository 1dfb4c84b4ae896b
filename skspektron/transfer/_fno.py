"""Transfer by a Fourier neural operator."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._core._mapped import MappedTransfer
from ._core._standards import Rows, Standards
from ._maps._fno import FNO, OPERATOR


class FNOTransfer(MappedTransfer):
    r"""Map target spectra to the source by a Fourier neural operator, then predict.

    The operator :math:`\mathcal G` [1]_ learns the differences that remain after the mean
    difference of the standards, :math:`\hat x = \bar x_s + (x_t - \bar x_t) + \mathcal G(x_t - \bar
    x_t)`: gains, shifts and line widths that vary along the spectrum or with the absorbance. The
    source calibration is not changed, and the standards need no labels.

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
        With fewer than 3, only the mean difference is corrected.
    selection : str or callable, default="kennard-stone"
        Order in which samples are chosen as standards: "kennard-stone", "kennard-stone-pls",
        "duplex", "spxy" or "random"; a callable takes spectra of shape (n_candidates, n_features)
        and returns a permutation. The first 5 of 10 standards are those of ``n_transfer=5``.
        "kennard-stone-pls" and "spxy" use the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of the order of the standards in training, and of their
        selection with ``selection="random"``.
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
    width : int, default=16
        Number of values per point between the layers of the operator.
    n_modes : int, default=32
        Number of frequencies that a layer transforms.
    n_layers : int, default=2
        Number of Fourier layers.
    max_epochs : int, default=30
        Largest number of passes over the standards; fewer if more do not reduce the error on
        held-out standards. 0: only the mean difference is corrected.
    learning_rate : float, default=5e-3
        Peak rate of AdamW; it rises during the first pass and then falls along a cosine to 1 %.
    device : str, default=None
        torch device; None: a GPU if there is one.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    map_ : FNO
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
    FNO : The map alone.
    PDSTransfer : A linear map from windows of channels, fitted in closed form.

    Notes
    -----
    The instruments may have different grids: target spectra are interpolated at the channels of
    the source. NaN is refused.

    References
    ----------
    .. [1] Li, Kovachki, Azizzadenesheli et al., ICLR (2021), arXiv:2010.08895.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import FNOTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = FNOTransfer(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model = model.fit(X, y, instrument=list("AAABBB"), sample_id=[1, 2, 3, 1, 2, 3])
    >>> model.predict([[6.5]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = OPERATOR

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
        bad_standards: str = "warn",
        width: int = 16,
        n_modes: int = 32,
        n_layers: int = 2,
        max_epochs: int = 30,
        learning_rate: float = 5e-3,
        device: str | None = None,
        verbose: int = 0,
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
        self.width = width
        self.n_modes = n_modes
        self.n_layers = n_layers
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.device = device
        self.verbose = verbose

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the map on the paired standards."""
        target_axis, source_axis = self._layout.axes
        if target_axis is None and self._layout.has_rising_wavenumbers:
            # The operator has a direction, that of rising wavelengths.
            target_axis = source_axis = np.arange(source.X.shape[1], 0, -1)
        self.map_ = FNO(
            width=self.width,
            n_modes=self.n_modes,
            n_layers=self.n_layers,
            max_epochs=self.max_epochs,
            learning_rate=self.learning_rate,
            target_axis=target_axis,
            source_axis=source_axis,
            device=self.device,
            random_state=self.random_state,
            verbose=self.verbose,
        ).fit(standards.X_target, standards.X_source)

    def _choices(self) -> dict[str, Any]:
        """Return also the number of passes that held-out standards chose."""
        passes = {"passes": self.map_.n_epochs_} if hasattr(self, "map_") else {}
        return super()._choices() | passes

    def _map(self, X):
        """Map target spectra to the source."""
        return np.asarray(self.map_.transform(X))

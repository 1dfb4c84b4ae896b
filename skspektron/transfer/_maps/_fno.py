"""Fourier neural operator between two instruments."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._base import DEVICE, TorchEstimatorMixin
from ..._fitting import unfitted_on_failure
from ..._frames import in_order_of_names
from ..._interpolation import interpolate_monotone
from ..._parameters import Integer, Number, Rules, check_parameters
from ..._threads import one_thread_if_small
from ..._typing import RANDOM_STATE, VERBOSE, RandomState
from .._algorithms._folds import standard_folds
from .._algorithms._svd import centred
from ._base import AXIS, PairedMap, check_pairs, opposite_channels

BATCH_SIZE = 4  # standards in a step
WEIGHT_DECAY = 1e-2
OPERATOR: Rules = {
    "width": Integer(1),
    "n_modes": Integer(1),
    "n_layers": Integer(1),
    "max_epochs": Integer(0),
    "learning_rate": Number(above=0),
    "device": DEVICE,
    "verbose": VERBOSE,
}


class FNO(TorchEstimatorMixin, PairedMap):
    r"""Map target spectra to the source by a Fourier neural operator.

    After subtraction of the mean difference of the standards, a Fourier neural operator [1]_
    predicts the remaining difference from the whole spectrum:
    :math:`\hat x = \bar x_s + d + \mathcal G(d)` with :math:`d = x_t - \bar x_t`.
    It starts at :math:`\mathcal G = 0` and is trained as long as the error on held-out standards
    falls, so with too few standards only the mean difference is corrected.

    Parameters
    ----------
    width : int, default=16
        Number of values per point between the layers.
    n_modes : int, default=32
        Number of frequencies that a layer transforms; fewer if the channels do not resolve them.
        Features as narrow as the range divided by twice this number can be shifted or widened.
    n_layers : int, default=2
        Number of Fourier layers.
    max_epochs : int, default=30
        Largest number of passes over the standards. 0: only the mean difference is corrected.
    learning_rate : float, default=5e-3
        Peak rate of AdamW; it rises during the first pass and then falls along a cosine to 1 %.
    target_axis, source_axis : array-like of shape (n_features,), default=None
        Axes of both instruments in one unit, nm or cm-1, strictly monotonic; source channels must
        lie within the range of the target. None: equally spaced channels over the same range.
    device : str, default=None
        torch device; None: a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights and of the order of the standards.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    target_mean_, source_mean_ : ndarray of shape (n_features_source,)
        Mean spectra of the standards on the channels of the source.
    scales_ : tuple of float
        Root mean squares of `d` and of the remaining difference, by which both are scaled.
    weights_ : dict of str to ndarray
        Weights of the operator by name.
    history_ : list of dict
        One record before the first pass and one after each: `epoch` and `validation_mse`, the
        mean squared error of held-out standards in units of the error that the mean difference
        leaves. A single record with 1.0 where nothing was trained: fewer than 3 standards,
        instruments that differ by an offset, or ``max_epochs=0``.
    n_epochs_ : int
        Number of passes that the operator was trained for: the smallest number whose error on
        held-out standards is within one standard error of the minimum.
    target_position_, source_position_ : ndarray of shape (n_features_in_,) and (n_features_source,)
        Positions of the channels of both instruments as fractions of the range of the source.
    device_ : str
        Device that the operator was trained on.
    n_features_in_ : int
        Number of channels of the target instrument.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the target spectra, if they are all strings.

    See Also
    --------
    PDS : Regresses every source channel on a window of target channels.
    FNOTransfer : This map before a calibration, with the choice of standards.

    Notes
    -----
    Target spectra are interpolated at the channels of the source (monotone cubic). The operator
    works on equally spaced points over the range of the source, as many as the source has channels;
    if the channels are not equally spaced, spectra are interpolated to these points and back. The
    operator is trained in single and evaluated in double precision. Cost: O(n p log p) per pass for
    n standards and p channels, with up to six trainings of `max_epochs` passes.

    References
    ----------
    .. [1] Li, Kovachki, Azizzadenesheli et al., ICLR (2021), arXiv:2010.08895.

    Examples
    --------
    >>> from skspektron.transfer import FNO
    >>> fno = FNO(max_epochs=0).fit([[1.0, 2.0], [3.0, 6.0]], [[2.0, 2.5], [4.0, 4.5]])
    >>> fno.transform([[2.0, 4.0], [5.0, 8.0]])
    array([[3. , 3.5],
           [6. , 7.5]])
    """

    _parameters: ClassVar[Rules] = {
        **OPERATOR,
        "target_axis": AXIS,
        "source_axis": AXIS,
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        *,
        width: int = 16,
        n_modes: int = 32,
        n_layers: int = 2,
        max_epochs: int = 30,
        learning_rate: float = 5e-3,
        target_axis: ArrayLike | None = None,
        source_axis: ArrayLike | None = None,
        device: str | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ):
        self.width = width
        self.n_modes = n_modes
        self.n_layers = n_layers
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.target_axis = target_axis
        self.source_axis = source_axis
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike) -> FNO:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        from ..._training._operator import train_operator

        check_parameters(self)
        target, source = check_pairs(self, X, y)
        self._place_channels(target.shape[1], source.shape[1])
        target = interpolate_monotone(target, self.target_position_, self.source_position_)
        self.target_mean_, self.source_mean_ = target.mean(axis=0), source.mean(axis=0)
        d, rest = self._split(target, source)
        self.scales_ = float(np.sqrt(np.mean(d**2))), float(np.sqrt(np.mean(rest**2)))
        self.device_ = self._resolve_device()
        recipe = self._recipe(self._draw_seed(), batch_size=BATCH_SIZE, weight_decay=WEIGHT_DECAY)
        is_trained = len(target) >= 3 and all(self.scales_) and self.max_epochs > 0
        errors = self._cross_validate(recipe, target, source) if is_trained else np.ones((1, 2))
        losses = errors.mean(axis=1) / errors[0].mean()
        self.history_ = [{"epoch": n, "validation_mse": float(x)} for n, x in enumerate(losses)]
        self.n_epochs_ = fewest_passes(errors)
        self.weights_, _ = train_operator(
            self._sizes(), recipe, *self._scaled(d, rest), n_epochs=self.n_epochs_
        )
        return self

    @one_thread_if_small
    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return `X` as the source instrument would have measured it."""
        from ..._training._operator import run_operator

        check_is_fitted(self)
        X = in_order_of_names(X, getattr(self, "feature_names_in_", None))
        X = validate_data(self, X, dtype=np.float64, reset=False)
        d = (
            interpolate_monotone(X, self.target_position_, self.source_position_)
            - self.target_mean_
        )
        if self.n_epochs_ == 0:
            return d + self.source_mean_
        on_even, _ = self._scaled(d, d)
        rest = run_operator(self.weights_, on_even, self._resolve_device()) * self.scales_[1]
        return d + self.source_mean_ + interpolate_monotone(rest, self._even, self.source_position_)

    def _place_channels(self, n_target, n_source):
        """Set the positions of the channels of both instruments."""
        opposite_channels(n_target, n_source, self.target_axis, self.source_axis)  # checks them
        if self.target_axis is None:
            axes = [np.linspace(0, 1, n) for n in (n_target, n_source)]
        else:
            axes = [np.asarray(axis, float) for axis in (self.target_axis, self.source_axis)]
        low, span = axes[1].min(), np.ptp(axes[1])
        self.target_position_, self.source_position_ = (
            (axis - low) / (span + (span == 0)) for axis in axes
        )

    @property
    def _even(self):
        """Equally spaced points over the range of the source."""
        return np.linspace(0, 1, len(self.source_position_))

    @staticmethod
    def _split(target, source):
        """Return centred target spectra, and centred source spectra minus these."""
        d = centred(target)
        return d, centred(source) - d

    def _scaled(self, d, rest):
        """Return both on equally spaced points, divided by `scales_`."""
        return [
            interpolate_monotone(part, self.source_position_, self._even) / (scale + (scale == 0))
            for part, scale in zip((d, rest), self.scales_, strict=True)
        ]

    def _sizes(self):
        """Return the sizes of the operator."""
        return {"width": self.width, "n_modes": self.n_modes, "n_layers": self.n_layers}

    def _cross_validate(self, recipe, target, source):
        """Return the squared error of every held-out standard after 0, 1, ... passes."""
        from ..._training._operator import train_operator

        errors = np.empty((1 + self.max_epochs, len(target)))
        for train, test in standard_folds(len(target)):
            means = target[train].mean(axis=0), source[train].mean(axis=0)
            d = target[test] - means[0]
            held_out = self._scaled(d, source[test] - means[1] - d)
            training = self._scaled(*self._split(target[train], source[train]))
            _, losses = train_operator(self._sizes(), recipe, *training, held_out=held_out)
            errors[0, test], errors[1:, test] = np.mean(held_out[1] ** 2, axis=1), losses
        return errors

    @property
    def _n_features_out(self):
        """Number of source channels, for the names of the columns."""
        return len(self.source_mean_)


def fewest_passes(errors: NDArray[Any]) -> int:
    """Return the first row of errors (n_passes, n) within one standard error of the minimum.

    The standard error is that of the paired differences between the two rows.
    """
    excess = errors - errors[np.nanargmin(errors.mean(axis=1))]
    standard_error = excess.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])
    return int(np.argmax(excess.mean(axis=1) <= standard_error))

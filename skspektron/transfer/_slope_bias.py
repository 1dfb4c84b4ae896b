"""Slope and bias correction of predictions."""

import numpy as np
from numpy.typing import NDArray

from ._base import BaseTransfer
from ._standards import Rows, Standards

MIN_STANDARDS_FOR_SLOPE = 8
_FITS_SLOPE = {
    "auto": lambda n_standards: n_standards >= MIN_STANDARDS_FOR_SLOPE,
    "bias": lambda n_standards: False,
    "slope": lambda n_standards: True,
}


class SlopeBiasTransfer(BaseTransfer):
    r"""Correct the predictions on the target by a straight line, after prediction.

    :math:`y^* = a + b\hat y`, by least squares of the reference values of the standards on the
    predictions for their target spectra [1]_, [2]_. It cannot repair what the instruments do to
    the shape of a spectrum.

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
    selection : {"kennard-stone", "random"} or callable, default="kennard-stone"
        Order in which candidates become standards; a callable takes spectra of shape
        (n_candidates, n_features) and returns a permutation. The standards for 5 are among those
        for 10.
    random_state : int, RandomState instance or None, default=None
        Draws the order when `selection` is "random".
    mode : {"auto", "bias", "slope"}, default="auto"
        "bias" fits `a` alone with b = 1; "slope" fits both, b = 1 where the standards do not differ
        in their predictions. "auto" is "bias" below 8 standards, where the slope is mostly noise,
        and "slope" from there on.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    slope_ : float or ndarray of shape (n_targets,)
        Slope `b`; absent without standards.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept `a`, in the unit of `y`; absent without standards.
    source_, target_ : str or int
        Labels of the two instruments; None where fit got no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Samples the line was fitted on, in order of selection.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    PDSTransfer : Correct the spectra instead of the predictions.

    References
    ----------
    .. [1] Osborne & Fearn, Int. J. Food Sci. Technol. 18 (1983) 453-460.
    .. [2] Bouveresse, Hartmann, Massart, Last & Prebble, Anal. Chem. 68 (1996) 982-990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import SlopeBiasTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    >>> model = SlopeBiasTransfer(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[6.5]]).round(6)
    array([1.5])
    """

    _needs_labels = True

    def __init__(
        self,
        estimator=None,
        *,
        source=None,
        target=None,
        n_transfer: int | None = 10,
        selection="kennard-stone",
        random_state=None,
        mode: str = "auto",
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
        )
        self.mode = mode

    def _check_parameters(self) -> None:
        """Refuse an unknown mode."""
        super()._check_parameters()
        if self.mode not in _FITS_SLOPE:
            raise ValueError(
                f"mode must be one of {list(_FITS_SLOPE)}, got {self.mode!r}. "
                'Pass "auto" to fit a slope from 8 standards up.'
            )

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the line of reference values on predictions."""
        predictions = self._predict_with(self.estimator_, standards.X_target)
        fits_slope = _FITS_SLOPE[self.mode](len(standards))
        self.slope_, self.intercept_ = fit_line(predictions, standards.y, fits_slope=fits_slope)

    def _predict_target(self, X):
        """Predict with the source calibration, then correct."""
        return self.intercept_ + self.slope_ * self._predict_with(self.estimator_, X)


def fit_line(predictions: NDArray, y: NDArray, *, fits_slope: bool) -> tuple:
    """Return slope and intercept of `y` on `predictions`, one pair for each target."""
    mean, y_mean = predictions.mean(axis=0), y.mean(axis=0)
    slope = np.ones_like(mean)
    if fits_slope:
        deviation = predictions - mean
        varies = np.ptp(predictions, axis=0) > 1e-12 * np.abs(predictions).max(axis=0)
        spread = (deviation**2).sum(axis=0)
        slope = np.divide((deviation * (y - y_mean)).sum(axis=0), spread, out=slope, where=varies)
    return slope[()], (y_mean - slope * mean)[()]

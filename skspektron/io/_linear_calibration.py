"""Calibration given by coefficients, intercept and axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_X_y

from .._documentation import DocumentedEstimator
from .._frames import in_order_of_names
from .._parameters import (
    TEXT,
    Number,
    Rules,
    Several,
    check_arguments,
    check_parameters,
    declares,
)
from .._threads import one_thread_if_small
from .._typing import INSTRUMENT_NAME, PathLike
from .._validation import NUMBERS, WAVELENGTH, WAVENUMBER, check_axis, named_axis
from .._warnings import warning_once
from ._affine import Predictor, affine_coefficients
from ._calibration_file import (
    parameters_of,
    read_csv,
    read_json,
    record_of,
    write_csv,
    write_json,
)
from ._channels import check_channels_of, interpolation

if TYPE_CHECKING:
    from sklearn.utils import Tags

NAMES = Several(TEXT, name="a sequence of str") | None


class LinearCalibration(RegressorMixin, DocumentedEstimator):
    r"""Calibration given by its coefficients, :math:`\hat y = b_0 + \sum_j b_j x_j`.

    Use it to import a PLS model from other software, or to export one to the software of an
    instrument. `from_estimator` converts a fitted pipeline, including its transfer, to one vector
    of coefficients; ``FrozenEstimator(LinearCalibration(...))`` is a calibration for any transfer
    method.

    Parameters
    ----------
    coef : array-like of shape (n_features,) or (n_targets, n_features)
        Coefficients, in the unit of `y` per unit of the spectra; two dimensions as in
        ``PLSRegression.coef_``.
    intercept : float or array-like of shape (n_targets,), default=0.0
        Prediction for a spectrum of zeros, in the unit of `y`. ``PLSRegression.intercept_`` is
        the prediction for the mean spectrum.
    wavelength : array-like of shape (n_features,), default=None
        Axis in nm, strictly monotonic.
    wavenumber : array-like of shape (n_features,), default=None
        Axis in cm-1, instead of `wavelength`. Neither: channels have numbers but no axis.
    target_names, target_units : sequence of str, default=None
        Names and units of the targets, such as ``["%"]``, written to files.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients as an array.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercepts as a float or an array.
    wavenumber_ : ndarray of shape (n_features,) or None
        Axis in cm-1.
    n_features_in_ : int
        Number of channels.

    See Also
    --------
    sklearn.frozen.FrozenEstimator : Prevents a transfer method from fitting the calibration.

    Notes
    -----
    The estimator needs no fit; ``fit`` only checks the channels. Spectra must be of the same kind
    and preprocessed in the same way as those that the coefficients were computed from.

    Files contain all numbers at full precision (up to 17 digits), the axis with its unit and a
    checksum. If writing fails, an existing file stays unchanged. After reading, `coef` has one
    dimension if there is one target.

    Examples
    --------
    >>> from skspektron.io import LinearCalibration
    >>> moisture = LinearCalibration([2.0, -1.0], intercept=10.0, wavelength=[1940, 2100])
    >>> moisture.predict([[0.5, 0.25]])
    array([10.75])
    """

    _parameters: ClassVar[Rules] = {
        "coef": NUMBERS,
        "intercept": Number() | NUMBERS,
        "wavelength": WAVELENGTH,
        "wavenumber": WAVENUMBER,
        "target_names": NAMES,
        "target_units": NAMES,
    }

    def __init__(
        self,
        coef: ArrayLike,
        *,
        intercept: ArrayLike = 0.0,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        target_names: Sequence[str] | None = None,
        target_units: Sequence[str] | None = None,
    ):
        self.coef = coef
        self.intercept = intercept
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.target_names = target_names
        self.target_units = target_units

    @classmethod
    @declares(
        instrument=INSTRUMENT_NAME,
        wavelength=WAVELENGTH,
        wavenumber=WAVENUMBER,
        target_names=NAMES,
        target_units=NAMES,
    )
    @warning_once()
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike | None = None,
        *,
        instrument: str | int | None = None,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        target_names: Sequence[str] | None = None,
        target_units: Sequence[str] | None = None,
    ) -> LinearCalibration:
        """Return a fitted regressor as one vector of coefficients per target.

        Possible for all steps that are linear in the spectrum: derivatives, smoothing, centring,
        scaling, PLS, ridge, and transfer methods that map spectra or predictions linearly. The
        calibration predicts from spectra of the target instrument as measured.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor, pipeline, search or ``*Transfer``.
        X : array-like of shape (n_samples, n_features), default=None
            Spectra whose predictions must agree too. Random spectra are always compared.
        instrument : str or int, default=None
            Instrument whose spectra a ``*Transfer`` predicts; the label of the source gives the
            calibration of the source. None: the target.
        wavelength, wavenumber : array-like of shape (n_features,), default=None
            Axis of that instrument in nm or cm-1. Neither: read from the column names that the
            estimator was fitted with, if any.
        target_names, target_units : sequence of str, default=None
            Names and units of the targets.

        Returns
        -------
        calibration : LinearCalibration
            Its predictions differ from those of `estimator` by at most 1e-8 of the largest one of
            each target.

        Raises
        ------
        ValueError
            If predictions are not a linear function of the spectra. The message gives the
            difference and the step that is not linear.
        """
        check_arguments(cls.from_estimator, locals())
        n_given = None if X is None else np.shape(X)[1]
        predict = Predictor.of(estimator, instrument, n_given)
        coef, intercept = affine_coefficients(
            predict, None if X is None else predict.own_channels(X)
        )
        if wavelength is None and wavenumber is None and predict.channel_names is not None:
            axis, unit = named_axis(predict.channel_names, len(predict.channels)) or (None, None)
            wavelength, wavenumber = (axis, None) if unit == "nm" else (None, axis)
        return cls._checked(
            coef=coef,
            intercept=intercept,
            wavelength=wavelength,
            wavenumber=wavenumber,
            target_names=target_names,
            target_units=target_units,
        )

    @classmethod
    def from_csv(cls, path: PathLike) -> LinearCalibration:
        """Read a calibration from a file of `to_csv`, or from a table of the same form.

        The heading is ``wavelength (nm)``, ``wavenumber (cm-1)`` or ``channel``, followed by the
        names of the targets. Below it are an optional row ``unit``, a row ``intercept`` and one
        row per channel.
        """
        return cls._checked(**parameters_of(read_csv(path)))

    @classmethod
    def from_json(cls, path: PathLike) -> LinearCalibration:
        """Read a calibration from a file of `to_json`."""
        return cls._checked(**parameters_of(read_json(path)))

    def to_csv(self, path: PathLike) -> None:
        """Write axis, coefficients and intercept as a table with one row per channel."""
        write_csv(path, record_of(self))

    def to_json(self, path: PathLike) -> None:
        """Write axis, coefficients and intercept as one JSON object."""
        write_json(path, record_of(self))

    @warning_once()
    def on_axis(
        self, *, wavelength: ArrayLike | None = None, wavenumber: ArrayLike | None = None
    ) -> LinearCalibration:
        """Return the calibration for spectra measured at other channels.

        Spectra are interpolated in cm-1 with a cubic spline, a linear map that is multiplied into
        the coefficients.

        Parameters
        ----------
        wavelength, wavenumber : array-like of shape (n_channels,)
            New axis in nm or cm-1, of at least 4 channels; it must cover that of the calibration.

        Returns
        -------
        calibration : LinearCalibration
            Calibration with ``n_channels`` coefficients.

        Raises
        ------
        ValueError
            If the calibration has no axis, or one that reaches beyond the new axis.
        """
        given = wavenumber if wavelength is None else wavelength
        n_channels = 0 if given is None else np.size(given)
        other = check_axis(wavelength=wavelength, wavenumber=wavenumber, n_features=n_channels)
        moved = {
            "coef": self.coef_ @ interpolation(self.wavenumber_, other),
            "wavelength": wavelength,
            "wavenumber": wavenumber,
        }
        return type(self)(**self.get_params() | moved)

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> LinearCalibration:
        """Check the channels of `X`; nothing is fitted."""
        self._check_spectra(X)
        if y is not None:
            check_X_y(X, y, multi_output=self.coef_.ndim > 1, estimator=self)
        return self

    @one_thread_if_small
    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return predictions for spectra on the channels of the calibration.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra. An axis in their column names must be that of the calibration; spectra on
            other channels need `on_axis`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions in the unit of the intercept.
        """
        y: NDArray[np.float64] = self._check_spectra(X) @ self.coef_.T + self.intercept_
        return y

    @property
    def coef_(self) -> NDArray[np.float64]:
        """Checked coefficients."""
        coef: NDArray[np.float64] = check_array(
            self.coef, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name="coef"
        )
        if coef.ndim > 2:
            raise ValueError(
                "coef must have shape (n_features,) or (n_targets, n_features), got "
                f"{coef.shape}. Pass one row per target."
            )
        return coef

    @property
    def intercept_(self) -> Any:
        """Checked intercepts, one per target."""
        shape = self.coef_.shape[:-1]
        intercept = np.asarray(self.intercept, dtype=np.float64)
        if intercept.shape not in ((), shape) or not np.isfinite(intercept).all():
            raise ValueError(
                f"intercept must be a finite number or an array of shape {shape}, got "
                f"{self.intercept!r}. Pass one intercept per target."
            )
        return np.broadcast_to(intercept, shape)[()].copy()

    @property
    def n_features_in_(self) -> int:
        """Number of channels."""
        return int(self.coef_.shape[-1])

    @property
    def wavenumber_(self) -> NDArray[np.float64] | None:
        """Axis in cm-1."""
        axes = {"wavelength": self.wavelength, "wavenumber": self.wavenumber}
        return check_axis(**axes, n_features=self.n_features_in_)

    @classmethod
    def _checked(cls, **parameters: Any) -> LinearCalibration:
        """Return a calibration after checking that its parameters agree."""
        calibration = cls(**parameters)
        check_parameters(calibration)
        record_of(calibration)
        return calibration

    def _check_spectra(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return spectra as float64 after checking their channels."""
        check_parameters(self)
        axis = self.wavenumber_
        X = in_order_of_names(
            X, None if axis is None else [f"{each!r} cm-1" for each in axis.tolist()]
        )
        values: NDArray[np.float64] = check_array(X, dtype=np.float64, input_name="X")
        check_channels_of(X, values.shape[1], axis, self.n_features_in_)
        return values

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = False
        tags.target_tags.multi_output = np.ndim(self.coef) > 1
        tags.regressor_tags.poor_score = True  # the coefficients are not fitted
        return tags

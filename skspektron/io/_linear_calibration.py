"""A calibration as coefficients, intercept and axis, from other software and to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_X_y

from .._documentation import DocumentedEstimator
from .._typing import PathLike
from .._validation import check_axis, named_axis
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


class LinearCalibration(RegressorMixin, DocumentedEstimator):
    r"""A calibration that is known by its coefficients: :math:`\hat y = b_0 + \sum_j b_j x_j`.

    What other software exports of a PLS model, and what the software of an instrument wants to
    have. `from_estimator` writes a fitted pipeline, with its transfer, as one such vector;
    ``FrozenEstimator(LinearCalibration(...))`` is a calibration that any transfer method moves.

    Parameters
    ----------
    coef : array-like of shape (n_features,) or (n_targets, n_features)
        Coefficients, in the unit of `y` per unit of the spectra; two dimensions as in
        ``PLSRegression.coef_``.
    intercept : float or array-like of shape (n_targets,), default=0.0
        Prediction for a spectrum of zeros, in the unit of `y`. ``PLSRegression.intercept_`` is
        that for the mean spectrum.
    wavelength : array-like of shape (n_features,), default=None
        Axis in nm, strictly monotonic.
    wavenumber : array-like of shape (n_features,), default=None
        Axis in cm-1, instead of `wavelength`. Without either, channels are only counted.
    target_names, target_units : sequence of str, default=None
        Names and units of what is predicted, such as ``["%"]``, one a target, for the files.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        `coef`, checked.
    intercept_ : float or ndarray of shape (n_targets,)
        `intercept`, checked.
    wavenumber_ : ndarray of shape (n_features,) or None
        The axis in cm-1.
    n_features_in_ : int
        Number of channels.

    See Also
    --------
    sklearn.frozen.FrozenEstimator : Keeps a transfer method from fitting it.

    Notes
    -----
    It is fitted from the beginning, and ``fit`` only compares the channels. Spectra must have been
    treated as those behind the coefficients were: absorbance stays absorbance.

    Files hold every number in full (17 digits where they are needed), the axis with its unit and a
    checksum; writing replaces a file whole or not at all. Reading gives `coef` one dimension where
    there is one target.

    Examples
    --------
    >>> from skspektron.io import LinearCalibration
    >>> moisture = LinearCalibration([2.0, -1.0], intercept=10.0, wavelength=[1940, 2100])
    >>> moisture.predict([[0.5, 0.25]])
    array([10.75])
    """

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
        """Write a fitted regressor as one vector of coefficients.

        Whatever weighs and adds channels is one: derivatives, smoothing, centring, scaling, PLS,
        ridge, and the transfer methods that map spectra or predictions linearly. Spectra of the
        target instrument go in as measured, and the predictions come out.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor, pipeline, search or ``*Transfer``.
        X : array-like of shape (n_samples, n_features), default=None
            Spectra on which both must agree as well. Random spectra are compared anyway.
        instrument : str or int, default=None
            Whose spectra, for a ``*Transfer``: the label of the source gives the calibration of
            the source. None: those of the target.
        wavelength, wavenumber : array-like of shape (n_features,), default=None
            Axis in nm or cm-1 of the channels of that instrument. Neither: the column names of
            fit, where they spell one.
        target_names, target_units : sequence of str, default=None
            Names and units of what is predicted.

        Returns
        -------
        calibration : LinearCalibration
            Predicts what `estimator` predicts, to 1e-8 of the largest prediction.

        Raises
        ------
        ValueError
            If predictions are not a linear function of the spectra, with the difference and the
            step that is at fault.
        """
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
        """Read a calibration that `to_csv` wrote, or a table of the same form.

        The heading is ``wavelength (nm)``, ``wavenumber (cm-1)`` or ``channel``, then the names of
        the targets; below it stand a row ``unit``, which may be left out, a row ``intercept``, and
        one row a channel.
        """
        return cls._checked(**parameters_of(read_csv(path)))

    @classmethod
    def from_json(cls, path: PathLike) -> LinearCalibration:
        """Read a calibration that `to_json` wrote."""
        return cls._checked(**parameters_of(read_json(path)))

    def to_csv(self, path: PathLike) -> None:
        """Write axis, coefficients and intercept as a table with one row a channel."""
        write_csv(path, record_of(self))

    def to_json(self, path: PathLike) -> None:
        """Write axis, coefficients and intercept as one JSON object."""
        write_json(path, record_of(self))

    def on_axis(
        self, *, wavelength: ArrayLike | None = None, wavenumber: ArrayLike | None = None
    ) -> LinearCalibration:
        """Return the calibration for spectra measured at other channels.

        Predictions are those for the spectra interpolated along cm-1 by a cubic spline, a linear
        map that is multiplied into the coefficients.

        Parameters
        ----------
        wavelength, wavenumber : array-like of shape (n_channels,)
            The other axis in nm or cm-1, at least 4 channels; it covers the calibration's own.

        Returns
        -------
        calibration : LinearCalibration
            With ``n_channels`` coefficients.

        Raises
        ------
        ValueError
            If the calibration has no axis, or one that reaches beyond the other one.
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
        """Compare the channels of `X`; nothing is learnt."""
        self._check_spectra(X)
        if y is not None:
            check_X_y(X, y, multi_output=self.coef_.ndim > 1, estimator=self)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the reference values of spectra on the calibration's own channels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra. Where column names spell an axis, it must be that of the calibration; spectra
            on other channels need `on_axis`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            In the unit of the intercept.
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
                f"coef has shape {coef.shape}. Pass (n_features,) or (n_targets, n_features)."
            )
        return coef

    @property
    def intercept_(self) -> Any:
        """Checked intercepts, one a target."""
        shape = self.coef_.shape[:-1]
        intercept = np.asarray(self.intercept, dtype=np.float64)
        if intercept.shape not in ((), shape) or not np.isfinite(intercept).all():
            raise ValueError(
                f"intercept is {self.intercept!r}, coef has shape {self.coef_.shape}. Pass a "
                f"finite number, or an array of shape {shape}."
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
        """Return a calibration; parameters that do not go together are refused."""
        calibration = cls(**parameters)
        record_of(calibration)
        return calibration

    def _check_spectra(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return spectra on the channels of the calibration as float64."""
        values: NDArray[np.float64] = check_array(X, dtype=np.float64, input_name="X")
        check_channels_of(X, values.shape[1], self.wavenumber_, self.n_features_in_)
        return values

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = False
        tags.target_tags.multi_output = np.ndim(self.coef) > 1
        tags.regressor_tags.poor_score = True  # fit learns nothing
        return tags

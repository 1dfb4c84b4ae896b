"""Missing channels of spectra, filled in."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._frames import in_order_of_names, with_text_names
from .._parameters import Choice, Number, Rules, check_parameters
from ._filling import MIN_SPECTRA
from ._gaps import interpolate_gaps
from ._product import Product, patterns


class SpektronImputer(OneToOneFeatureMixin, TransformerMixin, DocumentedEstimator):
    r"""Fill in missing channels of spectra: NaN in, numbers out.

    For channels that are dead, saturated or outside of an instrument's range. The missing channels
    H of a spectrum x are predicted from its visible channels V by ridge regression on other
    spectra of the product [1]_ [2]_, and what the regression leaves at V is interpolated by W:

    .. math:: \hat x_H = r_H(x_V) + W\,\bigl(x_V - r_V(x_V)\bigr), \qquad
        r(x_V) = \bar x + B^{\mathsf T} (x_V - \bar x_V).

    Parameters
    ----------
    method : {"auto", "spectra", "interpolation"}, default="auto"
        "spectra": regression on the spectra of `fit`, at least three. "interpolation": from the
        channels around a gap; a gap of more than 16 channels at an end gets the nearest value.
        "auto": "spectra" if `fit` gets enough of them, otherwise "interpolation".
    max_missing : float, default=0.7
        Largest fraction of missing channels of a spectrum, above 0 and below 1. `transform`
        refuses spectra with more, and `fit` ignores them.

    Attributes
    ----------
    method_ : {"spectra", "interpolation"}
        What `transform` uses.
    n_complete_ : int
        Number of spectra of `fit` without missing channels. Channels that are missing in all of
        them do not count.
    n_spectra_ : int
        Number of spectra of `fit` that regressions use: at most 200 complete ones or, if there are
        fewer than ten, these and at most 50 incomplete ones, evenly chosen; 0 with
        "interpolation".
    held_out_errors_ : dict of str to float
        Root mean squared error of "spectra" and of "interpolation", in the unit of `X`: each
        spectrum is held out in turn, and ten equal blocks of its channels are hidden in turn.
        Empty if each block is complete in fewer than four spectra.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen during ``fit``, if all are strings.

    Raises
    ------
    ValueError
        In `fit`, with fewer than three spectra and ``method="spectra"``. In `transform`, if more
        than `max_missing` of the channels of a spectrum are NaN.

    See Also
    --------
    skspektron.preprocessing.SNV : Ignores NaN, for methods that take spectra with gaps.
    sklearn.impute.KNNImputer : The mean of similar rows, for tables of unlike features.

    Notes
    -----
    Spectra are standardized by their visible channels before the regression, so that those of
    `fit` may differ from x in offset and gain. Each gap gets the average of regressions with
    eleven penalties and of interpolation alone, with weights from their error on held-out
    spectra, as in `KernelEnsembleRegressor`. With fewer than ten complete spectra, each gap is
    filled in from the spectra that were measured there, whose own gaps are filled in from each
    other, in two passes; with fewer than three of these, it is interpolated.
    Interpolation averages a straight line and three Gaussian processes with Matérn covariances
    [3]_, with weights inversely proportional to the geometric mean of their squared errors on
    blocks of channels around the gap, each hidden in turn. Channels count as equally spaced.
    Channels that are missing in all spectra of `fit` are interpolated from the others.
    Spectra without NaN are returned unchanged, and no result depends on other rows of `transform`.
    The regression is fitted once per pattern of missing channels, in O(n_spectra² n_features).
    A filled channel is a prediction, not a measurement: a band that other spectra do not have is
    not found, and noise is not imitated.

    References
    ----------
    .. [1] Buck, J. R. Stat. Soc. B 22 (1960) 302-306.
    .. [2] Hoerl & Kennard, Technometrics 12 (1970) 55-67.
    .. [3] Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from skspektron.foundation import SpektronImputer
    >>> band = np.array([0.0, 1.0, 4.0, 1.0, 0.0])
    >>> X = np.outer([1.0, 2.0, 3.0, 4.0], band) + np.linspace(0, 0.3, 4)[:, None]
    >>> SpektronImputer().fit(X).transform([[0.0, 3.0, np.nan, 3.0, 0.0]]).round(3)
    array([[ 0.,  3., 12.,  3.,  0.]])
    """

    _parameters: ClassVar[Rules] = {
        "method": Choice(("auto", "spectra", "interpolation")),
        "max_missing": Number(above=0, below=1),
    }

    def __init__(self, *, method: str = "auto", max_missing: float = 0.7):
        self.method = method
        self.max_missing = max_missing

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: None = None) -> SpektronImputer:
        """Store spectra of the product; `X` may have NaN."""
        check_parameters(self)
        X = self._check(with_text_names(X), reset=True).astype(np.float64)
        missing = np.isnan(X)
        self._known = ~missing.all(axis=0)
        n_missing = np.count_nonzero(missing, axis=1)
        X = X[n_missing <= self.max_missing * X.shape[1]][:, self._known]
        self.n_complete_ = int(np.count_nonzero(~np.isnan(X).any(axis=1)))
        if self.method == "spectra" and len(X) < MIN_SPECTRA:
            raise ValueError(
                f"method='spectra' needs at least {MIN_SPECTRA} spectra with at most "
                f"{100 * self.max_missing:g} % of the channels missing, X has {len(X)} in "
                f"{len(missing)} rows. Pass method='interpolation', or add spectra of the product."
            )
        auto = "spectra" if len(X) >= MIN_SPECTRA else "interpolation"
        self.method_ = auto if self.method == "auto" else self.method
        self._product = Product.of(X) if self.method_ == "spectra" else None
        self.n_spectra_ = 0 if self._product is None else len(self._product.spectra)
        self.held_out_errors_ = {} if self._product is None else self._product.held_out_errors()
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the spectra with missing channels filled in."""
        check_is_fitted(self)
        X = in_order_of_names(X, getattr(self, "feature_names_in_", None))
        X = self._check(X, reset=False)
        self._check_missing(X)
        filled = X.astype(np.float64)
        for rows, missing in patterns(filled):
            filled[rows] = self._fill(filled[rows], missing)
        return filled.astype(X.dtype)

    def _check(self, X: Any, *, reset: bool) -> NDArray[np.floating]:
        """Return `X` as floats; NaN, but not infinity, is allowed."""
        return validate_data(
            self, X, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan", reset=reset
        )

    def _check_missing(self, X: NDArray[Any]) -> None:
        """Raise ValueError for spectra with too many missing channels."""
        n_missing = np.count_nonzero(np.isnan(X), axis=1)
        n_bad = np.count_nonzero(n_missing > self.max_missing * X.shape[1])
        if n_bad:
            raise ValueError(
                f"{n_bad} of {len(X)} spectra have more than {100 * self.max_missing:g} % of "
                f"{X.shape[1]} channels missing, up to {n_missing.max()}. Drop them, or pass a "
                "larger max_missing."
            )

    def _fill(self, X: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return spectra that lack the same channels with these filled in."""
        filled, known = X.copy(), self._known
        filled[:, missing] = interpolate_gaps(filled, missing)
        learnt = missing & known
        if self._product is not None and learnt.any() and not learnt[known].all():
            filled[:, known] = self._product.fill(filled[:, known], learnt[known])
            missing = missing & ~known
            filled[:, missing] = interpolate_gaps(filled, missing)
        return filled

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

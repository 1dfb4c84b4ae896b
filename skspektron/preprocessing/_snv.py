"""Standard normal variate."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, validate_data

from .._documentation import DocumentedEstimator
from .._frames import like_frame, with_text_names
from .._interpolation import centre
from .._parameters import Choice, Rules, check_parameters


class SNV(OneToOneFeatureMixin, TransformerMixin, DocumentedEstimator):
    r"""Standard normal variate: centre and scale each spectrum individually.

    Removes the offset and the gain that light scattering causes in diffuse-reflectance
    spectra [1]_. A spectrum x of p channels becomes

    .. math:: z_j = \frac{x_j - \bar x}{s}, \qquad
        s = \sqrt{\frac{1}{p - \mathrm{ddof}} \sum_{j=1}^{p} (x_j - \bar x)^2}.

    Parameters
    ----------
    ddof : {0, 1}, default=1
        Delta degrees of freedom of the standard deviation. 1 is the definition of [1]_; 0
        reproduces software that uses the population standard deviation.

    Attributes
    ----------
    n_features_in_ : int
        Number of spectral channels seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen during ``fit``, if all are strings.

    See Also
    --------
    chemotools.derivative.SavitzkyGolay : Derivatives, which remove baselines.
    chemotools.scatter.MultiplicativeScatterCorrection : Scatter correction against a
        reference spectrum that is learnt in ``fit``.

    Notes
    -----
    The absolute amplitude is lost: every transformed spectrum has the Euclidean norm
    sqrt(n_features - ddof). A constant spectrum becomes zero. NaN marks a missing channel: it is
    ignored in the mean and in the standard deviation, and remains NaN. `SNV` can be combined with
    the transformers of chemotools in a `Pipeline`; those that use neighbouring channels need
    spectra without NaN. If `fit` got column names, a data frame is returned as a data frame, from
    whose names a later step such as `SpektronEmbedder` may read the axis.
    ``set_output(transform="default")`` returns arrays.

    References
    ----------
    .. [1] Barnes, Dhanoa & Lister, Appl. Spectrosc. 43 (1989) 772-777.

    Examples
    --------
    >>> from skspektron.preprocessing import SNV
    >>> SNV().fit_transform([[1.0, 2.0, 3.0], [0.0, 20.0, 40.0]])
    array([[-1.,  0.,  1.],
           [-1.,  0.,  1.]])
    """

    _parameters: ClassVar[Rules] = {
        "ddof": Choice((0, 1)),
    }

    def __init__(self, *, ddof: int = 1):
        self.ddof = ddof

    def fit(self, X: ArrayLike, y: None = None) -> SNV:
        """Check `X` and store its number of channels; nothing else is learnt."""
        self._check(X, reset=True)
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Return each spectrum with zero mean and unit standard deviation."""
        Z = self._transform(self._check(X, reset=False))
        is_given = hasattr(self, "_sklearn_output_config")
        if is_given or get_config()["transform_output"] != "default":
            return Z
        return like_frame(Z, X, getattr(self, "feature_names_in_", None))

    def _transform(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return checked spectra with zero mean and unit standard deviation."""
        dtype = X.dtype
        if dtype == np.float16:  # sums of more than 65504 would be infinite
            X = X.astype(np.float64)
        n_measured = np.count_nonzero(~np.isnan(X), axis=1, keepdims=True)
        centred = centre(X, np.finfo(dtype).eps)
        dof = np.maximum(n_measured - self.ddof, 1)
        scale = np.sqrt(np.nansum(centred**2, axis=1, keepdims=True) / dof)
        return (centred / np.where(scale == 0, 1, scale)).astype(dtype, copy=False)

    def _check(self, X: ArrayLike, *, reset: bool) -> NDArray[np.floating]:
        """Return `X` as floats; NaN, but not infinity, is allowed."""
        check_parameters(self)
        if reset or hasattr(self, "feature_names_in_"):
            X = with_text_names(X)
        return validate_data(
            self, X, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan", reset=reset
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

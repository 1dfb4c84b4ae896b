"""A calibration as the weighted mean of kernel ridge regressions on several preprocessings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._documentation import DocumentedEstimator
from .._fitting import fitting
from .._frames import frame_kind, in_order_of_names, with_text_names
from .._parameters import Choice, Kind, Rules, Several, check_parameters, having
from .._samples import number_samples
from .._threads import one_thread, one_thread_if_small, work_of
from .._typing import VERBOSE
from .._validation import check_labels
from ..metrics._variance import target_scale
from ._members import KERNELS, fit_ensemble
from ._views import FittedViews, is_named_view

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class NonEmpty(Several):
    """A sequence of at least one item."""

    def allows(self, value):
        """Return whether there are items, and all meet the rule."""
        return len(value) > 0 and super().allows(value)


TRANSFORMER = having("transformers", "fit", "transform")
NAMED = Kind("pairs of a name and a transformer", is_named_view)
VIEWS = NonEmpty(
    Choice(("auto",)) | TRANSFORMER | NAMED,
    name="a list of 'auto', transformers or pairs of a name and a transformer",
)
KERNEL_NAMES = NonEmpty(Choice(KERNELS), name="a list of such")
N_DECOMPOSITIONS = 50  # of matrices with as many rows as spectra
BLOCK = 2000  # rows that are predicted at once, which limits the memory


class KernelEnsembleRegressor(RegressorMixin, DocumentedEstimator):
    r"""Average kernel ridge regressions over preprocessings, weighted by their held-out error.

    Kernel ridge regression [1]_ is fitted to several preprocessings (*views*) of the spectra, with
    several kernels and ten strengths of the penalty. With the Gram matrix K of one view and kernel,
    centred and scaled to a mean diagonal of 1, n rows and ones in the vector **1**,

    .. math::
        \hat y = \bar y + K (K + n \lambda I)^{-1} (y - \bar y), \qquad
        \lambda = 10^{-7}, 10^{-6.25}, \ldots, 10^{-0.25} .

    For every one of these regressions, each sample g is predicted by the fit without its rows, from
    the hat matrix H of all rows, without another fit [2]_ [3]_:

    .. math::
        y_g - \hat y_{-g} = \left(I - H_{gg} - \tfrac{1}{n} \mathbf{1}\mathbf{1}^T\right)^{-1}
        (y_g - \hat y_g) .

    The prediction is the weighted mean of all regressions. The weight of one is the mean squared
    error of the held-out samples to the power of :math:`-0.4 \sqrt{n_{samples}}` [4]_, for each
    target.

    Parameters
    ----------
    views : "auto" or list, default="auto"
        Preprocessings. "auto": the spectra, SNV [5]_, and Savitzky-Golay derivatives [6]_ of both:
        first derivative (11 channels), second derivative (21 and 11 channels). A list has
        transformers, pairs of a name and a transformer, and "auto" for those eight. Views are
        fitted to the spectra without `y`.
    kernels : "auto" or list of {"linear", "autoscaled", "rbf", "matern"}, default="auto"
        "linear" is the linear kernel and "autoscaled" that of channels of unit variance. With the
        root mean square distance D between the training rows, "rbf" is the Gaussian kernel
        of length D on channels of unit variance, and "matern" the Matérn kernel (3/2) [7]_ of
        length 3 D. "auto": all four.
    verbose : int, default=0
        1 shows a progress bar with one step per view.

    Attributes
    ----------
    left_out_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Prediction of each row by regressions fitted without its sample, under weights from the
        errors of the other samples: ``rmsep(y, left_out_)`` is the cross-validated error.
    view_weights_ : dict of str to float
        Sum of the weights of each view, mean over the targets; they add up to 1.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    skspektron.transfer.EnsembleTransfer : A calibration for a second instrument from standards.
    skspektron.foundation.SpektronEmbedder : The embedding of a network, which can be a view.

    Notes
    -----
    NaN is refused. Targets are predicted one by one. A view without variation beyond rounding
    errors predicts the mean. A view that learns from the spectra, such as a principal component
    analysis, is fitted once, to all rows, so that it has seen the spectra of held-out samples.

    The standard deviation of a prediction is :math:`\sqrt{c\,(s^2 + v)}`: :math:`s^2` is the
    mean squared error of `left_out_`, v the weighted variance of the predictions of the views and
    kernels for that spectrum, and c scales the mean of squared error over :math:`s^2 + v` in
    `left_out_` to 1, times (n + 1) / (n - 1) for n samples.

    With more than 600 rows, 600 of them, the same in every fit, are the landmarks of Nyström's
    approximation of each kernel matrix [8]_. The time is then proportional to the number of rows.
    5,000 spectra of 700 channels take less than a minute and 2 GB.

    References
    ----------
    .. [1] Saunders, Gammerman & Vovk, Proc. 15th Int. Conf. Machine Learning (1998) 515-521.
    .. [2] Allen, Technometrics 16 (1974) 125-127.
    .. [3] Golub, Heath & Wahba, Technometrics 21 (1979) 215-223.
    .. [4] Yang, J. Am. Stat. Assoc. 96 (2001) 574-588.
    .. [5] Barnes, Dhanoa & Lister, Appl. Spectrosc. 43 (1989) 772-777.
    .. [6] Savitzky & Golay, Anal. Chem. 36 (1964) 1627-1639.
    .. [7] Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press (2006) 83-85.
    .. [8] Williams & Seeger, Advances in Neural Information Processing Systems 13 (2001) 682-688.

    Examples
    --------
    >>> from skspektron.calibration import KernelEnsembleRegressor
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.metrics import rmsep
    >>> data = make_instruments(60, random_state=0)
    >>> model = KernelEnsembleRegressor().fit(data.X["A"][:40], data.y[:40, 0])
    >>> y, std = model.predict(data.X["A"][40:], return_std=True)
    >>> bool(rmsep(data.y[40:, 0], y) < 0.1 * data.y[:, 0].std())
    True
    """

    # scikit-learn's metadata routing reads this, so that set_fit_request is not needed.
    __metadata_request__fit = {"sample_id": True}  # noqa: RUF012

    _parameters: ClassVar[Rules] = {
        "views": Choice(("auto",)) | VIEWS,
        "kernels": Choice(("auto", *KERNELS)) | KERNEL_NAMES,
        "verbose": VERBOSE,
    }
    _when_slow = "Pass fewer views or kernels. verbose=1 shows progress."

    def __init__(
        self,
        *,
        views: str | Sequence[Any] = "auto",
        kernels: str | Sequence[str] = "auto",
        verbose: int = 0,
    ):
        self.views = views
        self.kernels = kernels
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_id: ArrayLike | None = None) -> Self:
        """Fit the regressions, and their weights, to spectra and reference values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference values.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row: all rows of a sample are held out together. None: every
            row is a separate sample.

        Returns
        -------
        self : KernelEnsembleRegressor
            The fitted regressor.
        """
        with fitting(self):
            check_parameters(self)
            X, frame = with_text_names(X), frame_kind(X)
            X, y = validate_data(
                self,
                X,
                y,
                dtype=np.float64,
                ensure_min_samples=2,
                multi_output=True,
                y_numeric=True,
            )
            samples, order = _number_samples(X, sample_id)
            names = getattr(self, "feature_names_in_", ())
            self._views = FittedViews.of(self.views, X, names, frame)
            with one_thread(N_DECOMPOSITIONS * work_of(X)):
                self._fit(X, y.astype(np.float64), samples, order)
        return self

    @one_thread_if_small
    def predict(
        self, X: ArrayLike, return_std: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]:
        """Return the predicted reference values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra. Columns of a data frame that name channels may be in any order.
        return_std : bool, default=False
            Whether to return the standard deviation of the prediction error too.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions, in the shape of the `y` of `fit`.
        std : ndarray of the same shape
            Standard deviation of y minus prediction. Only with ``return_std=True``.
        """
        check_is_fitted(self)
        X = in_order_of_names(X, getattr(self, "feature_names_in_", None))
        X = validate_data(self, X, dtype=np.float64, reset=False)
        blocks = [
            self._ensemble.predict(self._views.transform(X[at : at + BLOCK]))
            for at in range(0, len(X), BLOCK)
        ]
        mean, spread = (np.concatenate(part) for part in zip(*blocks, strict=True))
        shape = len(X), *self._y_shape
        y = (self._y_mean + self._y_scale * mean).reshape(shape)
        if not return_std:
            return y
        std = self._y_scale * np.sqrt(self._inflation * (self._mean_square + spread))
        return y, std.reshape(shape)

    def _fit(self, X, y, samples, order):
        """Fit the ensemble to rows in a random order, so that the first ones represent all."""
        self._y_shape = y.shape[1:]
        y = y.reshape(len(y), -1)
        self._y_mean, self._y_scale = y.mean(axis=0), np.atleast_1d(target_scale(y))
        X = X[order]
        rounding = self._views.rounding
        self._ensemble = ensemble = fit_ensemble(
            rounding,
            ((self._views.transform_to(name, X), rounding[name]) for name in rounding),
            (y[order] - self._y_mean) / self._y_scale,
            samples[order],
            self._kernel_names(),
            self.verbose,
        )
        left_out = np.empty_like(y)
        left_out[order] = self._y_mean + self._y_scale * ensemble.held_out
        self.left_out_ = left_out.reshape(len(y), *self._y_shape)
        self.view_weights_ = ensemble.view_weights()
        squares = ((left_out - y) / self._y_scale)[order] ** 2
        self._mean_square = squares.mean(axis=0)
        variance = self._mean_square + ensemble.spread
        relative = np.divide(squares, variance, out=np.ones_like(squares), where=variance > 0)
        n_samples = samples.max() + 1
        self._inflation = relative.mean(axis=0) * (n_samples + 1) / (n_samples - 1)

    def _kernel_names(self):
        """Return the names of the kernels."""
        if not isinstance(self.kernels, str):
            return self.kernels
        return KERNELS if self.kernels == "auto" else (self.kernels,)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _number_samples(X, sample_id):
    """Return the number of the sample of each row, from 0, and the rows in a random order."""
    ids = np.arange(len(X)) if sample_id is None else sample_id
    ids = check_labels(ids, len(X), "sample_id")
    numbers, names, order = number_samples(X, ids)
    if len(names) < 2:
        raise ValueError(
            f"All {len(X)} rows belong to one sample, so that no sample can be held out. "
            "Pass spectra of at least 2 samples."
        )
    return numbers, order

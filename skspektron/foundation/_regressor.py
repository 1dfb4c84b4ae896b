"""Regression with a pretrained network."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import PretrainedMixin
from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._frames import with_text_names
from .._parameters import Choice, Integer, Number, Rules, Several, check_parameters
from .._samples import number_samples
from .._typing import RANDOM_STATE, VERBOSE, WEIGHTS, RandomState, Weights
from .._validation import WAVELENGTH, WAVENUMBER, check_labels
from ..metrics._variance import is_constant
from ._corpus import DOMAIN
from ._embedder import SpektronEmbedder
from ._spectra import check_new_spectra

if TYPE_CHECKING:
    from typing_extensions import Self

TRAINABLE = ("head", "all")
MAX_RELATIVE_MEAN = 1e4  # in standard deviations; the head adds the mean in single precision


class SpektronRegressor(PretrainedMixin, RegressorMixin, DocumentedEstimator):
    r"""Predict reference values with a multilayer perceptron on a pretrained network.

    The perceptron (the head) reads the latent of a spectrum after all blocks of the network: its
    CLS or mean token, a point on the unit sphere, or the chemistry part of a bottleneck, without
    the instrument part. The network is frozen, or a copy of it is fine-tuned with the head.
    Latents z and reference values are standardized,
    :math:`\hat y = \bar y + s_y\, \mathrm{MLP}((z - \bar z) / s_z)`.

    Parameters
    ----------
    weights : str, path-like or fitted SpektronPretrainer, default="small"
        The pretrained network, as in `SpektronEmbedder`.
    wavelength : array-like of shape (n_features,), default=None
        Axis of `X` in nm, strictly monotonic.
    wavenumber : array-like of shape (n_features,), default=None
        Axis of `X` in cm-1, strictly monotonic. Without either, as in `SpektronEmbedder`.
    domain : {"NIR", "IR", "RAMAN", "UNKNOWN"}, default=None
        Kind of the spectra, for a network with a domain token; None is "UNKNOWN".
    trainable : {"head", "all"}, default="head"
        "head" trains the head on latents of the frozen network. "all" then fine-tunes a copy of
        the network with it [1]_, the network at a hundredth of `learning_rate` and the head at a
        tenth. The network of `weights` is never changed.
    hidden_layer_sizes : int or sequence of int, default=(256, 128)
        Number of units of every hidden layer of the head; ``()`` is a linear head.
    dropout : float, default=0.1
        Fraction of the units of every hidden layer of the head that is dropped in training.
    max_epochs : int, default=100
        Largest number of passes over the samples, for the head, and again for "all".
    batch_size : int, default=32
        Samples per optimizer step.
    learning_rate : float, default=1e-3
        Peak learning rate of AdamW for the head. It rises over the first pass and then falls
        along a cosine.
    n_iter_no_change : int, default=15
        Stop after this number of passes without a lower error on held-out samples, and return the
        best weights; with "all", those before fine-tuning if that does not lower the error. None:
        train all passes on all samples.
    validation_fraction : float, default=0.1
        Fraction of the samples held out with `n_iter_no_change`. Pass `sample_id` to `fit` if
        samples have several scans: with one scan held out and another not, the error is too small.
    device : str, default=None
        torch device. None: a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights of the head, dropout, the order of the samples and the choice
        of the held-out ones.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    embedder_ : SpektronEmbedder
        The fitted embedder of the latents.
    network_ : object
        Its network: that of `weights` with "head", the fine-tuned copy with "all".
    head_ : dict of str to ndarray
        Weights of the head by name, with the means and scales of latents and `y`.
    history_ : list of dict
        One record per pass: `mse`, the mean training error, in units of the variance of `y`;
        `validation_mse`, that of the held-out samples; `seconds`, counted from the start of the
        training of the head or of the fine-tuning.
    wavenumber_ : ndarray of shape (n_features_in_,)
        Axis of the spectra in cm-1.
    device_ : str
        Device of the network.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    SpektronEmbedder : The embedding as a transformer, for use with any regressor.

    Notes
    -----
    NaN in `X` marks a channel that was not measured. Dropout inside the network is off, and a
    bottleneck returns its mean, in training and prediction. With few samples, use PLS on the
    tokens of `SpektronEmbedder`, which keep the channels apart. The latent of the weights "small"
    is the mean of their tokens, 16 numbers.

    References
    ----------
    .. [1] Kumar, Raghunathan, Jones, Ma & Liang, ICLR (2022), arXiv:2202.10054.

    Examples
    --------
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.foundation import SpektronRegressor
    >>> data = make_instruments(60, random_state=0)
    >>> model = SpektronRegressor(wavelength=data.wavelength, random_state=0)
    >>> model.fit(data.X["A"][:50], data.y[:50]).predict(data.X["A"][50:]).shape
    (10, 5)
    """

    # scikit-learn's metadata routing reads this, so that set_fit_request is not needed.
    __metadata_request__fit = {"sample_id": True}  # noqa: RUF012

    _parameters: ClassVar[Rules] = {
        "weights": WEIGHTS,
        "wavelength": WAVELENGTH,
        "wavenumber": WAVENUMBER,
        "domain": DOMAIN | None,
        "trainable": Choice(TRAINABLE),
        "hidden_layer_sizes": Integer(1) | Several(Integer(1)),
        "dropout": Number(at_least=0, below=1),
        "max_epochs": Integer(1),
        "batch_size": Integer(1),
        "learning_rate": Number(above=0),
        "n_iter_no_change": Integer(1) | None,
        "validation_fraction": Number(above=0, below=1),
        "random_state": RANDOM_STATE,
        "verbose": VERBOSE,
    }

    def __init__(
        self,
        weights: Weights = "small",
        *,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        domain: str | None = None,
        trainable: str = "head",
        hidden_layer_sizes: int | Sequence[int] = (256, 128),
        dropout: float = 0.1,
        max_epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        n_iter_no_change: int | None = 15,
        validation_fraction: float = 0.1,
        device: str | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ):
        self.weights = weights
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.domain = domain
        self.trainable = trainable
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_iter_no_change = n_iter_no_change
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @property
    def network_(self) -> Any:
        """The network of the embedder."""
        return self.embedder_.network_

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_id: ArrayLike | None = None) -> Self:
        """Train the head, or head and network, on spectra and reference values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference values.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row: all scans of a sample are held out together, and neither
            the names of the samples nor the order of the rows change the fit. None: every row is a
            separate sample.

        Returns
        -------
        self : SpektronRegressor
            The fitted regressor.
        """
        from .._training._regression import fine_tune, train_head

        check_parameters(self)
        X, y = validate_data(
            self,
            with_text_names(X),
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            multi_output=True,
            y_numeric=True,
        )
        self._y_shape = y.shape[1:]
        y = y.astype(np.float64).reshape(len(y), -1)
        sample = None
        if sample_id is not None:
            ids = check_labels(sample_id, len(X), "sample_id")
            numbers, _, order = number_samples(X, ids, y)
            X, y, sample = X[order], y[order], numbers[order]
        self._y_offset, self._y_varies = _offset(y), ~is_constant(y)
        y = y - self._y_offset
        self.wavenumber_ = self._resolve_axis(X.shape[1])
        self.device_ = self._resolve_device()
        recipe = self._recipe(self._draw_seed())
        options: dict[str, Any] = {"d_hidden": self._widths(), "dropout": self.dropout}
        options["sample"] = sample
        embedder = self._embedder().set_output(transform="default")
        Z = embedder.fit_transform(X)
        if self.trainable == "head":
            self.head_, self.history_ = train_head(recipe, Z, y, **options)
        else:
            embedder.network_, self.head_, self.history_ = fine_tune(
                recipe, embedder.network_, embedder._to_spectra(X), Z, y, **options
            )
        self.embedder_ = embedder
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the reference values of `X`, (n_samples,) or (n_samples, n_targets) as in fit."""
        from .._training._regression import predict

        check_is_fitted(self)
        X = check_new_spectra(self, X)
        y = predict(self.head_, self.embedder_.transform(X)) * self._y_varies + self._y_offset
        return y.reshape(len(X), *self._y_shape)

    def _embedder(self) -> SpektronEmbedder:
        """Return the unfitted embedder of the latents."""
        return SpektronEmbedder(
            self.weights,
            wavenumber=self.wavenumber_,
            domain=self.domain,
            pooling="latent",
            n_layers=None,
            device=self.device_,
        )

    def _widths(self) -> tuple[int, ...]:
        """Return the number of units of every hidden layer."""
        sizes: Any = self.hidden_layer_sizes
        return (int(sizes),) if isinstance(sizes, Integral) else tuple(sizes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        return tags


def _offset(y: NDArray[Any]) -> NDArray[Any]:
    """Return the means of the targets that vary too little about them for single precision."""
    mean = y.mean(axis=0)
    return np.where(np.abs(mean) > MAX_RELATIVE_MEAN * y.std(axis=0, ddof=0), mean, 0.0)

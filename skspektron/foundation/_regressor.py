"""Reference values predicted by a pretrained network with a head of its own."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TorchEstimatorMixin
from .._documentation import DocumentedEstimator
from .._typing import RandomState, Weights
from .._validation import check_counts
from ._embedder import SpektronEmbedder

if TYPE_CHECKING:
    from typing_extensions import Self

TRAINS = ("head", "all")


class SpektronRegressor(TorchEstimatorMixin, RegressorMixin, DocumentedEstimator):
    r"""Predict reference values from what a pretrained network reads a spectrum as.

    A multilayer perceptron is trained on the latent of the whole spectrum, behind all blocks of
    the network: its CLS or mean token, a point of the unit sphere, or the chemistry part of a
    bottleneck, so that the instrument part has no say. The network stays as it is, or a copy
    of it is trained along. Latents z and reference values are standardised inside,
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
    trains : {"head", "all"}, default="head"
        "head" leaves the network as it is and computes every latent once. "all" goes on from
        there [1]_ with a copy of the network, which learns at a hundredth of `learning_rate` and
        its head at a tenth; the network that others share is never changed.
    hidden : sequence of int, default=(256, 128)
        Widths of the hidden layers of the head; ``()`` is a linear head.
    dropout : float, default=0.1
        Share of every hidden layer of the head dropped in training.
    max_epochs : int, default=100
        Largest number of passes over the samples, for the head and again, with "all", for both.
    batch_size : int, default=32
        Samples in an optimiser step.
    learning_rate : float, default=1e-3
        Peak rate of AdamW for the head; it rises over the first pass and falls along a cosine.
    n_iter_no_change : int, default=15
        Stop after as many passes without a lower error on samples that are held out, and keep the
        best weights; with "all" those of the network that was given, where training it does not
        lower that error. None: train all passes on all samples.
    validation_fraction : float, default=0.1
        Share of the samples that are held out with `n_iter_no_change`.
    device : str, default=None
        torch device; None is a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Initial weights of the head, dropout, order of the samples, and which are held out.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    embedder_ : SpektronEmbedder
        The embedding that the head reads.
    network_ : object
        Its network: with "head" the one that `weights` names, with "all" the trained copy.
    head_ : dict of str to ndarray
        Weights of the head by name, with the means and scales of latents and `y`.
    history_ : list of dict
        One record a pass: `mse`, the mean training error in units of the variance of `y`,
        `validation_mse`, that of the samples held out, and `seconds`, which begin anew where
        the network of "all" joins in.
    wavenumber_ : ndarray of shape (n_features_in_,)
        Axis of the spectra in cm-1.
    device_ : str
        Where the network computes.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    SpektronEmbedder : The embedding alone, in front of any regressor.

    Notes
    -----
    NaN in `X` marks a channel that was not measured. Dropout inside the network is off and a
    bottleneck gives its mean, in training as in use.

    In a trial with a network of patches (width 128, 4 blocks, trained to fill in what was hidden
    of simulated spectra), "all" was not worth its time: R2 of 20 held-out corn samples
    (80 spectra, 4 constituents) and of 200 simulated ones (of 600) changed by less than 0.01.
    The latent of corn gave R2 0.75, 0.66, 0.67 and 0.41 where PLS on the same SNV spectra gave
    0.85, 0.57, 0.91 and 0.62. Few samples are better served by PLS on the tokens of
    `SpektronEmbedder`, which keep wavelengths apart. The latent of the weights "small" is the
    mean of their tokens, 16 numbers.

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

    def __init__(
        self,
        weights: Weights = "small",
        *,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        domain: str | None = None,
        trains: str = "head",
        hidden: tuple[int, ...] = (256, 128),
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
        self.trains = trains
        self.hidden = hidden
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
        """The network behind the embedding."""
        return self.embedder_.network_

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the head, or network and head, on the spectra `X` and reference values `y`."""
        from .._training._regression import fine_tune, train_head

        self._check_parameters()
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            multi_output=True,
            y_numeric=True,
        )
        self._y_shape = y.shape[1:]
        y = y.astype(np.float64).reshape(len(y), -1)
        self.wavenumber_ = self._resolve_axis(X.shape[1])
        self.device_ = self._resolve_device()
        recipe = self._recipe(self._draw_seed())
        sizes: dict[str, Any] = {"d_hidden": tuple(self.hidden), "dropout": self.dropout}
        embedder = self._embedder().set_output(transform="default")
        Z = embedder.fit_transform(X)
        if self.trains == "head":
            self.head_, self.history_ = train_head(recipe, Z, y, **sizes)
        else:
            embedder.network_, self.head_, self.history_ = fine_tune(
                recipe, embedder.network_, embedder._to_spectra(X), Z, y, **sizes
            )
        self.embedder_ = embedder
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the reference values of `X`, (n_samples,) or (n_samples, n_targets) as in fit."""
        from .._training._regression import predict

        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return predict(self.head_, self.embedder_.transform(X)).reshape(len(X), *self._y_shape)

    def _embedder(self) -> SpektronEmbedder:
        """Return the embedding that is read, not fitted."""
        return SpektronEmbedder(
            self.weights,
            wavenumber=self.wavenumber_,
            domain=self.domain,
            pooling="latent",
            n_layers=None,
            device=self.device_,
        )

    def _check_parameters(self) -> None:
        """Refuse settings that cannot train."""
        if self.trains not in TRAINS:
            raise ValueError(
                f"trains is {self.trains!r}. Pass one of {', '.join(map(repr, TRAINS))}."
            )
        check_counts(self, max_epochs=1, batch_size=1)
        if self.n_iter_no_change is not None:
            check_counts(self, n_iter_no_change=1)
        if not all(isinstance(width, Integral) and int(width) > 0 for width in self.hidden):
            raise ValueError(
                f"hidden is {self.hidden!r}. Pass ints of at least 1, such as (256, 128), or ()."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout!r}. Pass a share from 0 to below 1.")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction is {self.validation_fraction!r}. "
                "Pass a share between 0 and 1."
            )
        if not isinstance(self.learning_rate, Real) or not 0 < float(self.learning_rate) < np.inf:
            raise ValueError(f"learning_rate is {self.learning_rate!r}. Pass a positive rate.")

    def __sklearn_clone__(self):
        # A fitted pretrainer is weights here, not a hyper-parameter to be forgotten.
        clone = super().__sklearn_clone__()
        clone.weights = self.weights
        return clone

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        return tags

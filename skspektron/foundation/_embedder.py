"""Embeddings of spectra by a pretrained network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import PretrainedMixin
from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._frames import with_text_names
from .._interpolation import centre, complete_channels
from .._parameters import Choice, Integer, Rules, check_parameters
from .._typing import WEIGHTS, Weights
from .._validation import OTHER_UNIT, WAVELENGTH, WAVENUMBER
from .._warnings import warn_user
from ._corpus import DOMAIN, number_domains
from ._spectra import check_new_spectra

if TYPE_CHECKING:
    from typing_extensions import Self


def _poolings() -> Mapping[str, Any]:
    """Return the ways of pooling, by name."""
    from .._bridge import POOLINGS

    return POOLINGS


class SpektronEmbedder(
    PretrainedMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocumentedEstimator
):
    r"""Transform spectra to embeddings of a pretrained network.

    The network works on the instrument's own axis, so the same weights serve every grid. Its
    blocks are banks of damped oscillators along the axis, D-LinOSS [1]_, with states x and input u,
    :math:`x'' = -A x - G x' + B u`. Nothing is trained: `fit` checks the spectra and their axis,
    and measures the size of their derivatives for weights that read these.

    Parameters
    ----------
    weights : str, path-like or fitted SpektronPretrainer, default="small"
        Name of weights that ship with the package, a file that `SpektronPretrainer.save`
        wrote, or the pretrainer itself, which clones share.
    wavelength : array-like of shape (n_features,), default=None
        Axis of `X` in nm, strictly monotonic, in the order of its columns. Numbers of no
        axis in nm are refused; a range of cm-1 warns.
    wavenumber : array-like of shape (n_features,), default=None
        The same in cm-1; Raman shifts may be 0 or negative. Without either axis it is read from
        column names that are strings such as "1100.0" or "4000 cm-1"; without those, the channels
        are placed evenly from 10000 to 4000 cm-1, with a warning.
    domain : {"NIR", "IR", "RAMAN", "UNKNOWN"}, default=None
        Kind of the spectra, for a network with a domain token; None is "UNKNOWN".
    pooling : {"tokens", "mean", "latent"}, default="tokens"
        "tokens" concatenates the tokens of all patches, (number of patches) x (width of the
        network) outputs. "mean" averages them, which is better for clustering than for
        calibration. "latent" is the network's representation of the whole spectrum after all
        blocks (``n_layers=None``): its CLS or mean token, a point on the unit sphere, or the
        chemistry part of a bottleneck.
    n_layers : int or None, default=1
        Number of blocks after which tokens are read. None: all blocks and the final norm, as for
        the reconstruction of hidden patches. The norm removes the scale of every token, which
        calibration needs. The weights "small" have one block.
    batch_size : int, default=256
        Spectra per forward pass; affects memory and speed only.
    device : str, default=None
        torch device, such as "cpu" or "cuda". None: a GPU if there is one.

    Attributes
    ----------
    network_ : object
        The frozen network; clones and unpickled copies in one process share it.
    wavenumber_ : ndarray of shape (n_features_in_,)
        Axis of the spectra in cm-1.
    derivative_scale_ : float or None
        What derivatives are divided by, in the unit of `X` per cm-1: the median over the spectra of
        `fit` of their root mean square. None for weights that do not use it.
    device_ : str
        Device of the network.
    n_features_in_ : int
        Number of spectral channels.

    See Also
    --------
    SpektronPretrainer : Trains such a network on spectra without reference values.
    SpektronImputer : Fills in channels that some spectra lack.
    skspektron.preprocessing.SNV : Step before weights without a normalization of their own.

    Notes
    -----
    NaN marks a channel that was not measured. A patch with more than half of its channels missing
    is ignored. The embedding of a spectrum without any usable patch is zero, with a warning.
    `transform` also warns of spectra that lack channels which all spectra of `fit` have: their
    embeddings differ from those that later steps were fitted on. The outputs of a patch that is
    ignored are zero, which later steps take for values: scattered gaps spoil a calibration, unless
    `SpektronImputer` fills them before.
    The weights "small" give 16 outputs per channel: linear functions of SNV and derivatives at the
    31 channels around it plus the output of the block. They have ``normalize="snv+derivative"`` in
    their `Architecture` and take spectra without a step before, in any unit, but the same in `fit`
    and `transform`; after `SNV`, their derivative lacks the size of the spectra. Put `SNV` before
    weights with ``normalize=None``.
    The embedding of a spectrum does not depend on the other spectra of a batch.
    The network computes in single precision: outputs at channels that are equal in all spectra, as
    in a saturated band, vary by rounding errors. Do not scale outputs by their deviation in later
    steps: ``PLSRegression(scale=False)``.
    Embeddings are cached for the life of the process (up to 256 MiB, of all weights together), so
    that a search computes each one once.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).

    Examples
    --------
    >>> import numpy as np
    >>> from skspektron import SpektronEmbedder
    >>> from skspektron.datasets import make_instruments
    >>> data = make_instruments(5, random_state=0)
    >>> embedder = SpektronEmbedder(wavelength=data.wavelength, pooling="mean")
    >>> embedder.fit_transform(data.X["A"]).shape
    (5, 16)
    """

    _parameters: ClassVar[Rules] = {
        "weights": WEIGHTS,
        "wavelength": WAVELENGTH,
        "wavenumber": WAVENUMBER,
        "domain": DOMAIN | None,
        "pooling": Choice(_poolings),
        "n_layers": Integer(0) | None,
        "batch_size": Integer(1),
    }

    _when_slow = None  # nothing is trained; the first fit of a process loads torch
    _reads_any_grid = True  # in transfer methods, a frozen one gets rows with their gaps

    def __init__(
        self,
        weights: Weights = "small",
        *,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        domain: str | None = None,
        pooling: str = "tokens",
        n_layers: int | None = 1,
        batch_size: int = 256,
        device: str | None = None,
    ):
        self.weights = weights
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.domain = domain
        self.pooling = pooling
        self.n_layers = n_layers
        self.batch_size = batch_size
        self.device = device

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Check the spectra `X` and their axis, and set `derivative_scale_`."""
        from ._weights import resolve_weights

        check_parameters(self)
        X = with_text_names(X)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        self.wavenumber_ = self._resolve_axis(X.shape[1])
        self.device_ = self._resolve_device()
        self.network_ = resolve_weights(self.weights)
        self.network_.architecture.for_channels(X.shape[1])
        self._complete = complete_channels(X)
        self._check_readout(self.network_.architecture)
        n_tokens = self.network_.architecture.n_tokens(X.shape[1])
        self._n_features_out = {
            "tokens": n_tokens * self.network_.architecture.d_model,
            "mean": self.network_.architecture.d_model,
            "latent": self.network_.on("cpu").d_latent,
        }[self.pooling]
        self.derivative_scale_ = self._measure_derivative(X)
        self._warn_of_gaps(X)
        return self

    def _warn_of_gaps(self, X) -> None:
        """Warn of tokens that some spectra of fit lack, and others have."""
        if self.pooling == "latent" or not np.isnan(X).any():
            return
        tokens = self.network_.tokens_of(self._to_spectra(X))
        tokens = tokens[tokens.any(axis=1)]  # `transform` warns of empty spectra
        n_lacking = np.count_nonzero(tokens.any(axis=0) & ~tokens, axis=1)
        if n_lacking.any():
            warn_user(
                f"{np.count_nonzero(n_lacking)} of {len(tokens)} spectra lack up to "
                f"{n_lacking.max()} of {tokens.shape[1]} tokens that others have, because channels "
                "are missing. Their outputs are zero, which later steps take for values: put "
                "SpektronImputer before, or pass spectra that lack the same channels.",
            )

    def _check_readout(self, architecture) -> None:
        """Raise ValueError for a depth or a domain that the network does not have."""
        if self.n_layers is not None and self.n_layers not in range(architecture.depth + 1):
            raise ValueError(
                f"n_layers must be None or an int from 0 to {architecture.depth}, the number of "
                f"blocks of the network, got {self.n_layers!r}. Pass 1, the default."
            )
        if self.pooling == "latent" and self.n_layers is not None:
            raise ValueError(
                f"n_layers must be None with pooling='latent', got {self.n_layers!r}. Pass "
                f"n_layers=None: the latent is read after all {architecture.depth} blocks."
            )
        if self.domain is not None and not architecture.domain_token:
            raise ValueError(
                f"domain must be None for a network without a domain token, got {self.domain!r}. "
                "Pass domain=None, or weights with a domain token."
            )

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the embeddings of `X`, (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = check_new_spectra(self, X)
        self._warn_of_missing_channels(X)
        Z, n_empty = self._embed(X)
        if n_empty:
            warn_user(
                f"{n_empty} of {len(X)} spectra have no patch of "
                f"{self.network_.architecture.patch_length} channels of which at least half are "
                "measured. Their embedding is zero: drop them, or use weights with shorter "
                "patches.",
            )
        return Z

    def _embed(self, X):
        """Return the embeddings of checked spectra, and how many have no patch to embed."""
        from .._bridge import one_torch_thread, work_of

        network = self.network_
        with one_torch_thread(work_of(network.on("cpu"), self.batch_size)):
            spectra = self._to_spectra(X)
            self._warn_of_unit(spectra)
            n_empty = np.count_nonzero(~network.usable(spectra))
            Z = network.embed(
                spectra,
                pooling=self.pooling,
                n_layers=self.n_layers,
                batch_size=self.batch_size,
                device=self.device_,
            )
        return Z, n_empty

    def _warn_of_unit(self, spectra) -> None:
        """Warn of spectra whose derivatives are not of the size of those in fit."""
        from .._bridge import derivative_scale, derivative_sizes

        if getattr(self, "derivative_scale_", None) is None:
            return
        sizes = derivative_sizes(spectra)
        ratio = derivative_scale(sizes) / self.derivative_scale_
        if sizes.any() and not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
            warn_user(
                f"The derivatives of X are {ratio:.2g} times those of the spectra of fit, as in "
                "another unit, and the network reads their size. Pass spectra in the unit of fit, "
                "or put SNV() before SpektronEmbedder.",
            )

    def _warn_of_missing_channels(self, X) -> None:
        """Warn of spectra that lack channels which all spectra of fit had."""
        complete = getattr(self, "_complete", None)
        if complete is None:
            return
        missing = np.isnan(X)
        missing = missing[~missing.all(axis=1)]  # `transform` warns of empty spectra
        n_missing = np.count_nonzero(missing[:, complete], axis=1)
        if n_missing.any():
            warn_user(
                f"{np.count_nonzero(n_missing)} of {len(X)} spectra lack up to {n_missing.max()} "
                f"of the {np.count_nonzero(complete)} channels that all spectra of fit have. Their "
                "embeddings differ from those of complete spectra, and so will predictions: "
                "measure these channels, or fit on spectra without them.",
            )

    def _to_spectra(self, X):
        """Return checked spectra as tensors."""
        from .._bridge import to_spectra

        labels = {}
        if self.domain is not None:
            labels["domain"] = number_domains(self.domain, None, len(X))
        if getattr(self, "derivative_scale_", None) is not None:
            labels["derivative_scale"] = np.full(len(X), self.derivative_scale_)
        if self.network_.architecture.inputs != ("scaled",):  # an offset is of no use, but rounded
            X = centre(X)
        return to_spectra(X, [self.wavenumber_], np.zeros(len(X), dtype=int), **labels)

    def _measure_derivative(self, X):
        """Return the scale of the derivatives of checked spectra, None if it is not used."""
        from .._bridge import derivative_scale, derivative_sizes

        architecture = self.network_.architecture
        if "derivative" not in architecture.inputs or architecture.derivative_scale == "corpus":
            return None
        self.derivative_scale_ = None  # spectra without one
        return derivative_scale(derivative_sizes(self._to_spectra(X)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def embed(pretrainer: Any, X: ArrayLike) -> NDArray[Any]:
    """Return the mean tokens of `X`, on the one axis of a fitted pretrainer.

    Derivatives are divided by the scale of its corpus, whatever the other rows of `X`.
    """
    embedder = _embedder_of(pretrainer).fit(X)
    embedder.derivative_scale_ = None
    return embedder.transform(X)


def _embedder_of(pretrainer: Any) -> SpektronEmbedder:
    """Return the embedder that a fitted pretrainer transforms spectra of its one axis with."""
    if isinstance(pretrainer.wavenumber_, dict):
        raise ValueError(
            "This pretrainer was trained on several axes, and the axis of X is not known. Pass it "
            "to SpektronEmbedder(weights=pretrainer, wavenumber=...)."
        )
    if isinstance(pretrainer.domain_, list):
        raise ValueError(
            f"This pretrainer was trained on {', '.join(pretrainer.domain_)}, and the kind of X is "
            "not known. Pass it to SpektronEmbedder(weights=pretrainer, domain=...)."
        )
    return SpektronEmbedder(
        pretrainer,
        wavenumber=pretrainer.wavenumber_,
        domain=pretrainer.domain_,
        pooling="mean",
        n_layers=min(1, pretrainer.network_.architecture.depth),
        device=pretrainer.device,
    )

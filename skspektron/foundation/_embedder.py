"""Spectra as embeddings of a pretrained network."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TorchEstimatorMixin
from .._documentation import DocumentedEstimator
from .._typing import Weights
from .._validation import check_counts
from ._corpus import number_domains

if TYPE_CHECKING:
    from typing_extensions import Self


class SpektronEmbedder(
    TorchEstimatorMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocumentedEstimator
):
    r"""Represent spectra by what a pretrained network makes of them.

    The network reads neighbouring channels on the instrument's own axis, so one set of weights
    serves every grid. Its blocks are banks of damped oscillators along the axis, D-LinOSS [1]_,
    whose states x answer what they read, u, as :math:`x'' = -A x - G x' + B u`. Nothing is trained
    here: `fit` checks the spectra and their axis.

    Parameters
    ----------
    weights : str, path-like or fitted SpektronPretrainer, default="small"
        Name of weights that ship with the package, a file that `SpektronPretrainer.save`
        wrote, or the pretrainer itself, which clones share.
    wavelength : array-like of shape (n_features,), default=None
        Axis of `X` in nm, strictly monotonic.
    wavenumber : array-like of shape (n_features,), default=None
        Axis of `X` in cm-1, strictly monotonic. Without either axis, string column names
        such as "1100.0" are read as one; without those, the channels are placed evenly from
        10000 to 4000 cm-1, with a warning.
    domain : {"NIR", "IR", "RAMAN", "UNKNOWN"}, default=None
        Kind of the spectra, for a network with a domain token; None is "UNKNOWN".
    pooling : {"tokens", "mean", "latent"}, default="tokens"
        "tokens" keeps every patch's token side by side, (number of patches) x (width of the
        network) outputs in which wavelengths stay apart; "mean" averages them, which serves
        clustering better than calibration; "latent" is what the network reads a spectrum as: its
        CLS or mean token, a point of the unit sphere, or the chemistry part of a bottleneck,
        behind all blocks (``n_layers=None``).
    n_layers : int or None, default=1
        Number of the network's blocks that a spectrum passes before its tokens are read; None:
        all of them and the last norm, which is what reconstructs hidden patches. The norm takes
        the scale of every token away, which calibration needs; the weights "small" have one
        block.
    batch_size : int, default=256
        Spectra that go through the network at once; changes memory and speed only.
    device : str, default=None
        torch device, such as "cpu" or "cuda"; None is a GPU where there is one.

    Attributes
    ----------
    network_ : object
        The frozen network; clones and unpickled copies in one process share it.
    wavenumber_ : ndarray of shape (n_features_in_,)
        Axis of the spectra in cm-1.
    device_ : str
        Where embeddings are computed.
    n_features_in_ : int
        Number of spectral channels.

    See Also
    --------
    SpektronPretrainer : Trains such a network on spectra without reference values.
    skspektron.preprocessing.SNV : The scale the shipped weights were trained on.

    Notes
    -----
    NaN marks a channel that was not measured. A patch with more than half of its channels
    missing is left out; a spectrum without any usable patch becomes zeros, with a warning.
    The weights "small" give 16 outputs a channel: a linear view of the 31 channels around it and
    what the block adds. Embeddings do not depend on the other spectra of a batch. They are
    remembered for the life of the process (up to 256 MiB a set of weights), so that a search
    pays once.

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

    _reads_any_grid = True  # transfers leave its spectra on the channels of their instrument

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

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Check the spectra `X` and their axis; nothing is learnt."""
        from .._bridge import POOLINGS
        from ._weights import resolve_weights

        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        if self.pooling not in POOLINGS:
            raise ValueError(
                f"pooling is {self.pooling!r}. Pass one of {', '.join(map(repr, POOLINGS))}."
            )
        check_counts(self, batch_size=1)
        self.wavenumber_ = self._resolve_axis(X.shape[1])
        self.device_ = self._resolve_device()
        self.network_ = resolve_weights(self.weights)
        self.network_.architecture.for_channels(X.shape[1])
        self._check_readout(self.network_.architecture)
        n_tokens = self.network_.architecture.n_tokens(X.shape[1])
        self._n_features_out = {
            "tokens": n_tokens * self.network_.architecture.d_model,
            "mean": self.network_.architecture.d_model,
            "latent": self.network_.on("cpu").d_latent,
        }[self.pooling]
        return self

    def _check_readout(self, architecture) -> None:
        """Refuse to read from a place or with a token that the network does not have."""
        if self.n_layers is not None and self.n_layers not in range(architecture.depth + 1):
            raise ValueError(
                f"n_layers is {self.n_layers!r}, the network has {architecture.depth} blocks. "
                f"Pass an int from 0 to {architecture.depth}, or None."
            )
        if self.pooling == "latent" and self.n_layers is not None:
            raise ValueError(
                f"pooling='latent' reads behind all {architecture.depth} blocks and n_layers is "
                f"{self.n_layers}. Pass n_layers=None."
            )
        if self.domain is not None and not architecture.domain_token:
            raise ValueError(
                f"domain is {self.domain!r} and the network has no token for it. Leave it out, or "
                "use weights with a domain token."
            )

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the embeddings of `X`, (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        spectra = self._to_spectra(X)
        n_empty = np.count_nonzero(~self.network_.usable(spectra))
        if n_empty:
            warnings.warn(
                f"{n_empty} of {len(X)} spectra have no patch of "
                f"{self.network_.architecture.patch_length} channels of which half are measured: "
                "their embedding is zero. Drop them, or use weights with shorter patches.",
                stacklevel=2,
            )
        return self.network_.embed(
            spectra,
            pooling=self.pooling,
            n_layers=self.n_layers,
            batch_size=self.batch_size,
            device=self.device_,
        ).astype(np.float64)

    def _to_spectra(self, X):
        """Return checked rows as the network reads them."""
        from .._bridge import to_spectra

        domain = None if self.domain is None else number_domains(self.domain, None, len(X))
        return to_spectra(X, [self.wavenumber_], np.zeros(len(X), dtype=int), domain=domain)

    def __sklearn_clone__(self):
        # A fitted pretrainer is weights here, not a hyper-parameter to be forgotten.
        clone = super().__sklearn_clone__()
        clone.weights = self.weights
        return clone

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

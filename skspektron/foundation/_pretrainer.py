"""Self-supervised pretraining of a network on spectra."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TorchEstimatorMixin
from .._validation import check_counts, check_labels
from ._grids import axes_by_instrument, distinct_axes


class SpektronPretrainer(
    TorchEstimatorMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Train a network to fill in hidden patches of spectra; no reference values are needed.

    Patches of neighbouring channels are hidden, in value space, before anything is computed
    from them; bidirectional D-LinOSS blocks [1]_ see the rest, and the squared error of
    the hidden channels is what is minimised [2]_.

    Parameters
    ----------
    architecture : str or Architecture, default="small"
        Name of a preset ("tiny", "small") or the dataclass with all sizes; it is stored in
        every file.
    objectives : mapping of str to float, default=None
        Weight of every objective. None is ``{"masked": 1.0}``: reconstruct hidden patches.
    mask_ratio : float, default=0.35
        Share of a spectrum's patches that are hidden. Typical: 0.3 to 0.4.
    wavelength : array-like of shape (n_features,) or dict of them, default=None
        Axis of `X` in nm. A dict gives one axis an instrument: rows of shorter
        axes are padded with NaN at the end, as `stack_instruments` does.
    wavenumber : array-like of shape (n_features,) or dict of them, default=None
        The same in cm-1; never both. Without either, as in `SpektronEmbedder`.
    max_steps : int, default=2000
        Optimiser steps.
    batch_size : int, default=64
        Spectra in a step.
    learning_rate : float, default=1e-3
        Peak rate of AdamW; it rises over `warmup_steps` and falls along a cosine to a
        hundredth. The mask token learns at ten times the rate.
    weight_decay : float, default=0.01
        Of weight matrices; biases, norms, poles and tokens do not decay.
    warmup_steps : int, default=100
        Steps over which the learning rate rises.
    report_every : int, default=100
        Steps between records in `history_`, moves of the progress bar and checkpoints.
    checkpoint : path-like, default=None
        File that is written after every report and from which an interrupted `fit` with the
        same settings and data goes on, to the same weights.
    device : str, default=None
        torch device; None is a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Initial weights, order of the spectra and masks. An int is needed to resume.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    network_ : object
        The trained network.
    history_ : list of dict
        One record a report: `step`, the mean training loss and every objective's since the
        last one, and on fixed spectra and masks `masked_mse` beside its two baselines, the
        mean training spectrum (`mean_mse`) and linear interpolation (`interpolation_mse`).
    frequency_, damping_ : ndarray of shape (n_layers, d_state)
        Angular frequency sqrt(A) and damping G of every oscillator, per token.
    n_steps_ : int
        Optimiser steps taken, `partial_fit` included.
    wavenumber_ : ndarray of shape (n_features_in_,) or dict of them
        Axis, or axes by instrument, in cm-1; `save` leaves several axes out.
    n_features_in_ : int
        Number of spectral channels.

    See Also
    --------
    SpektronEmbedder : Puts the trained network into a pipeline.

    Notes
    -----
    A masked error well below both baselines is the sign that something was learnt. When
    interpolation is better than the mean spectrum, `fit` warns: the patches are too short. It
    also warns of spectra in which no patch, or every patch, would be hidden, and leaves them out.
    Spectra with too few measured patches to hide one and see one are left out, with a
    warning. Training costs O(n_channels) a spectrum.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).
    .. [2] He, Chen, Xie, Li, Dollar & Girshick, CVPR (2022) 16000-16009.

    Examples
    --------
    >>> from skspektron import SpektronPretrainer
    >>> from skspektron.datasets import make_instruments
    >>> data = make_instruments(40, wavelength=range(1100, 1900, 10), random_state=0)
    >>> pretrainer = SpektronPretrainer(
    ...     "tiny", wavelength=data.wavelength, max_steps=20, warmup_steps=5, random_state=0)
    >>> pretrainer.fit(data.X["A"]).transform(data.X["B"]).shape
    (40, 16)
    """

    __metadata_request__fit = {"instrument": True, "sample_id": True}  # noqa: RUF012
    __metadata_request__partial_fit = {"instrument": True, "sample_id": True}  # noqa: RUF012

    def __init__(
        self,
        architecture="small",
        *,
        objectives: Mapping[str, float] | None = None,
        mask_ratio: float = 0.35,
        wavelength=None,
        wavenumber=None,
        max_steps: int = 2000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        warmup_steps: int = 100,
        report_every: int = 100,
        checkpoint=None,
        device: str | None = None,
        random_state=None,
        verbose: int = 0,
    ):
        self.architecture = architecture
        self.objectives = objectives
        self.mask_ratio = mask_ratio
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.report_every = report_every
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None, *, instrument=None, sample_id=None):
        """Pretrain on the spectra `X` from new weights."""
        from .._nn.architecture import resolve_architecture
        from .._training._pretraining import new_network

        self._check_parameters()
        seed = self._draw_seed()
        X, axes, grid = self._check_spectra(X, instrument, sample_id, reset=True)
        network = new_network(resolve_architecture(self.architecture), seed)
        self.history_, self.n_steps_ = [], 0
        return self._train(network, X, axes, grid, seed, self.checkpoint)

    def partial_fit(self, X, y=None, *, instrument=None, sample_id=None):
        """Train for `max_steps` more, on `X`, with a learning-rate cycle of their own."""
        if not hasattr(self, "network_"):
            return self.fit(X, instrument=instrument, sample_id=sample_id)
        self._check_parameters()
        seed = self._draw_seed() + self.n_steps_
        X, axes, grid = self._check_spectra(X, instrument, sample_id, reset=False)
        # The network that embedders share stays as it is; its successor is a copy.
        network = copy.deepcopy(self.network_.on("cpu")).requires_grad_(True)
        return self._train(network, X, axes, grid, seed, None)

    def transform(self, X):
        """Return the mean token of every spectrum of `X`, (n_samples, d_model)."""
        from ._embedder import SpektronEmbedder

        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        if isinstance(self.wavenumber_, dict):
            raise ValueError(
                "This pretrainer was trained on several axes and X does not say which it is on. "
                "Pass it to SpektronEmbedder(weights=pretrainer, wavenumber=...)."
            )
        embedder = SpektronEmbedder(
            self, wavenumber=self.wavenumber_, pooling="mean", device=self.device
        )
        return embedder.fit_transform(X)

    def save(self, path, *, corpus: Sequence[str] | None = None) -> None:
        """Write the network, its history and, when it is one, its axis to a safetensors file.

        Parameters
        ----------
        path : str or path
            File to write.
        corpus : sequence of str, default=None
            Names of the data sets that were trained on, for those who use the weights: see
            `describe_weights`.
        """
        from ._weights import save_network

        check_is_fitted(self)
        axes = self.wavenumber_
        save_network(
            path,
            self.network_,
            {
                "parameters": {k: v for k, v in self._settings().items() if k != "architecture"},
                "corpus": None if corpus is None else list(corpus),
                "history": self.history_,
                "n_steps": self.n_steps_,
                "n_features_in": self.n_features_in_,
                "wavenumber": None if isinstance(axes, dict) else list(axes),
            },
        )

    @classmethod
    def load(cls, path) -> "SpektronPretrainer":
        """Return the fitted pretrainer that `save` wrote."""
        from ._weights import load_network

        network, record = load_network(path)
        axis = record["wavenumber"]
        self = cls(network.architecture, wavenumber=axis, **record["parameters"])
        self.wavenumber_ = {} if axis is None else np.array(axis)
        self.n_features_in_ = record["n_features_in"]
        self.history_, self.n_steps_ = record["history"], record["n_steps"]
        self._keep(network)
        return self

    def _train(self, network, X, axes, grid, seed, checkpoint):
        """Pretrain `network` and keep it."""
        from .._bridge import FrozenNetwork, to_spectra
        from .._training._pretraining import pretrain

        self.device_ = self._resolve_device()
        settings = self._settings()
        data = sha256()
        for array in (X, grid, *axes):
            data.update(np.ascontiguousarray(array))
        records = pretrain(
            network,
            to_spectra(X, axes, grid),
            **{k: v for k, v in settings.items() if k != "architecture"},
            seed=seed,
            device=self.device_,
            verbose=self.verbose,
            checkpoint=checkpoint,
            fingerprint={**settings, "random_state": seed, "X": data.hexdigest()},
        )
        self.history_ = [
            *self.history_,
            *({**record, "step": int(record["step"]) + self.n_steps_} for record in records),
        ]
        self.n_steps_ = int(self.history_[-1]["step"]) if self.history_ else 0
        self._keep(FrozenNetwork.of(network.architecture, network.state_dict()))
        return self

    def _keep(self, network):
        """Set the fitted attributes that follow from the network."""
        from .._bridge import to_array

        self.network_ = network
        oscillators = [block.filter.oscillators() for block in network.on("cpu").blocks]
        self.frequency_, self.damping_ = (
            np.stack([to_array(values) for values in layers])
            for layers in zip(*oscillators, strict=True)
        )
        self._n_features_out = network.architecture.d_model

    def _settings(self) -> dict:
        """Return what the trained weights depend on, beside the data and the seed."""
        from .._nn.architecture import resolve_architecture

        names = (
            "mask_ratio max_steps batch_size learning_rate weight_decay warmup_steps report_every"
        )
        return {
            "architecture": asdict(resolve_architecture(self.architecture)),
            "objectives": dict({"masked": 1.0} if self.objectives is None else self.objectives),
            # item(): numpy's numbers cannot be written to a file's JSON header.
            **{name: np.asarray(getattr(self, name)).item() for name in names.split()},
        }

    def _check_parameters(self):
        """Refuse settings that cannot train."""
        from .._nn.objectives import OBJECTIVES

        check_counts(self, max_steps=1, batch_size=1, report_every=1, warmup_steps=0)
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio is {self.mask_ratio}. Pass a share between 0 and 1.")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}. Pass a positive rate.")
        objectives = self._settings()["objectives"]
        unknown = sorted(set(objectives) - set(OBJECTIVES))
        if unknown or not objectives:
            raise ValueError(
                f"objectives names {unknown or 'nothing'}. Pass a mapping from "
                f"{', '.join(map(repr, OBJECTIVES))} to weights."
            )

    def _check_spectra(self, X, instrument, sample_id, *, reset):
        """Return spectra, the axes they lie on in cm-1, and the number of each row's axis."""
        X = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset, copy=False
        )
        for name, labels in {"instrument": instrument, "sample_id": sample_id}.items():
            if labels is not None:
                check_labels(labels, len(X), name)
        if not isinstance(self.wavelength, Mapping) and not isinstance(self.wavenumber, Mapping):
            self.wavenumber_ = self._resolve_axis(X.shape[1])
            return X, [self.wavenumber_], np.zeros(len(X), dtype=int)
        self.wavenumber_, rows = axes_by_instrument(
            X, instrument, wavelength=self.wavelength, wavenumber=self.wavenumber
        )
        return X, *distinct_axes(self.wavenumber_, rows)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

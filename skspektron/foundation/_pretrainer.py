"""Self-supervised pretraining of a network on spectra."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TorchEstimatorMixin, plain
from .._documentation import DocumentedEstimator
from .._typing import ChannelValues, PathLike, RandomState
from .._validation import check_counts
from ._corpus import (
    ArchiveCorpus,
    Corpus,
    is_archive,
    number_domains,
    number_labels,
    only_domain,
    place_noise,
    refuse_twice,
)
from ._grids import axes_by_instrument, distinct_axes
from ._objectives import check_labelled, check_needs, check_objectives

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..datasets import SpektraArchive
    from ._architecture import Architecture

# What the weights depend on, beside architecture, objectives, data and seed.
SETTINGS = (
    "mask_ratio",
    "max_steps",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "warmup_steps",
    "precision",
    "ema_decay",
    "n_iter_no_change",
    "validation_fraction",
    "report_every",
)


class SpektronPretrainer(
    TorchEstimatorMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocumentedEstimator
):
    r"""Train a network to fill in hidden patches of spectra; no reference values are needed.

    Patches of neighbouring channels are hidden, in value space, before anything is computed
    from them; bidirectional D-LinOSS blocks [1]_ see the rest, and the squared error of
    the hidden channels M is what is minimised [2]_, :math:`|M|^{-1} \sum_{j \in M}
    (x_j - \hat x_j)^2`. Other networks are put together with
    `Architecture`, and other objectives are added with `objectives`.

    Parameters
    ----------
    architecture : str or Architecture, default="small"
        Name of a preset ("tiny", "small", "calibration", "base", or the published "spektron",
        "panchromatic", "chemomae") or the dataclass with all parts and sizes; it is stored in
        every file.
    objectives : mapping of str to float, default=None
        Weight of every objective. None is ``{"masked": 1.0}``: reconstruct hidden patches. See
        Notes for the others and what they need.
    mask_ratio : float, default=0.35
        Share of a spectrum's patches that are hidden. Typical: 0.3 to 0.4.
    wavelength : array-like of shape (n_features,) or dict of them, default=None
        Axis of `X` in nm. A dict gives one axis an instrument: rows of shorter
        axes are padded with NaN at the end, as `stack_instruments` does.
    wavenumber : array-like of shape (n_features,) or dict of them, default=None
        The same in cm-1; never both. Without either, as in `SpektronEmbedder`.
    domain : {"NIR", "IR", "RAMAN", "UNKNOWN"} or dict of them, default=None
        Kind of the spectra, or of every instrument's, for a network with a domain token.
    noise : array-like of shape (n_features,) or dict of them, default=None
        Standard deviation of every channel's noise, or that of every instrument, in the unit of
        `X`: squared errors are divided by its square, and channels where it is 0 or NaN do not
        count. None: all channels count alike.
    max_steps : int, default=2000
        Optimiser steps.
    batch_size : int, default=64
        Spectra in a step.
    micro_batch_size : int, default=None
        Spectra that are computed at once, for batches that do not fit into memory: gradients are
        summed over parts of a batch before a step. Objectives that compare the spectra of a
        batch see those of a part. None: the whole batch.
    learning_rate : float, default=1e-3
        Peak rate of AdamW; it rises over `warmup_steps` and falls along a cosine to a
        hundredth. The mask token learns at ten times the rate.
    weight_decay : float, default=0.01
        Of weight matrices; biases, norms, poles and tokens do not decay.
    warmup_steps : int, default=100
        Steps over which the learning rate rises.
    precision : {"float32", "bfloat16"}, default="float32"
        "bfloat16" computes what bears it in 16 bits, the oscillators and the weights stay in 32.
        Refused on a CPU without such units, where it is slower.
    ema_decay : float, default=None
        Keep the exponential moving average of the weights with this decay, such as 0.999; None:
        keep the last weights.
    n_iter_no_change : int, default=None
        Stop after as many reports without a lower `masked_mse` on samples that are held out, and
        keep the best weights. None: train all steps on all spectra.
    validation_fraction : float, default=0.1
        Share of the samples that are held out with `n_iter_no_change`.
    report_every : int, default=100
        Steps between records in `history_`, moves of the progress bar and checkpoints.
    checkpoint : path-like, default=None
        File that is written after every report and from which an interrupted `fit` with the
        same settings and data goes on, to the same weights.
    log : path-like, default=None
        File to which every record of `history_` is appended as a line of JSON when it is made.
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
        Angular frequency sqrt(A) and damping G of every oscillator, per token. With the
        "dlinoss" backbone.
    patch_kernels_ : ndarray of shape (d_model, n_channels)
        What the channels under a token are weighed with, from low to high wavenumber: those of a
        patch, or around a channel. With the "patch" and "raw" tokenizers.
    device_ : str
        Where it was trained.
    n_steps_ : int
        Optimiser steps taken, `partial_fit` included.
    wavenumber_ : ndarray of shape (n_features_in_,) or dict of them
        Axis, or axes by instrument, in cm-1; of an archive with several axes, by file. `save`
        leaves several axes out.
    domain_ : str, list of str or None
        Kind of the spectra, or kinds, where the network has a token for it.
    n_features_in_ : int
        Number of spectral channels.

    See Also
    --------
    SpektronEmbedder : Puts the trained network into a pipeline.
    skspektron.datasets.SpektraArchive : Spectra in files, to `fit` in place of `X` where they do
        not fit into memory.

    Notes
    -----
    Objectives, and what `fit` refuses them without:

    - "masked" and "denoising": reconstruct hidden channels, or a spectrum with noise, drift and
      shift added to it.
    - "byol" [3]_, "infonce" [4]_: latents of a sample agree between instruments; `instrument`
      and `sample_id`, with samples on several instruments.
    - "sinkhorn" [5]_: the latents of instruments have one distribution; `instrument`.
    - "bottleneck" [6]_: a chemistry part of the latent that does not tell the instrument, and an
      instrument part that does; `instrument`, ``latent="vib"``.
    - "smoothness", "non_negativity", "derivative", "peak_symmetry", "wasserstein" of the
      reconstruction and "beer_lambert", mixtures of spectra have mixed latents: absorbance,
      which SNV and derivatives are not.
    - "balance": experts are used alike; ``n_experts`` of 2 or more.
    - "calibration" [7]_: a ridge on the embedding of 25 to 55 spectra predicts others, in 40 % of
      the draws those of another instrument; `y`, with 35 labelled samples on an instrument,
      `instrument` and `sample_id` where there are several. A step draws one for every 64
      spectra of `batch_size`, which is not cut.

    A masked error well below both baselines is the sign that something was learnt. When
    interpolation is better than the mean spectrum, `fit` warns: the patches are too short. It
    also warns of spectra in which no patch, or every patch, would be hidden, and leaves them out.
    Training costs O(n_channels) a spectrum, and with attention the square of its tokens.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).
    .. [2] He, Chen, Xie, Li, Dollar & Girshick, CVPR (2022) 16000-16009.
    .. [3] Grill, Strub, Altche et al., NeurIPS 33 (2020) 21271-21284.
    .. [4] van den Oord, Li & Vinyals, arXiv:1807.03748 (2018).
    .. [5] Feydy, Sejourne, Vialard et al., AISTATS (2019) 2681-2690.
    .. [6] Ganin, Ustinova, Ajakan et al., J. Mach. Learn. Res. 17 (2016) 1-35.
    .. [7] Bertinetto, Henriques, Torr & Vedaldi, ICLR (2019), arXiv:1805.08136.

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

    history_: list[dict[str, Any]]
    wavenumber_: NDArray[np.float64] | dict[Any, NDArray[np.float64]]

    def __init__(
        self,
        architecture: str | Architecture = "small",
        *,
        objectives: Mapping[str, float] | None = None,
        mask_ratio: float = 0.35,
        wavelength: ChannelValues = None,
        wavenumber: ChannelValues = None,
        domain: str | Mapping[str, str] | None = None,
        noise: ChannelValues = None,
        max_steps: int = 2000,
        batch_size: int = 64,
        micro_batch_size: int | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        warmup_steps: int = 100,
        precision: str = "float32",
        ema_decay: float | None = None,
        n_iter_no_change: int | None = None,
        validation_fraction: float = 0.1,
        report_every: int = 100,
        checkpoint: PathLike | None = None,
        log: PathLike | None = None,
        device: str | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ):
        self.architecture = architecture
        self.objectives = objectives
        self.mask_ratio = mask_ratio
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.domain = domain
        self.noise = noise
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.micro_batch_size = micro_batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.precision = precision
        self.ema_decay = ema_decay
        self.n_iter_no_change = n_iter_no_change
        self.validation_fraction = validation_fraction
        self.report_every = report_every
        self.checkpoint = checkpoint
        self.log = log
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike | SpektraArchive,
        y: ArrayLike | None = None,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Pretrain on the spectra `X`, an array or a `SpektraArchive`, from new weights.

        `y`, (n_samples,) or (n_samples, n_targets) with NaN where unknown, is read by the
        objective "calibration" alone.
        """
        from .._training._pretraining import new_network

        self._check_parameters()
        seed = self._draw_seed()
        corpus = self._check_spectra(X, y, instrument, sample_id, reset=True)
        architecture = self._architecture()
        for axis in corpus.axes:
            architecture = architecture.for_channels(len(axis))
        check_needs(self._objectives(), architecture, corpus)
        network = new_network(architecture, seed)
        self.history_, self.n_steps_, self._hold_out_seed = [], 0, seed
        return self._train(network, corpus, seed, self.checkpoint)

    def partial_fit(
        self,
        X: ArrayLike | SpektraArchive,
        y: ArrayLike | None = None,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Train for `max_steps` more, on `X`, with a learning-rate cycle of their own."""
        if not hasattr(self, "network_"):
            return self.fit(X, y, instrument=instrument, sample_id=sample_id)
        self._check_parameters()
        seed = self._draw_seed() + self.n_steps_
        corpus = self._check_spectra(X, y, instrument, sample_id, reset=False)
        check_needs(self._objectives(), self.network_.architecture, corpus)
        # The network that embedders share stays as it is; its successor is a copy.
        network = copy.deepcopy(self.network_.on("cpu")).requires_grad_(True)
        return self._train(network, corpus, seed, None)

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the mean token of every spectrum of `X`, (n_samples, d_model).

        It is read as `SpektronEmbedder` does by default, behind the first block.
        """
        from ._embedder import SpektronEmbedder

        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        if isinstance(self.wavenumber_, dict):
            raise ValueError(
                "This pretrainer was trained on several axes and X does not say which it is on. "
                "Pass it to SpektronEmbedder(weights=pretrainer, wavenumber=...)."
            )
        if isinstance(self.domain_, list):
            raise ValueError(
                f"This pretrainer was trained on {', '.join(self.domain_)} and X does not say "
                "which it is. Pass it to SpektronEmbedder(weights=pretrainer, domain=...)."
            )
        embedder = SpektronEmbedder(
            self,
            wavenumber=self.wavenumber_,
            domain=self.domain_,
            pooling="mean",
            n_layers=min(1, self.network_.architecture.depth),
            device=self.device,
        )
        return embedder.fit_transform(X)

    def save(self, path: PathLike, *, corpus: Sequence[str] | None = None) -> None:
        """Write the network, its history and, when it is one, its axis to a safetensors file.

        Axes by instrument and `noise` are not written: set them again before `partial_fit`.

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
                "domain": self.domain_,
            },
        )

    @classmethod
    def load(cls, path: PathLike) -> SpektronPretrainer:
        """Return the fitted pretrainer that `save` wrote."""
        from ._weights import load_network

        network, record = load_network(path)
        axis, domain = record["wavenumber"], record.get("domain")
        self = cls(network.architecture, wavenumber=axis, **record["parameters"])
        self.domain, self.domain_ = None if isinstance(domain, list) else domain, domain
        self.wavenumber_ = {} if axis is None else np.array(axis)
        self.n_features_in_ = record["n_features_in"]
        self.history_, self.n_steps_ = record["history"], record["n_steps"]
        self._keep(network)
        return self

    def _train(self, network, corpus, seed, checkpoint):
        """Pretrain `network` and keep it."""
        from .._bridge import FrozenNetwork
        from .._training._pretraining import pretrain

        self.device_ = self._resolve_device()
        settings = self._settings()
        self.history_ = pretrain(
            network,
            corpus.spectra(),
            self._recipe(seed),
            objectives=settings["objectives"],
            mask_ratio=settings["mask_ratio"],
            hold_out_seed=getattr(self, "_hold_out_seed", None),
            checkpoint=checkpoint,
            fingerprint={**settings, "random_state": seed, "X": corpus.digest()},
            log=self.log,
            earlier=self.history_,
        )
        self.n_steps_ = int(self.history_[-1]["step"]) if self.history_ else 0
        self._keep(FrozenNetwork.of(network.architecture, network.state_dict()))
        return self

    def _keep(self, network):
        """Set the fitted attributes that follow from the network."""
        from .._bridge import oscillators, patch_kernels

        for name in ("frequency_", "damping_", "patch_kernels_"):
            if hasattr(self, name):  # an earlier fit's, of another architecture
                delattr(self, name)
        self.network_ = network
        if network.architecture.backbone == "dlinoss":
            self.frequency_, self.damping_ = oscillators(network)
        if network.architecture.tokenizer in ("patch", "raw"):
            self.patch_kernels_ = patch_kernels(network)
        self._n_features_out = network.architecture.d_model

    def _architecture(self):
        """Return the sizes behind the preset's name."""
        from .._nn.presets import resolve_architecture

        return resolve_architecture(self.architecture)

    def _objectives(self) -> dict[str, float]:
        """Return the weight of every objective."""
        objectives = {"masked": 1.0} if self.objectives is None else self.objectives
        return {name: plain(weight) for name, weight in objectives.items()}

    def _settings(self) -> dict[str, Any]:
        """Return what the trained weights depend on, beside the data and the seed."""
        return {
            "architecture": asdict(self._architecture()),
            "objectives": self._objectives(),
            # item(): numpy's numbers cannot be written to a file's JSON header.
            **{name: plain(getattr(self, name)) for name in SETTINGS},
        }

    def _check_parameters(self):
        """Refuse settings that cannot train."""
        from .._training.engine._precision import PRECISIONS

        check_counts(self, max_steps=1, batch_size=1, report_every=1, warmup_steps=0)
        for name in ("micro_batch_size", "n_iter_no_change"):
            if getattr(self, name) is not None:
                check_counts(self, **{name: 1})
        shares = ["mask_ratio", "validation_fraction"]
        for name in [*shares, "ema_decay"] if self.ema_decay is not None else shares:
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Pass a share between 0 and 1.")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}. Pass a positive rate.")
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision is {self.precision!r}. Pass one of {', '.join(map(repr, PRECISIONS))}."
            )
        if self.domain is not None and not self._architecture().domain_token:
            raise ValueError(
                f"domain is {self.domain!r} and the network has no token for it. Pass an "
                "architecture with domain_token=True, or leave domain out."
            )
        for name in ("checkpoint", "log"):
            path = getattr(self, name)
            if path is not None and not Path(path).parent.is_dir():
                raise ValueError(
                    f"{name} is {str(path)!r} and there is no folder {str(Path(path).parent)!r}. "
                    "Make it first."
                )
        check_objectives(self._objectives())

    def _check_spectra(self, X, y, instrument, sample_id, *, reset):
        """Return the checked spectra and the axes they lie on in cm-1."""
        y = check_labelled(self._objectives(), X, y)
        if is_archive(X):
            corpus = self._check_archive(X, y, reset, instrument=instrument, sample_id=sample_id)
        else:
            corpus = self._check_array(X, y, instrument, sample_id, reset)
        self.domain_ = only_domain(corpus.domain)
        return corpus

    def _check_array(self, X, y, instrument, sample_id, reset):
        """Return the spectra of an array."""
        several = not reset and isinstance(self.wavenumber_, dict)
        if several and self.wavelength is None and self.wavenumber is None:
            raise ValueError(
                "This pretrainer was trained on several axes and does not know that of X. Set "
                "wavenumber= or wavelength= before partial_fit."
            )
        X = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset, copy=False
        )
        numbers = {
            "instrument": number_labels(instrument, len(X), "instrument"),
            "sample": number_labels(sample_id, len(X), "sample_id"),
            "noise": place_noise(self.noise, instrument, X),
            "y": y,
        }
        if self._architecture().domain_token:
            domain = "UNKNOWN" if self.domain is None else self.domain
            numbers["domain"] = number_domains(domain, instrument, len(X))
        if not isinstance(self.wavelength, Mapping) and not isinstance(self.wavenumber, Mapping):
            self.wavenumber_ = self._resolve_axis(X.shape[1])
            return Corpus(X, [self.wavenumber_], np.zeros(len(X), dtype=int), **numbers)
        self.wavenumber_, rows = axes_by_instrument(
            X, instrument, wavelength=self.wavelength, wavenumber=self.wavenumber
        )
        return Corpus(X, *distinct_axes(self.wavenumber_, rows), **numbers)

    def _check_archive(self, archive, y, reset, **labels) -> ArchiveCorpus:
        """Return the spectra of an archive, which tells axes and labels itself."""
        parameters = ("wavelength", "wavenumber", "domain", "noise")
        refuse_twice(**labels, **{name: getattr(self, name) for name in parameters})
        # Only the number of channels is checked: the spectra stay where they are.
        shape = (len(archive), archive.n_channels)
        validate_data(self, np.broadcast_to(0.0, shape), reset=reset, skip_check_array=True)
        axes = archive.axes
        self.wavenumber_ = axes[0] if len(axes) == 1 else archive.axes_by_file()
        return ArchiveCorpus.of(archive, domain_token=self._architecture().domain_token, y=y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

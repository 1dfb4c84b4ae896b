"""Self-supervised pretraining of a network on spectra."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._base import TorchEstimatorMixin
from .._documentation import DocumentedEstimator
from .._fitting import fitting
from .._parameters import Rules
from .._typing import ChannelValues, PathLike, RandomState
from ._objectives import check_needs
from ._parameters import PARAMETERS
from ._settings import architecture_of, check_settings, objectives_of, record_of, settings_of
from ._spectra import check_new_spectra, check_spectra

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..datasets import SpektraArchive
    from ._architecture import Architecture


class SpektronPretrainer(
    TorchEstimatorMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocumentedEstimator
):
    r"""Pretrain a network to reconstruct hidden patches of spectra, without reference values.

    Patches of neighbouring channels are hidden before the network reads a spectrum.
    Bidirectional D-LinOSS blocks [1]_ process the visible channels, and the mean squared error of
    the hidden channels M is minimized [2]_, :math:`|M|^{-1} \sum_{j \in M} (x_j - \hat x_j)^2`.
    `Architecture` describes other networks; `objectives` adds other losses.

    Parameters
    ----------
    architecture : str or Architecture, default="small"
        Name of a preset ("tiny", "small", "calibration", "base", or the published "spektron",
        "panchromatic", "chemomae"), or the dataclass with all parts and sizes.
    objectives : mapping of str to float, default=None
        Weight of every objective in the loss. None is ``{"masked": 1.0}``: reconstruct hidden
        patches. The Notes list the others and their requirements.
    mask_ratio : float, default=0.35
        Fraction of the patches of a spectrum that are hidden. Typical: 0.3 to 0.4.
    wavelength, wavenumber : array-like of shape (n_features,) or dict of them, default=None
        Axis of `X` in nm or in cm-1, or a dict with one axis per instrument: rows of a shorter
        axis end in NaN, as `stack_instruments` returns them. Neither: as in `SpektronEmbedder`.
    domain : {"NIR", "IR", "RAMAN", "UNKNOWN"} or dict of them, default=None
        Kind of the spectra, or one kind per instrument, for a network with a domain token.
    noise : array-like of shape (n_features,) or dict of them, default=None
        Standard deviation of the noise of every channel, in the unit of `X`, or one array per
        instrument. Squared errors are divided by its square; channels where it is 0 or NaN are
        ignored. None: all channels have equal weight.
    max_steps : int, default=2000
        Number of optimizer steps.
    batch_size : int, default=64
        Spectra per step.
    micro_batch_size : int, default=None
        Spectra per forward pass, for batches that do not fit into memory: gradients are
        accumulated over a batch. Objectives that compare spectra see those of one forward pass.
        None: the whole batch.
    learning_rate : float, default=1e-3
        Peak learning rate of AdamW. It rises over `warmup_steps` and then falls along a cosine to
        1 %. The mask token learns at ten times the rate.
    weight_decay : float, default=0.01
        Weight decay of the weight matrices; biases, norms, poles and tokens have none.
    warmup_steps : int, default=100
        Steps over which the learning rate rises.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of the forward pass. With "bfloat16" the oscillators and the weights stay in
        float32; it is refused on CPUs without bfloat16 units, where it is slower.
    ema_decay : float, default=None
        Decay of an exponential moving average of the weights, such as 0.999, which is returned
        instead of the last weights. None: no average.
    n_iter_no_change : int, default=None
        Stop after this number of records without a lower `masked_mse` on held-out samples, and
        return the best weights. None: train all steps on all spectra.
    validation_fraction : float, default=0.1
        Fraction of the samples held out with `n_iter_no_change`.
    report_every : int, default=100
        Steps between records in `history_`, which also update progress bar and checkpoint.
    checkpoint : path-like, default=None
        File written with every record, from which an interrupted `fit` with the same settings
        and data resumes and ends at the same weights.
    log : path-like, default=None
        File to which every record of `history_` is appended as a line of JSON.
    device : str, default=None
        torch device. None: a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, masks and the order of the spectra. Resuming requires an int.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    network_ : object
        The trained network.
    history_ : list of dict
        One record per `report_every` steps: `step`, the mean training loss and that of every
        objective since the last record, and, on fixed spectra and masks, `masked_mse` with its two
        baselines, the mean training spectrum (`mean_mse`) and linear interpolation
        (`interpolation_mse`).
    frequency_, damping_ : ndarray of shape (n_layers, d_state)
        Angular frequency sqrt(A) and damping G of every oscillator, per token. Only with the
        "dlinoss" backbone.
    patch_kernels_ : ndarray of shape (d_model, n_channels)
        Weights of the channels of a patch, or of those around a channel, from low to high
        wavenumber. Only with the "patch" and "raw" tokenizers.
    device_ : str
        Device of the training.
    n_steps_ : int
        Optimizer steps taken, including `partial_fit`.
    wavenumber_ : ndarray of shape (n_features_in_,) or dict of them
        Axis in cm-1, or axes by instrument, for an archive with several axes by file.
    domain_ : str, list of str or None
        Kind or kinds of the spectra, if the network has a domain token.
    n_features_in_ : int
        Number of spectral channels.

    See Also
    --------
    SpektronEmbedder : Transformer with a pretrained network, for pipelines.
    skspektron.datasets.SpektraArchive : Spectra in files, which `fit` accepts in place of `X`.

    Notes
    -----
    Objectives and their requirements, which `fit` checks:

    - "masked" and "denoising": reconstruct hidden channels, or a spectrum with noise, drift and a
      shift. With ``decoder="correction"``, "masked" is the mean logarithm of a spectrum's error.
    - "byol" [3]_, "infonce" [4]_: latents of a sample agree between instruments. Require
      `instrument` and `sample_id`, with samples measured on several instruments.
    - "sinkhorn" [5]_: latents of all instruments are distributed alike. Requires `instrument`.
    - "bottleneck" [6]_: split the latent into a chemistry part that does not depend on the
      instrument, and an instrument part. Requires `instrument` and ``latent="vib"``.
    - "smoothness", "non_negativity", "derivative", "peak_symmetry", "wasserstein" constrain the
      reconstruction, "beer_lambert" the latents of mixtures. Require absorbance; spectra after
      SNV or derivatives are refused.
    - "balance": all experts are used equally. Requires ``n_experts >= 2``.
    - "calibration" [7]_: ridge regression on the embeddings of 25 to 55 spectra predicts others, in
      40 % of the draws of another instrument. Requires `y` of 35 samples on one instrument, and
      `instrument` and `sample_id` if there are several; draws one per 64 spectra of `batch_size`.
    - "complement": the same, for what SNV, derivatives and random features of kernels [8]_ lack.

    Compare `masked_mse` with both baselines. `fit` warns if interpolation is better than the mean
    spectrum, since the patches are then too short, and of spectra in which no patch or every patch
    would be hidden, which it ignores. Cost: O(n_channels), with attention O(n_tokens^2).

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).
    .. [2] He, Chen, Xie, Li, Dollar & Girshick, CVPR (2022) 16000-16009.
    .. [3] Grill, Strub, Altche et al., NeurIPS 33 (2020) 21271-21284.
    .. [4] van den Oord, Li & Vinyals, arXiv:1807.03748 (2018).
    .. [5] Feydy, Sejourne, Vialard et al., AISTATS (2019) 2681-2690.
    .. [6] Ganin, Ustinova, Ajakan et al., J. Mach. Learn. Res. 17 (2016) 1-35.
    .. [7] Bertinetto, Henriques, Torr & Vedaldi, ICLR (2019), arXiv:1805.08136.
    .. [8] Rahimi & Recht, NIPS (2007) 1177-1184.

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
    _parameters: ClassVar[Rules] = PARAMETERS
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
        """Pretrain a new network on the spectra `X`, an array or a `SpektraArchive`.

        `y`, (n_samples,) or (n_samples, n_targets) with NaN where unknown, is read by "calibration"
        and "complement" only.
        """
        from .._training._pretraining import new_network

        with fitting(self):
            check_settings(self)
            seed = self._draw_seed()
            corpus = check_spectra(self, X, y, instrument, sample_id, reset=True)
            architecture = architecture_of(self)
            for axis in corpus.axes:
                architecture = architecture.for_channels(len(axis))
            check_needs(objectives_of(self), architecture, corpus)
            self.history_, self.n_steps_, self._hold_out_seed = [], 0, seed
            return self._train(new_network(architecture, seed), corpus, seed, self.checkpoint)

    def partial_fit(
        self,
        X: ArrayLike | SpektraArchive,
        y: ArrayLike | None = None,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Train for another `max_steps` on `X`, with a new learning-rate schedule."""
        if not hasattr(self, "network_"):
            return self.fit(X, y, instrument=instrument, sample_id=sample_id)
        check_settings(self)
        seed = self._draw_seed() + self.n_steps_
        corpus = check_spectra(self, X, y, instrument, sample_id, reset=False)
        check_needs(objectives_of(self), self.network_.architecture, corpus)
        # A copy: embedders may use the network of the last fit.
        network = copy.deepcopy(self.network_.on("cpu")).requires_grad_(True)
        return self._train(network, corpus, seed, None)

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the mean token of every spectrum of `X`, (n_samples, d_model).

        Tokens are read after the first block, as in `SpektronEmbedder` by default.
        """
        from ._embedder import embed

        check_is_fitted(self)
        return embed(self, check_new_spectra(self, X))

    def save(self, path: PathLike, *, corpus: Sequence[str] | None = None) -> None:
        """Write network, history and a single axis to a safetensors file.

        Axes by instrument and `noise` are not saved: set them again before `partial_fit`.

        Parameters
        ----------
        path : str or path
            File to write.
        corpus : sequence of str, default=None
            Names of the data sets that the network was trained on, for `describe_weights`.
        """
        from ._weights import save_network

        check_is_fitted(self)
        save_network(path, self.network_, record_of(self, corpus))

    @classmethod
    def load(cls, path: PathLike) -> SpektronPretrainer:
        """Return the fitted pretrainer that `save` wrote."""
        from ._weights import check_record, keep_network, load_network

        network, record = load_network(path)
        names = ("wavenumber", "parameters", "n_features_in", "history", "n_steps")
        check_record(path, record, *names)
        axis, domain = record["wavenumber"], record.get("domain")
        self = cls(network.architecture, wavenumber=axis, **record["parameters"])
        self.domain, self.domain_ = None if isinstance(domain, list) else domain, domain
        self.wavenumber_ = {} if axis is None else np.array(axis)
        self.n_features_in_ = record["n_features_in"]
        self.history_, self.n_steps_ = record["history"], record["n_steps"]
        keep_network(self, network)
        return self

    def _train(self, network, corpus, seed, checkpoint):
        """Pretrain `network` and store it as the fitted one."""
        from .._bridge import FrozenNetwork
        from .._training._pretraining import pretrain
        from ._weights import keep_network

        self.device_ = self._resolve_device()
        settings = settings_of(self)
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
        keep_network(self, FrozenNetwork.of(network.architecture, network.state_dict()))
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

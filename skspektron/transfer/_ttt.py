"""Test-time training of the embedding on unlabelled spectra of the target instrument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from .._parameters import Choice, Integer, Number, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources, Weights
from ._adaptation._alignment import align_tokens
from ._adaptation._base import EmbeddingTransfer
from ._adaptation._offset import SubtractOffset
from ._core._standards import Rows, Standards

RESET_SCOPES = ("fold", "input")
ALIGNED = ("tokens", "mean")


def _trainable() -> Mapping[str, Any]:
    """Return what can be trained, by name."""
    from .._training._test_time import TRAINED

    return TRAINED


class TTTTransfer(EmbeddingTransfer):
    r"""Adapt the embedding of a calibration to the target instrument without reference values.

    Test-time training: the network of a `SpektronEmbedder` is trained for a few steps to fill in
    hidden patches of target spectra, as in pretraining [1]_ [2]_. The loss is the mean of
    :math:`(x_j - \hat x_j)^2` over hidden channels j, of all target spectra among the training
    rows at once, or of each new spectrum alone. Neither standards nor labels of the target are
    used.

    Parameters
    ----------
    estimator : Pipeline, default=None
        Calibration to transfer; one of its steps is a `SpektronEmbedder`, and other steps follow
        it. None: `SNV`, `SpektronEmbedder` and ``PLSRegression(scale=False)`` with the number of
        components chosen by cross-validation. Of a `FrozenEstimator` only the embedding is adapted.
    source : str, int or list of these, default=None
        Label of the instrument of the calibration. A list: several instruments, whose rows all
        enter the calibration, at the channels of the first. None: the most frequent label other
        than `target`.
    target : str or int, default=None
        Label of the instrument that the calibration is transferred to. None: the label that is not
        in `source`, if there is one.
    n_transfer : int or None, default=0
        Ignored, like `selection`: all target spectra among the training rows are used. Present so
        that one parameter grid serves all methods.
    selection : str or callable, default="kennard-stone"
        Ignored.
    random_state : int, RandomState instance or None, default=None
        Seed of the hidden patches, of the order of the spectra and of the initial low-rank factors.
    memory : str or joblib.Memory, default=None
        Cache of the fitted calibration: a search over parameters of the transfer then fits it once
        per fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on. `fit` warns if some or all of them are not
        among its rows, as when a test holds them out, and if they are not stated. []: it was fitted
        on none of the samples of these data.
    bad_standards : str, default="warn"
        Ignored.
    wavelength, wavenumber : array-like of shape (n_features,), default=None
        Axis of the spectra in nm or in cm-1, for ``estimator=None``; an estimator has its own.
    weights : str or path-like, default="masked"
        Weights of the embedder for ``estimator=None``, as in `SpektronEmbedder`. The default was
        trained to fill in hidden patches.
    trainable : {"norm", "lora", "all"}, default="norm"
        Parameters that are trained: weights and biases of the LayerNorms, a low-rank change of
        every weight matrix before the last norm, or all parameters.
    reset : {"fold", "input"}, default="fold"
        "fold": `fit` adapts the network once, to the target rows, and refits the steps after the
        embedder on the source rows as embedded by the adapted network. "input": `predict` adapts
        the network to each spectrum alone, starting each time from the weights of `estimator_`; the
        steps after the embedder are not refitted, and no prediction depends on other spectra.
    align : {"tokens", "mean"} or None, default="mean"
        What is matched to the source rows in the embeddings of the target training rows, which
        should be samples of one population. "mean": the mean of every output, which removes an
        offset between the instruments, as filling in patches does not. "tokens": also the
        covariance of the tokens [3]_. Ignored with ``reset="input"``.
    max_steps : int, default=10
        Steps of AdamW. 0: no transfer, as `NoTransfer`; nothing is aligned either.
    rank : int, default=8
        Rank of the change with ``trainable="lora"``.
    mask_ratio : float, default=0.35
        Fraction of the patches that is hidden.
    batch_size : int, default=32
        Spectra per step; with ``reset="input"``, masks of the one spectrum per step.
    learning_rate : float, default=1e-4
        Rate of the first step; it then falls along a cosine to 1 %.
    device : str, default=None
        torch device for training and for ``estimator=None``; None: a GPU if there is one.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    target_estimator_ : Pipeline
        The calibration with adapted embedding, for spectra on the target's own channels; absent
        with ``reset="input"`` and with ``max_steps=0``.
    history_ : list of dict
        One record before the first step and one after each: `step` and `masked_mse`, the mean
        squared error at hidden channels of up to 64 target spectra under fixed masks, in the
        squared unit of the spectra that enter the embedder. Absent with ``reset="input"``; empty
        if the spectra are too short for a hidden patch beside a visible one.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (0,)
        Empty: no standard is used.
    standards_ : Bunch of ndarray of shape (n_transfer,)
        Table of the standards: `id`, `spectral_disagreement`, `label_disagreement`, `leverage`,
        `weight` and `label_weight`, see `StandardsDisplay`.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` used for either instrument; all columns if both measure all of them.
    device_ : str
        Device that the network is trained on.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    LoRATransfer : Uses paired standards.
    CORALTransfer : Matches unlabelled target spectra to the source, without a network.

    Notes
    -----
    Training hides whole patches, as in pretraining, without dropout. The loss uses all blocks of
    the network, the embedding only the first `n_layers`: training parameters after these does not
    change predictions, and with the embedder's default, ``n_layers=1``, ``trainable="norm"``
    trains one LayerNorm that does.

    A smaller loss does not imply better predictions: much of the difference between instruments is
    often an offset, which filling in patches does not remove and `align` does. On development
    tasks, the default training does not change the errors, and aligning tokens is better than
    aligning means only on some tasks where both instruments measured the same samples; see the
    page Evidence, also for `CORALTransfer`. If the later steps
    are not refitted, as with ``reset="input"``, high rates shift the predictions. Compare with
    `NoTransfer` on labelled target samples before using the result.

    If the instruments have different channels, the target is embedded on its own, and the later
    steps are fitted, also with ``reset="input"``, on source rows interpolated at these channels.

    References
    ----------
    .. [1] Sun et al., Proc. Mach. Learn. Res. 119 (2020) 9229-9248.
    .. [2] Gandelsman, Sun, Chen & Efros, Adv. Neural Inf. Process. Syst. 35 (2022) 29374-29385.
    .. [3] Sun, Feng & Saenko, Proc. AAAI Conf. Artif. Intell. 30 (2016) 2058-2065.

    Examples
    --------
    >>> from skspektron import stack_instruments
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.transfer import TTTTransfer
    >>> data = make_instruments(30, random_state=0)
    >>> X, y, instrument, sample_id = stack_instruments(
    ...     {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()})
    >>> transfer = TTTTransfer(wavelength=data.wavelength, source="A", target="B", random_state=0)
    >>> first, *_, last = transfer.fit(X, y, instrument=instrument).history_
    >>> last["masked_mse"] < first["masked_mse"]
    True
    """

    _parameters: ClassVar[Rules] = {
        "trainable": Choice(_trainable),
        "reset": Choice(RESET_SCOPES),
        "align": Choice(ALIGNED) | None,
        "max_steps": Integer(0),
        "mask_ratio": Number(above=0, below=1),
    }

    _learns_unlabelled = True
    _WEIGHTS = "masked"

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 0,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        weights: Weights = "masked",
        trainable: str = "norm",
        reset: str = "fold",
        align: str | None = "mean",
        max_steps: int = 10,
        rank: int = 8,
        mask_ratio: float = 0.35,
        batch_size: int = 32,
        learning_rate: float = 1e-4,
        device: str | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
            memory=memory,
            trained_on=trained_on,
            bad_standards=bad_standards,
        )
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.weights = weights
        self.trainable = trainable
        self.reset = reset
        self.align = align
        self.max_steps = max_steps
        self.rank = rank
        self.mask_ratio = mask_ratio
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.verbose = verbose

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Adapt the network to the target rows and refit the head, unless `predict` adapts it."""
        self.device_ = self._resolve_device()
        self._seed = self._draw_seed()
        self._is_adapted = self.max_steps > 0
        self._axis = self._target_axis(source)
        _, embedder, head = self._steps(self.estimator_)
        if self.reset == "input" and self.max_steps:
            embedder = self._axis.embedder
            embedder._warn_of_unit(embedder._to_spectra(self._target_before(self._axis, target.X)))
            self._head = head
            if self._axis.axes is not None:
                Z = self._embed_reference(self._axis, source.X)
                self._head = self._fit_head(head, Z, source.y, source.ids)
            return
        X = self._target_before(self._axis, target.X)
        spectra = self._axis.embedder._to_spectra(X)
        network, losses = self._adaptation().adapt(embedder.network_, spectra)
        self.history_ = [{"step": n, "masked_mse": float(x)} for n, x in enumerate(losses)]
        if not self.max_steps:
            return
        Z = self._embed_reference(self._axis, source.X, network)
        head = self._fit_head(head, Z, source.y, source.ids)
        align = self._alignment(Z, self._embed_target(self._axis, network, X))
        self.target_estimator_ = self._assemble(self._axis, network, *align, *head.steps)

    def _choices(self) -> dict[str, Any]:
        """Return also the error at hidden channels before and after the adaptation."""
        errors = [record["masked_mse"] for record in getattr(self, "history_", [])]
        return super()._choices() | ({"masked_mse": np.array(errors)[[0, -1]]} if errors else {})

    def _alignment(self, Z_source, Z_target) -> list[tuple[str, BaseEstimator]]:
        """Return the step that aligns embeddings of the target with those of the source."""
        if self.align is None:
            return []
        if self.align == "mean":
            return [("align", SubtractOffset(Z_target.mean(axis=0) - Z_source.mean(axis=0)))]
        embedder = self._axis.embedder
        of_tokens = embedder.pooling == "tokens"
        width = embedder.network_.architecture.d_model if of_tokens else Z_source.shape[1]
        return [("align", align_tokens(Z_source, Z_target, width))]

    def _predict_target(self, X) -> NDArray[Any]:
        """Predict with the adapted calibration, or with one adapted to each spectrum."""
        if hasattr(self, "target_estimator_"):
            return super()._predict_target(X)
        embedder = self._axis.embedder
        Z = self._adaptation().embed_each(
            embedder.network_,
            embedder._to_spectra(self._target_before(self._axis, X)),
            pooling=embedder.pooling,
            n_layers=embedder.n_layers,
        )
        y = self._head.predict(self._axis.interpolate(Z))
        return np.asarray(y, dtype=np.float64).reshape(len(X), *self._n_outputs)

    def _adaptation(self):
        """Return the adaptation with the parameters of the estimator."""
        from .._training._test_time import MaskedAdaptation

        return MaskedAdaptation(
            self._recipe(self._seed),
            trainable=self.trainable,
            rank=self.rank,
            mask_ratio=self.mask_ratio,
        )

"""Adaptation of the embedding to unlabelled spectra of the target instrument."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Weights
from .._validation import check_counts
from ._adaptation._base import EmbeddingTransfer
from ._adaptation._offset import SubtractOffset
from ._core._standards import Rows, Standards

RESETS = ("fold", "input")


class TTTTransfer(EmbeddingTransfer):
    r"""Adapt the embedding of a calibration to the target instrument without a reference value.

    Before it is used on the target, the network behind a `SpektronEmbedder` is trained for a few
    steps to fill in hidden patches of target spectra, as it was in pretraining [1]_ [2]_: of all
    target spectra among the training rows at once, or of each spectrum that is predicted, alone:
    the mean of :math:`(x_j - \hat x_j)^2` over hidden channels j is made smaller.
    No standard and no label of the target is read.

    Parameters
    ----------
    estimator : Pipeline, default=None
        Calibration that is transferred; one of its steps is a `SpektronEmbedder`, and steps
        follow it. None: `SNV`, `SpektronEmbedder` and ``PLSRegression(scale=False)`` with the
        number of components chosen by cross-validation. Of a `FrozenEstimator` only the
        embedding is adapted.
    source, target : str or int, default=None
        Labels of the instrument of the calibration and of the instrument it moves to. `source`
        None: the most frequent label other than `target`. `target` None: the one that is not
        `source`, where there are two.
    n_transfer : int or None, default=0
        Not read, nor is `selection`: there are no standards, and every target spectrum of the
        training rows counts. They are here so that one grid of parameters serves all methods.
    selection : str or callable, default="kennard-stone"
        Not read.
    random_state : int, RandomState instance or None, default=None
        Hidden patches, order of the spectra and initial low-rank factors.
    memory : str or joblib.Memory, default=None
        Where the fitted calibration is cached, so that a search over parameters of the transfer
        fits it once for every fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on, so that a leak can be told; None warns.
    wavelength, wavenumber : array-like of shape (n_features,), default=None
        Axis of the spectra in nm or in cm-1, for ``estimator=None``; an estimator has its own.
    weights : str or path-like, default="masked"
        Weights of the embedder of the recommended pipeline, as in `SpektronEmbedder`; those of the
        default were trained to fill in what is hidden.
    trainable : {"norm", "lora", "all"}, default="norm"
        What is trained: weights and biases of the LayerNorms, a change of low rank of every
        weight matrix in front of the last norm, or all parameters.
    reset : {"fold", "input"}, default="fold"
        "fold": fit adapts the network once, to the target rows that it is given, and the steps
        behind the embedder are fitted anew on the source rows as the adapted network sees
        them. "input": predict adapts the network to every spectrum alone, beginning each time
        with the weights of `estimator_` and forgetting the change afterwards; the steps behind
        the embedder stay, and no prediction depends on the other spectra.
    align : bool, default=True
        Whether embeddings of the target are moved until their mean over the training rows is that
        of the source rows; the samples of the two should come from one population. It is what
        removes an offset between instruments, which filling in patches does not see. Not with
        ``reset="input"``, where nothing is learnt from other spectra.
    max_steps : int, default=10
        Steps of AdamW. 0: as `NoTransfer`, nothing is aligned either.
    rank : int, default=8
        Rank of the change with ``trainable="lora"``.
    mask_ratio : float, default=0.35
        Share of the patches that is hidden.
    batch_size : int, default=32
        Spectra in a step; with ``reset="input"``, so many different masks of one spectrum.
    learning_rate : float, default=1e-4
        Rate of the first step; it falls along a cosine.
    device : str, default=None
        torch device for the recommended pipeline and for training; None is a GPU where there is
        one.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    estimator_ : Pipeline
        The calibration, fitted on the source rows.
    target_estimator_ : Pipeline
        The calibration with adapted embedding; with ``reset="input"`` there is none.
    history_ : list of dict
        One record before the first step and one after each: `step` and `masked_mse`, the mean
        squared error at hidden channels of up to 64 target spectra under fixed masks, in the
        squared unit of the spectra that enter the embedder. Absent with ``reset="input"``; empty
        where the spectra are too short for a hidden patch beside a visible one.
    source_, target_ : str or int
        Labels of the two instruments; None where fit got no `instrument`.
    transfer_ids_ : ndarray of shape (0,)
        Empty: no standard is used.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` that are used of either instrument: all of them where both measure all.
    device_ : str
        Where the network is trained.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    LoRATransfer : Reads paired standards.
    CORALTransfer : Moves unlabelled target spectra to the source, without a network.

    Notes
    -----
    Training hides whole patches, as pretraining does, and turns dropout off. A spectrum passes all
    blocks for the loss, but its embedding is read behind `n_layers` of them: what is trained behind
    these changes no prediction, and with the embedder's default, ``n_layers=1``,
    ``trainable="norm"`` reaches one LayerNorm.

    That the loss falls does not say that predictions improve: what keeps a calibration from a
    target is mostly an offset, which filling in patches does not see and `align` removes. Where the
    head is not fitted anew, as with ``reset="input"``, high rates move predictions up or down.
    Compare with `NoTransfer` on labelled target samples before trusting it.

    With ``reset="input"`` a spectrum of 700 channels takes about half a second on one core.

    References
    ----------
    .. [1] Sun et al., Proc. Mach. Learn. Res. 119 (2020) 9229-9248.
    .. [2] Gandelsman, Sun, Chen & Efros, Adv. Neural Inf. Process. Syst. 35 (2022) 29374-29385.

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

    _learns_unlabelled = True
    _WEIGHTS = "masked"

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: InstrumentName = None,
        target: InstrumentName = None,
        n_transfer: int | None = 0,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        weights: Weights = "masked",
        trainable: str = "norm",
        reset: str = "fold",
        align: bool = True,
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

    def _check_parameters(self) -> None:
        """Refuse words and sizes that cannot be, before anything is fitted."""
        from .._training._test_time import TRAINED

        super()._check_parameters()
        for name, words in (("trainable", TRAINED), ("reset", RESETS)):
            if getattr(self, name) not in words:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}. Pass one of {', '.join(map(repr, words))}."
                )
        check_counts(self, max_steps=0, rank=1, batch_size=1)
        self._check_positive("learning_rate")
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio is {self.mask_ratio!r}. Pass a share between 0 and 1.")

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Adapt the network to the target rows and fit the head again, or leave it to predict."""
        self.device_ = self._resolve_device()
        self._seed = self._draw_seed()
        if self.reset == "input" and self.max_steps:
            return
        before, embedder, head = self._steps(self.estimator_)
        X = self._transform_before(before, target.X)
        network, losses = self._adaptation().adapt(embedder.network_, embedder._to_spectra(X))
        self.history_ = [{"step": n, "masked_mse": float(x)} for n, x in enumerate(losses)]
        adapted, align = self._with_network(embedder, network), []
        if self.max_steps:
            Z = self._embed(adapted, self._transform_before(before, source.X))
            head = self._fit_head(head, Z, source.y, source.ids)
            if self.align:
                offset = self._embed(adapted, X).mean(axis=0) - Z.mean(axis=0)
                align = [("align", SubtractOffset(offset))]
        self.target_estimator_ = self._assemble(adapted, *align, *head.steps)

    def _predict_target(self, X) -> NDArray[Any]:
        """Predict with the adapted calibration, or adapt it to each spectrum for a moment."""
        if hasattr(self, "target_estimator_"):
            return super()._predict_target(X)
        before, embedder, head = self._steps(self.estimator_)
        Z = self._adaptation().embed_each(
            embedder.network_,
            embedder._to_spectra(self._transform_before(before, X)),
            pooling=embedder.pooling,
            n_layers=embedder.n_layers,
        )
        return np.asarray(head.predict(Z), dtype=np.float64).reshape(len(X), *self._n_outputs)

    def _adaptation(self):
        """Return the adaptation that the parameters describe."""
        from .._training._test_time import MaskedAdaptation

        return MaskedAdaptation(
            self._recipe(self._seed),
            trainable=self.trainable,
            rank=self.rank,
            mask_ratio=self.mask_ratio,
        )

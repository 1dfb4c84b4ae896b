"""Low-rank adaptation of the embedding to the target instrument."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._parameters import Integer, Number, Rules
from .._typing import InstrumentName, MemoryLike, PathLike, RandomState, Selection, Sources, Weights
from ._adaptation._base import EmbeddingTransfer
from ._adaptation._ensemble import AdaptedEnsemble, FittedAdapter
from ._adaptation._input_term import input_steps, learn_input_term, with_input_term
from ._adaptation._offset import SubtractOffset
from ._adaptation._replay import as_on_target, what_to_learn, without_rounding
from ._averaging._members import ViewedRows
from ._averaging._views import CommonViews
from ._core._standards import Rows, Standards, channel_means


class LoRATransfer(EmbeddingTransfer):
    r"""Adapt the embedding of a calibration to the target instrument from few standards.

    The instruments differ before the network sees a spectrum. With three or more standards,
    :math:`x L R + c` is added to what enters the `SpektronEmbedder`: a ridge regression of the
    differences of the standards on their target spectra, of a rank below their number. Low-rank
    factors are added to the weights of the frozen network [1]_ [2]_, its filters included,
    :math:`W + (\alpha / r)\, B A` of rank r. They are trained until the target spectra of the
    standards have the embeddings and predictions of their source spectra, up to a constant offset
    of the embeddings, which is subtracted. Source rows, shifted by the mean difference of the
    standards, are training examples too. The steps after the embedder are then refitted on these
    rows and on labelled standards. Standards count by their weights in `standards_`.

    Parameters
    ----------
    estimator : Pipeline, default=None
        Calibration to transfer; one of its steps is a `SpektronEmbedder`, and the steps after it
        are refitted on the adapted embedding. None: on the source `SNV`, `SpektronEmbedder` and
        ``PLSRegression(scale=False)`` with the number of components chosen by cross-validation; on
        the target the average of `EnsembleTransfer` with the adapted embedding as one more view,
        weighted by its error on standards held out from the adapter and the calibrations (with two
        or more standards). Of a `FrozenEstimator` only the embedding is adapted.
    source : str, int or list of these, default=None
        Label of the instrument of the calibration. A list: several instruments, whose rows all
        enter the calibration, at the channels of the first. None: the most frequent label other
        than `target`.
    target : str or int, default=None
        Label of the instrument that the calibration is transferred to. None: the label that is not
        in `source`, if there is one.
    n_transfer : int or None, default=10
        Number of paired standards, with or without reference values. 0: no transfer, as
        `NoTransfer`. None: every paired sample.
    selection : str or callable, default="kennard-stone"
        Order in which samples are chosen as standards: "kennard-stone", "kennard-stone-pls",
        "duplex", "spxy" or "random"; a callable takes spectra of shape (n_candidates, n_features)
        and returns a permutation. The first 5 of 10 standards are those of ``n_transfer=5``.
        "kennard-stone-pls" and "spxy" use the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial factors, of the order of the source rows, and of the order of the
        standards with ``selection="random"``.
    memory : str or joblib.Memory, default=None
        Cache of the fitted calibration: a search over parameters of the transfer then fits it once
        per fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on. `fit` warns if some or all of them are not
        among its rows, as when a test holds them out, and if they are not stated. []: it was fitted
        on none of the samples of these data.
    bad_standards : {"warn", "drop", "keep"}, default="warn"
        What happens to standards that disagree with what the others predict, see `standards_`.
        "warn": they get less weight, down to none, and a warning names them. "drop": they are left
        out without a warning. "keep": all have full weight.
    wavelength, wavenumber : array-like of shape (n_features,), default=None
        Axis of the spectra in nm or in cm-1, for ``estimator=None``; an estimator has its own.
    weights : str or path-like, default="small"
        Weights of the embedder for ``estimator=None``, as in `SpektronEmbedder`.
    rank : int, default=8
        Rank of the change of every weight matrix.
    lora_alpha : float, default=16.0
        The change is scaled by ``lora_alpha / rank``.
    max_epochs : int, default=5
        Passes over the source rows; every step uses all standards. 0: the factors stay zero.
    batch_size : int, default=32
        Source rows per step.
    learning_rate : float, default=3e-3
        Peak rate of AdamW; it rises during the first pass and then falls along a cosine to 1 %.
    device : str, default=None
        torch device for training and for ``estimator=None``; None: a GPU if there is one.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    target_estimator_ : Pipeline or regressor
        The calibration with adapted embedding and refitted steps after it, or the ensemble of
        ``estimator=None``; `predict` returns its predictions for spectra on the target's own
        channels. Absent without standards.
    view_weights_ : dict of str to float
        Weight of each view of the spectra, and of the adapted embedding, in the predictions of
        ``estimator=None``; they add up to 1. Absent with another estimator and without standards.
    adapter_ : dict of str to ndarray
        Factors by name, ``"A.<weight>"`` (rank, n_in) and ``"B.<weight>"`` (n_out, rank), the
        ``"offset"`` (n_outputs,) of the adapted embeddings, and with three or more standards
        ``"input.left"`` (n_channels, k), ``"input.right"`` (k, n_channels) and
        ``"input.constant"`` (n_channels,).
    history_ : list of dict
        One record after each pass: `epoch` and mean losses. `paired`: the squared distance between
        the embeddings of a standard on both instruments after removing the offset, in units of the
        variance of the source embeddings. `labels`: the squared error of a ridge on the source
        embeddings for the standards, in units of the variance of `y`. `replay`: the sum of both for
        the shifted source rows. `train_loss`: the sum of the three.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the paired standards, in order of selection.
    standards_ : Bunch of ndarray of shape (n_transfer,)
        Table of the standards: `id`, `spectral_disagreement`, `label_disagreement`, `leverage`,
        `weight` and `label_weight`, see `StandardsDisplay`.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` used for either instrument; all columns if both measure all of them.
    device_ : str
        Device that the network was trained on.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    PDSTransfer : Maps the spectra, without a network.

    Notes
    -----
    A standard without a reference value is trained towards the prediction for its source spectrum.
    On development tasks, term, factors and longer training change the errors of ``estimator=None``
    by at most 2 %.

    References
    ----------
    .. [1] Hu, Shen, Wallis et al., arXiv:2106.09685 (2021).
    .. [2] Lai et al., Anal. Chem. 97 (2025) 19009-19018.

    Examples
    --------
    >>> from skspektron import LoRATransfer, stack_instruments
    >>> from skspektron.datasets import make_instruments
    >>> data = make_instruments(30, random_state=0)
    >>> X, y, instrument, sample_id = stack_instruments(
    ...     {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()})
    >>> transfer = LoRATransfer(wavelength=data.wavelength, source="A", target="B",
    ...                         n_transfer=5, max_epochs=1, random_state=0)
    >>> transfer.fit(X, y, instrument=instrument, sample_id=sample_id).transfer_ids_.shape
    (5,)
    """

    _parameters: ClassVar[Rules] = {"lora_alpha": Number(above=0), "max_epochs": Integer(0)}

    adapter_: dict[str, NDArray[Any]]
    target_estimator_: Any
    _of_fit: FittedAdapter

    _needs_pairs = True
    _uses_labels = True
    _takes_weights = True

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 10,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        weights: Weights = "small",
        rank: int = 8,
        lora_alpha: float = 16.0,
        max_epochs: int = 5,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
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
        self.rank = rank
        self.lora_alpha = lora_alpha
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.verbose = verbose

    @property
    def view_weights_(self) -> dict[str, float]:
        """Weight of each view in the ensemble."""
        if isinstance(getattr(self, "target_estimator_", None), AdaptedEnsemble):
            return self.target_estimator_.weights
        raise AttributeError("view_weights_: the predictions are not those of an ensemble.")

    def save_adapter(self, path: PathLike) -> None:
        """Write `adapter_` to a safetensors file for the network it was trained on."""
        from .._training._adapter_files import save_adapter

        check_is_fitted(self, "adapter_")
        save_adapter(
            path,
            self._steps(self.estimator_)[1].network_,
            self.adapter_,
            alpha=self._alpha,
            source=self.source_,
            target=self.target_,
            wavenumber=self._axis.embedder.wavenumber_,
        )

    def load_adapter(self, path: PathLike) -> LoRATransfer:
        """Replace `adapter_` and `target_` by those of a file; later steps are unchanged.

        The file must be for the same weights and source; its `rank` and `lora_alpha` may differ.
        One that does not fit raises a ValueError, and nothing is changed. The adapter of `fit`
        restores its predictions; with another one, `target_estimator_` is the calibration on the
        adapted embedding alone, as the ensemble of ``estimator=None`` belongs to the standards.
        """
        from .._training._adaptation import merge
        from .._training._adapter_files import load_adapter

        check_is_fitted(self, "adapter_")
        embedder = self._steps(self.estimator_)[1]
        adapter, header = load_adapter(
            path,
            embedder.network_,
            n_outputs=len(self.adapter_["offset"]),
            source=self.source_,
            wavenumber=self._axis.embedder.wavenumber_,
            n_layers=embedder.n_layers,
        )
        alpha, target = header["alpha"], header["target"]
        if self._of_fit.is_equal(adapter, alpha, target):
            estimator = self._of_fit.estimator
        else:
            network = merge(embedder.network_, adapter, alpha)
            estimator = self._align(network, adapter, self._of_fit.head)
        self.adapter_, self.target_, self._alpha = adapter, target, alpha
        self.target_estimator_ = estimator
        return self

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Adapt the embedding; with ``estimator=None`` it also becomes a view of an ensemble."""
        self._axis, self._alpha = self._target_axis(source), self.lora_alpha
        self.adapter_, network, spectra, losses = self._fit_adapter(source, standards)
        self.history_ = [{"epoch": n, **record} for n, record in enumerate(losses, start=1)]
        Z = self._embed_target(self._axis, network, spectra) - self.adapter_["offset"]
        head = self._refit(self._steps(self.estimator_)[2], Z, source, standards)
        self.target_estimator_ = self._align(network, self.adapter_, head)
        if self.estimator is None:
            self.target_estimator_ = self._fit_ensemble(source, standards)
        self._of_fit = FittedAdapter(
            self.adapter_, self._alpha, self.target_, self.target_estimator_, head
        )

    def _fit_ensemble(self, source: Rows, standards: Standards) -> AdaptedEnsemble:
        """Return the ensemble with the adapted embedding as one more view."""
        embedding = self.target_estimator_[:-1]
        X_target = self._layout.as_given(standards.X_target, self._layout.grids.target)
        of_source = (self._embed_reference(self._axis, X) for X in (source.X, standards.X_source))
        Z, Z_source = map(without_rounding, of_source)
        Z_target = without_rounding(np.asarray(embedding.transform(X_target)))
        held_out = self._held_out_embeddings(source, standards)
        embedded = ViewedRows(Z, Z_source, Z_target, held_out=held_out)
        wavenumber = self._steps(self.estimator_)[1].wavenumber_
        views = CommonViews.of(source.X, wavenumber, self._layout.axes)
        return AdaptedEnsemble.of(
            source, standards, views=views, embedding=embedding, embedded=embedded
        )

    def _held_out_embeddings(self, source: Rows, standards: Standards) -> NDArray[Any] | None:
        """Return target embeddings of the standards, each by an adapter trained without it."""
        if len(standards) < 2:
            return None
        X_target = self._target_before(self._axis, standards.X_target)
        halves = []
        for others in (standards[1::2], standards[::2]):
            adapter, network, *_ = self._fit_adapter(source, others)
            Z = self._embed_target(self._axis, network, with_input_term(adapter, X_target))
            halves.append(Z - adapter["offset"])
        return np.where(np.arange(len(standards))[:, None] % 2 == 0, *halves)

    def _fit_adapter(self, source: Rows, standards: Standards):
        """Return a trained adapter, the adapted network, the training spectra and the losses."""
        from .._training._adaptation import merge

        X_target = self._target_before(self._axis, standards.X_target)
        of_source = standards.X_source, source.X
        X_source, X = (self._source_on_target(self._axis, rows) for rows in of_source)
        shifted = as_on_target(X, X_source, X_target, standards.weights)
        term, X_target = learn_input_term(standards, X_source, X_target)
        spectra = np.concatenate([X_target, with_input_term(term, shifted)])
        Z_source = self._embed_reference(self._axis, np.concatenate(of_source))
        Z_source = without_rounding(Z_source)
        adapter, losses = self._train(spectra, Z_source, source, standards)
        network = merge(self._axis.embedder.network_, adapter, self.lora_alpha)
        differences = self._embed_target(self._axis, network, X_target) - Z_source[: len(standards)]
        adapter |= {**term, "offset": channel_means(differences, standards.weights)}
        return adapter, network, spectra, losses

    def _train(self, spectra, Z_source, source: Rows, standards: Standards):
        """Return factors trained to embed `spectra` as `Z_source`, and the losses."""
        from .._training._adaptation import Examples, train_adapter

        embedder = self._axis.embedder
        expected = self._predict_with(self.estimator_, standards.X_source)
        learnt = what_to_learn(Z_source, source, standards, expected)
        self.device_ = self._resolve_device()
        return train_adapter(
            embedder.network_,
            Examples(embedder._to_spectra(spectra), **learnt),
            self._recipe(self._draw_seed()),
            pooling=embedder.pooling,
            n_layers=embedder.n_layers,
            rank=self.rank,
            alpha=self.lora_alpha,
            token_weights=self._axis.tokens,
        )

    def _align(self, network, adapter, head: Pipeline) -> Pipeline:
        """Return the calibration for the target: input term, adapted embedding, offset, head."""
        after = ("align", SubtractOffset(adapter["offset"])), *head.steps
        return self._assemble(self._axis, network, *after, last=input_steps(adapter))

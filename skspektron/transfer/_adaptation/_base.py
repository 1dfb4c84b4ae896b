"""Transfer methods that change the network of a `SpektronEmbedder`."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ..._base import TorchEstimatorMixin
from ..._frames import as_frame, installed_kind
from ..._interpolation import complete_channels
from ..._parameters import Integer, Number, Rules
from ..._pipelines import unwrap
from ..._typing import ESTIMATOR, VERBOSE, WEIGHTS
from ..._validation import WAVELENGTH, WAVENUMBER
from ...foundation import SpektronEmbedder
from ...preprocessing import SNV
from .._algorithms._pls import cross_validated_pls
from .._core._base import BaseTransfer
from .._core._frozen import is_frozen
from .._core._standards import Rows, Standards
from .._core._standards_check import BAD
from .._core._tuning import OF_LABELS
from ._replay import equal_rows_refused, without_rounding
from ._target_axis import TargetAxis


class EmbeddingTransfer(TorchEstimatorMixin, BaseTransfer):
    """Change the embedding of a calibration; a method implements `_learn`.

    The constructor takes `wavelength`, `wavenumber`, `weights` and `device` for
    ``estimator=None``.
    """

    _parameters: ClassVar[Rules] = {
        "estimator": ESTIMATOR | None,  # `_steps` says which pipelines are valid
        "wavelength": WAVELENGTH,
        "wavenumber": WAVENUMBER,
        "weights": WEIGHTS,
        "batch_size": Integer(1),
        "learning_rate": Number(above=0),
        "rank": Integer(1),
        "verbose": VERBOSE,
    }

    _keeps_target_grid = True
    _WEIGHTS = "small"  # the default of `weights`
    _when_slow = (
        "Pass device= to train on a GPU, or fewer passes (max_epochs or max_steps). In a search, "
        "pass memory= to fit each calibration once. verbose=1 shows progress."
    )

    def _check_parameters(self) -> None:
        """Check that the estimator can be adapted and that axis and weights are not given twice."""
        super()._check_parameters()
        if self.estimator is None:
            return
        self._steps(self.estimator)
        for name in ("wavelength", "wavenumber"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} must be None with an estimator, which has its own axis. "
                    "Pass the axis to its SpektronEmbedder, or pass estimator=None."
                )
        if self.weights != self._WEIGHTS:
            raise ValueError(
                f"weights must be {self._WEIGHTS!r}, the default, with an estimator, which has its "
                f"own, got {self.weights!r}. Pass them to its SpektronEmbedder, or pass "
                "estimator=None."
            )

    def _calibrate(self, rows: Rows, channels: NDArray[Any] | None = None):
        """Return the calibration fitted on `rows`."""
        with equal_rows_refused(rows.X, "spectra"):
            calibration = super()._calibrate(rows, channels)
        if self.estimator is None or is_frozen(self.estimator):
            return calibration
        return self._refit_flat(calibration, rows)

    def _refit_flat(self, calibration: Pipeline, rows: Rows) -> Pipeline:
        """Return the calibration, its head refitted if outputs vary by rounding errors only."""
        before, embedder, head = self._steps(calibration)
        Z = self._embed(embedder, self._transform_before(before, rows.X))
        if np.array_equal(without_rounding(Z), Z):
            return calibration
        steps = calibration.steps[: -len(head)]
        return Pipeline([*steps, *self._fit_head(head, Z, rows.y, rows.ids).steps])

    def _default_calibration(self, X, y, ids) -> Pipeline:
        """Return the default pipeline, fitted on `X` and `y`."""
        axis = self._resolve_axis(self.n_features_in_)[self.source_channels_]
        embedder = SpektronEmbedder(self.weights, wavenumber=axis, device=self.device)
        embedding = Pipeline([("snv", SNV()), ("embed", embedder)]).set_output(transform="default")
        Z = without_rounding(embedding.fit_transform(X))
        pls = self._cached(cross_validated_pls)(Z, y, ids)
        return Pipeline([*embedding.steps, ("pls", pls)])

    def _leaves_gaps(self) -> bool:
        """Embed each instrument on its own channels."""
        return False

    def _lay_out(self, source: Rows, target: Rows) -> tuple[Rows, Rows]:
        """Return the rows on their channels, and remember which all spectra have."""
        source, target = super()._lay_out(source, target)
        self._complete = complete_channels(source.X), complete_channels(target.X)
        return source, target

    def _fit_plain(self, rows):
        """Fit the estimator on all rows, without a transfer."""
        self._complete = complete_channels(rows.X), complete_channels(rows.X)
        return super()._fit_plain(rows)

    def _steps(self, estimator):
        """Return the steps before the embedder, the embedder, and the pipeline after it."""
        pipeline = unwrap(estimator)
        steps = pipeline.steps if isinstance(pipeline, Pipeline) else []
        where = [i for i, (_, step) in enumerate(steps) if isinstance(step, SpektronEmbedder)]
        if len(where) != 1 or where[0] == len(steps) - 1:
            raise ValueError(
                f"The estimator has {len(where)} SpektronEmbedder steps, and "
                f"{type(self).__name__} needs exactly one with a step after it. Pass a Pipeline, "
                "as make_pipeline(SNV(), SpektronEmbedder(wavelength=...), PLSRegression(10))."
            )
        at = where[0]
        return steps[:at], steps[at][1], Pipeline(steps[at + 1 :])

    def _embed_source(self, X: NDArray[Any], network=None) -> NDArray[Any]:
        """Return embeddings of spectra on the source's channels, by another network if given."""
        before, embedder, _ = self._steps(self.estimator_)
        embedder = embedder if network is None else self._with_network(embedder, network)
        return self._embed(embedder, self._transform_before(before, X))

    def _transform_before(self, steps, X, channels=None) -> NDArray[Any]:
        """Return `X`, on the source's or other channels, transformed by some steps."""
        X = self._layout.as_given(X, channels)
        return np.asarray(Pipeline(steps).transform(X) if steps else X)

    def _target_axis(self, source: Rows) -> TargetAxis:
        """Return the steps before the head for target spectra."""
        before, embedder, _ = self._steps(self.estimator_)
        keeps_head = is_frozen(self.estimator)
        return TargetAxis.of(
            self._layout, before, embedder, source.X, source.y, keeps_head=keeps_head
        )

    def _target_before(self, axis: TargetAxis, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra as the embedder takes them."""
        return self._transform_before(axis.before, X, self._layout.grids.target)

    def _source_on_target(self, axis: TargetAxis, X: NDArray[Any]) -> NDArray[Any]:
        """Return source spectra at the target's channels, as the embedder takes them."""
        if axis.axes is None:
            return self._transform_before(axis.before, X)
        return axis.transform_source(X)

    def _embed_reference(self, axis: TargetAxis, X: NDArray[Any], network=None) -> NDArray[Any]:
        """Return embeddings of source spectra, comparable with those of the target.

        They are on the axis of the source if that is the target's too, or if the later steps are
        frozen, and else on that of the target. The default network is that of the calibration.
        """
        if axis.axes is None or axis.keeps_head:
            return self._embed_source(X, network)
        network = axis.embedder.network_ if network is None else network
        return self._embed_target(axis, network, self._source_on_target(axis, X))

    def _embed_target(self, axis: TargetAxis, network, X: NDArray[Any]) -> NDArray[Any]:
        """Return embeddings by `network` of target spectra as the embedder takes them."""
        return axis.interpolate(self._embed(self._with_network(axis.embedder, network), X))

    def _embed(self, embedder: SpektronEmbedder, X: NDArray[Any]) -> NDArray[Any]:
        """Return embeddings of rows that the steps before have transformed, as an array."""
        names = getattr(embedder, "feature_names_in_", None)
        named = X if names is None else as_frame(X, names, self._layout.frame or installed_kind())
        return np.asarray(embedder.transform(named))

    @staticmethod
    def _with_network(embedder: SpektronEmbedder, network) -> SpektronEmbedder:
        """Return the fitted embedder with another network."""
        adapted = copy.copy(embedder)
        adapted.network_, adapted._complete = network, None  # predict checks the channels
        # The steps after it are fitted on arrays, whatever output the user set on the embedder.
        vars(adapted).pop("_sklearn_output_config", None)  # shared with the embedder
        return adapted.set_output(transform="default")

    def _refit(self, head, Z, source: Rows, standards: Standards) -> Pipeline:
        """Fit the steps after the embedder on good labelled standards and replayed source rows."""
        y = np.concatenate([standards.y, source.y])
        ids = np.concatenate([standards.ids, source.ids])
        known = np.isfinite(y.reshape(len(y), -1)).all(axis=1)
        known[: len(standards)] &= standards.weights * standards.label_weights >= BAD
        return self._fit_head(head, Z[known], y[known], ids[known])

    def _fit_head(self, head: Pipeline, Z, y: NDArray[Any], ids: NDArray[Any]) -> Pipeline:
        """Return the steps after the embedder, fitted on embeddings; frozen ones are kept."""
        if isinstance(self.estimator, FrozenEstimator):
            return head
        Z = without_rounding(Z)
        if self.estimator is None:
            return Pipeline([("pls", cross_validated_pls(Z, y, ids))])
        with equal_rows_refused(Z, "embeddings"):
            return clone(head).fit(Z, y)

    def _held_out_errors(self) -> dict[str, Any]:
        """Return also the error of the ensemble of ``estimator=None``."""
        ensemble = getattr(getattr(self, "target_estimator_", None), "ensemble", None)
        of_ensemble = {} if ensemble is None else {OF_LABELS: ensemble.held_out_error}
        return super()._held_out_errors() | of_ensemble

    def _assemble(self, axis: TargetAxis, network, *after, last=()) -> Pipeline:
        """Return the calibration for the target: adapted embedding and the steps after it.

        The steps in `last` come directly before the embedder.
        """
        pipeline = unwrap(self.estimator_)
        name = pipeline.steps[-len(self._steps(pipeline)[2]) - 1][0]
        adapted = self._with_network(axis.embedder, network)
        return Pipeline([*axis.steps(adapted, name, last), *after])

    def _embeddings(self, X_source, X_target, position) -> tuple[NDArray[Any], ...]:
        """Return embeddings of source and target, and of the target by the adapted network."""
        grids, axis = self._layout.grids, self._axis
        X_source, X_target = (
            self._layout.read(self, X, allow_nan=True) for X in (X_source, X_target)
        )
        X_target = grids.on_target(X_target)
        before = self._target_before(axis, X_target)
        adapted = getattr(self.target_estimator_, "embedding", None)
        if adapted is None:
            adapted = self.target_estimator_[: -len(self._steps(self.estimator_)[2])]
        return (
            self._embed_reference(axis, grids.on_source(X_source, position)),
            self._embed_target(axis, axis.embedder.network_, before),
            np.asarray(adapted.transform(self._layout.as_given(X_target, grids.target))),
        )

    def _predict_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of the source calibration, for spectra with its channels."""
        refuse_incomplete(X, self._complete[0], self.source_)
        return super()._predict_source(X)

    def _predict_moved(self, X):
        """Return predictions for target rows with the channels of the training spectra."""
        refuse_incomplete(self._layout.grids.on_target(X), self._complete[1], self.target_)
        return super()._predict_moved(X)

    def _predict_target(self, X) -> NDArray[Any]:
        """Predict with the adapted calibration."""
        return self._predict_with(self.target_estimator_, X, self._layout.grids.target)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan |= self.estimator is None
        return tags


def refuse_incomplete(X: NDArray[Any], complete: NDArray[np.bool_], instrument) -> None:
    """Refuse spectra that lack channels which are finite in all training spectra."""
    n_missing = np.count_nonzero(~np.isfinite(X[:, complete]), axis=1)
    if n_missing.any():
        of_it = "" if instrument is None else f" of {instrument!r}"
        raise ValueError(
            f"{np.count_nonzero(n_missing)} of {len(X)} spectra lack up to {n_missing.max()} of "
            f"the {np.count_nonzero(complete)} channels that all training spectra{of_it} have. "
            "Measure these channels, or fit on spectra without them."
        )

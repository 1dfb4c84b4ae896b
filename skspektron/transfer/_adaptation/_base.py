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
from ..._parameters import Integer, Number, Rules
from ..._pipelines import unwrap
from ..._typing import ESTIMATOR, VERBOSE, WEIGHTS
from ..._validation import WAVELENGTH, WAVENUMBER
from ...foundation import SpektronEmbedder
from ...preprocessing import SNV
from .._algorithms._pls import cross_validated_pls
from .._core._base import BaseTransfer


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

    _WEIGHTS = "small"  # the default of `weights`

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

    def _default_calibration(self, X, y, ids) -> Pipeline:
        """Return the default pipeline, fitted on `X` and `y`."""
        axis = self._resolve_axis(X.shape[1])
        embedder = SpektronEmbedder(self.weights, wavenumber=axis, device=self.device)
        embedding = Pipeline([("snv", SNV()), ("embed", embedder)]).set_output(transform="default")
        Z = embedding.fit_transform(X)
        pls = self._cached(cross_validated_pls)(Z, y, ids)
        return Pipeline([*embedding.steps, ("pls", pls)])

    def _leaves_gaps(self) -> bool:
        """Leave gaps to the embedder, which reads any channels."""
        return True

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

    def _transform_before(self, steps, X) -> NDArray[Any]:
        """Return `X` transformed by the steps before the embedder."""
        X = self._layout.as_given(X)
        return np.asarray(Pipeline(steps).transform(X) if steps else X)

    def _embed(self, embedder: SpektronEmbedder, X: NDArray[Any]) -> NDArray[Any]:
        """Return embeddings of rows that the steps before have transformed, as an array."""
        names = getattr(embedder, "feature_names_in_", None)
        named = X if names is None else as_frame(X, names, self._layout.frame or installed_kind())
        return np.asarray(embedder.transform(named))

    @staticmethod
    def _with_network(embedder: SpektronEmbedder, network) -> SpektronEmbedder:
        """Return the fitted embedder with another network."""
        adapted = copy.copy(embedder)
        adapted.network_ = network
        # The steps after it are fitted on arrays, whatever output the user set on the embedder.
        vars(adapted).pop("_sklearn_output_config", None)  # shared with the embedder
        return adapted.set_output(transform="default")

    def _fit_head(self, head: Pipeline, Z, y: NDArray[Any], ids: NDArray[Any]) -> Pipeline:
        """Return the steps after the embedder, fitted on embeddings; frozen ones are kept."""
        if isinstance(self.estimator, FrozenEstimator):
            return head
        if self.estimator is None:
            return Pipeline([("pls", cross_validated_pls(Z, y, ids))])
        return clone(head).fit(Z, y)

    def _assemble(self, adapted: SpektronEmbedder, *after) -> Pipeline:
        """Return the calibration for the target: adapted embedding and the steps after it."""
        pipeline = unwrap(self.estimator_)
        at = len(pipeline) - len(self._steps(pipeline)[2]) - 1
        return Pipeline([*pipeline.steps[:at], (pipeline.steps[at][0], adapted), *after])

    def _predict_target(self, X) -> NDArray[Any]:
        """Predict with the adapted calibration."""
        return self._predict_with(self.target_estimator_, X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan |= self.estimator is None
        return tags

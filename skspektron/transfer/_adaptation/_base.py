"""Transfer methods that change the network behind a `SpektronEmbedder`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ..._base import TorchEstimatorMixin
from ..._frames import as_frame, installed_kind
from ..._pipelines import unwrap
from ...foundation import SpektronEmbedder
from ...preprocessing import SNV
from .._algorithms._pls import cross_validated_pls
from .._core._base import BaseTransfer


class EmbeddingTransfer(TorchEstimatorMixin, BaseTransfer):
    """Change the embedding of a calibration; a method implements `_learn`.

    Its constructor takes `wavelength`, `wavenumber`, `weights` and `device` for the recommended
    pipeline.
    """

    _WEIGHTS = "small"  # the default of `weights`

    def _check_parameters(self) -> None:
        """Refuse what cannot be adapted, before anything is fitted."""
        super()._check_parameters()
        if self.estimator is not None:
            self._steps(self.estimator)
            if self.wavelength is not None or self.wavenumber is not None:
                raise ValueError(
                    "An axis was given for an estimator that has its own. "
                    "Give it to the SpektronEmbedder inside, or pass estimator=None."
                )
            if self.weights != self._WEIGHTS:
                raise ValueError(
                    f"weights is {self.weights!r} and the estimator has its own. "
                    "Give them to the SpektronEmbedder inside, or pass estimator=None."
                )

    def _check_positive(self, *names: str) -> None:
        """Refuse parameters that are not above 0."""
        for name in names:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Pass a positive number.")

    def _default_calibration(self, X, y, ids) -> Pipeline:
        """Return the recommended pipeline, fitted on `X` and `y`."""
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
        """Return the steps before the embedder, the embedder, and the pipeline behind it."""
        pipeline = unwrap(estimator)
        steps = pipeline.steps if isinstance(pipeline, Pipeline) else []
        where = [i for i, (_, step) in enumerate(steps) if isinstance(step, SpektronEmbedder)]
        if len(where) != 1 or where[0] == len(steps) - 1:
            raise ValueError(
                f"The estimator has {len(where)} SpektronEmbedder steps with a step behind it, "
                f"and {type(self).__name__} adapts exactly one. Pass a Pipeline such as "
                "make_pipeline(SNV(), SpektronEmbedder(wavelength=...), PLSRegression(10))."
            )
        at = where[0]
        return steps[:at], steps[at][1], Pipeline(steps[at + 1 :])

    def _transform_before(self, steps, X) -> NDArray[Any]:
        """Return `X` behind the steps that precede the embedder."""
        X = self._layout.as_given(X)
        return np.asarray(Pipeline(steps).transform(X) if steps else X)

    def _embed(self, embedder: SpektronEmbedder, X: NDArray[Any]) -> NDArray[Any]:
        """Return embeddings of `X`, the rows behind the steps before, as an array."""
        names = getattr(embedder, "feature_names_in_", None)
        named = X if names is None else as_frame(X, names, self._layout.frame or installed_kind())
        return np.asarray(embedder.transform(named))

    @staticmethod
    def _with_network(embedder: SpektronEmbedder, network) -> SpektronEmbedder:
        """Return the fitted embedder with another network inside."""
        adapted = copy.copy(embedder)
        adapted.network_ = network
        # What follows it is fitted on arrays, whatever container the user asked the embedder for.
        vars(adapted).pop("_sklearn_output_config", None)  # shared with the embedder
        return adapted.set_output(transform="default")

    def _fit_head(self, head: Pipeline, Z, y: NDArray[Any], ids: NDArray[Any]) -> Pipeline:
        """Return the steps behind the embedder, fitted on embeddings; frozen ones stay."""
        if isinstance(self.estimator, FrozenEstimator):
            return head
        if self.estimator is None:
            return Pipeline([("pls", cross_validated_pls(Z, y, ids))])
        return clone(head).fit(Z, y)

    def _assemble(self, adapted: SpektronEmbedder, *behind) -> Pipeline:
        """Return the calibration for the target: adapted embedding, and the steps behind it."""
        pipeline = unwrap(self.estimator_)
        at = len(pipeline) - len(self._steps(pipeline)[2]) - 1
        return Pipeline([*pipeline.steps[:at], (pipeline.steps[at][0], adapted), *behind])

    def _predict_target(self, X) -> NDArray[Any]:
        """Predict with the adapted calibration."""
        return self._predict_with(self.target_estimator_, X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan |= self.estimator is None
        return tags

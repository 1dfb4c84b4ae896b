"""Where the spectra of two instruments lie in an embedding, before and after a transfer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.utils import check_array

from .._drawing import COLOURS, check_axes, import_pyplot, new_axes
from .._validation import check_labels
from ._embedded_rows import embed_rows

STYLES = {
    "source": {"marker": "o", "color": "0.35", "markerfacecolor": "none"},
    "target": {"marker": "^", "color": COLOURS[1]},
}


class EmbeddingDisplay:
    """Draw the first two principal component scores of both instruments, before and after.

    The components are those of the rows of both instruments before the transfer, the same in
    both panels, so that what moves is the target. Thin lines join the rows of one sample.

    Parameters
    ----------
    source : array-like of shape (n_source, n_outputs)
        Embeddings, or preprocessed spectra, of source rows.
    target, adapted : array-like of shape (n_target, n_outputs)
        Those of target rows before and after the transfer.
    source_id, target_id : array-like of shape (n_source,) and (n_target,), default=None
        Physical sample of each row. None: no lines.

    Attributes
    ----------
    distance_before_, distance_after_ : float
        Root mean square of the distances between target rows and the mean source row of the same
        sample, in the whole embedding, divided by that between source rows and their mean: 1 is
        as far as one sample is from the average of all. NaN without pairs.
    scores_ : dict of str to ndarray of shape (n_rows, 2)
        Scores of `source`, `target` and `adapted`.
    explained_variance_ratio_ : ndarray of shape (2,)
        Shares of the variance of the rows of both instruments before the transfer.
    ax_ : ndarray of shape (2,) of matplotlib Axes
        Before; after.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    TransferSpectraDisplay : Draws the spectra themselves.

    Notes
    -----
    Two components show a part of the embedding. `distance_after_` is computed in all of it, and
    neither tells how far off the predictions are.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.inspection import EmbeddingDisplay
    >>> source = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]
    >>> target = [[5.0, 0.0], [7.0, 0.0], [7.0, 2.0], [5.0, 2.0]]
    >>> display = EmbeddingDisplay(source, target, source, source_id=[1, 2, 3, 4],
    ...                            target_id=[1, 2, 3, 4])
    >>> display = display.plot(Figure().subplots(1, 2))
    >>> print(round(display.distance_before_, 2), display.distance_after_)
    3.54 0.0
    """

    def __init__(
        self,
        source: ArrayLike,
        target: ArrayLike,
        adapted: ArrayLike,
        *,
        source_id: ArrayLike | None = None,
        target_id: ArrayLike | None = None,
    ):
        self.source = source
        self.target = target
        self.adapted = adapted
        self.source_id = source_id
        self.target_id = target_id

    def plot(self, ax: Any = None) -> EmbeddingDisplay:
        """Draw both panels.

        Parameters
        ----------
        ax : array-like of 2 matplotlib Axes, default=None
            For before and after. None: a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            Itself, with what was drawn.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes, the embeddings do not go together, or the source
            has fewer than two rows or two outputs.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        embeddings = self._embeddings()
        partner = self._partners(*map(len, list(embeddings.values())[:2]))
        pca = PCA(2).fit(np.concatenate([embeddings["source"], embeddings["target"]]))
        self.explained_variance_ratio_ = pca.explained_variance_ratio_
        self.scores_ = {name: pca.transform(Z) for name, Z in embeddings.items()}
        self.distance_before_, self.distance_after_ = (
            _distance(embeddings["source"], embeddings[name], partner)
            for name in ("target", "adapted")
        )
        if ax is None:
            options = {"figsize": (9, 4.2), "sharex": True, "sharey": True}
            ax = new_axes(type(self).__name__, 1, 2, **options)
        self.ax_ = check_axes(ax, 2)
        self.figure_ = self.ax_[0].figure
        self._draw(self.ax_[0], "target", partner, f"Before{_apart(self.distance_before_)}")
        self._draw(self.ax_[1], "adapted", partner, f"After{_apart(self.distance_after_)}")
        self.ax_[0].legend(fontsize="small")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        instrument: ArrayLike,
        sample_id: ArrayLike | None = None,
        features: BaseEstimator | None = None,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        ax: Any = None,
    ) -> EmbeddingDisplay:
        """Embed the rows of both instruments before and after a transfer, and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted `LoRATransfer` or `TTTTransfer`, whose embeddings are drawn, or a transfer that
            maps spectra; or a `Pipeline` that ends in one.
        X : array-like of shape (n_rows, n_features)
            Spectra of both instruments, stacked.
        instrument : array-like of shape (n_rows,)
            Instrument of each row.
        sample_id : array-like of shape (n_rows,), default=None
            Physical sample of each row. None: no lines.
        features : transformer, default=None
            Fitted; what mapped spectra are drawn behind, such as
            ``make_pipeline(SNV(), SpektronEmbedder(...))``. None: the steps of the calibration in
            front of its last one.
        wavelength, wavenumber : array-like of shape (n_features,), default=None
            Axis of `X`, read where both instruments have different channels. None: as column
            names spell it.
        ax : array-like of 2 matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : EmbeddingDisplay
            The drawing. Source rows are embedded by the network of the source in both panels.

        Raises
        ------
        TypeError
            If the transfer neither adapts an embedding nor maps spectra.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        if ax is None:
            import_pyplot(cls.__name__)
        embedded = embed_rows(estimator, X, instrument, sample_id, features, wavelength, wavenumber)
        return cls(**embedded).plot(ax)

    def _embeddings(self) -> dict[str, NDArray[np.float64]]:
        """Return the three embeddings by name, checked to go together."""
        given = {"source": self.source, "target": self.target, "adapted": self.adapted}
        embeddings = {
            name: check_array(Z, dtype=np.float64, input_name=name) for name, Z in given.items()
        }
        n_source, n_outputs = embeddings["source"].shape
        if embeddings["adapted"].shape != (expected := embeddings["target"].shape):
            raise ValueError(
                f"adapted has shape {embeddings['adapted'].shape}, target {expected}. Pass the "
                "same rows before and after the transfer."
            )
        if expected[1] != n_outputs or min(n_source, n_outputs) < 2:
            raise ValueError(
                f"source has shape {(n_source, n_outputs)}, target {expected}. Pass at least two "
                "source rows, and as many outputs, at least two, of both."
            )
        return embeddings

    def _partners(self, n_source: int, n_target: int) -> NDArray[np.bool_]:
        """Return which source rows are of the sample of each target row, (n_target, n_source)."""
        if self.source_id is None or self.target_id is None:
            return np.zeros((n_target, n_source), dtype=bool)
        source_id = check_labels(self.source_id, n_source, "source_id")
        target_id = check_labels(self.target_id, n_target, "target_id")
        return target_id[:, None] == source_id

    def _draw(self, ax: Any, name: str, partner: NDArray[np.bool_], title: str) -> None:
        """Draw one panel."""
        source, target = self.scores_["source"], self.scores_[name]
        for ends in _joined(source, target, partner):
            ax.plot(*ends.T, color="0.75", linewidth=0.7, zorder=1)
        for label, scores in (("source", source), ("target", target)):
            ax.plot(*scores.T, linestyle="none", markersize=5, label=label, **STYLES[label])
        first, second = self.explained_variance_ratio_
        ax.set(title=title, xlabel=f"First component ({first:.0%})")
        ax.set_ylabel(f"Second component ({second:.0%})")


def _joined(source: NDArray[Any], target: NDArray[Any], partner: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the two ends of every line, (n_pairs, 2, n_outputs): a sample's source mean first."""
    paired = partner.any(axis=1)
    weights = partner[paired] / partner[paired].sum(axis=1, keepdims=True)
    return np.stack([weights @ source, target[paired]], axis=1)


def _distance(source: NDArray[Any], target: NDArray[Any], partner: NDArray[np.bool_]) -> float:
    """Return how far a sample lies from itself, in units of its distance from the mean."""
    ends = _joined(source, target, partner)
    spread = np.mean(np.sum((source - source.mean(axis=0)) ** 2, axis=1))
    if not len(ends) or spread == 0:
        return float("nan")
    return float(np.sqrt(np.mean(np.sum((ends[:, 1] - ends[:, 0]) ** 2, axis=1)) / spread))


def _apart(distance: float) -> str:
    """Return what the title says of the pairs."""
    return f": pairs {distance:.2g} apart" if np.isfinite(distance) else ""

"""Embeddings of two instruments before and after a transfer."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.utils import check_array

from .._drawing import COLOURS, check_axes, import_pyplot, new_axes
from .._parameters import ARRAY, Rules, check_arguments, check_parameters, declares
from .._validation import NUMBERS, WAVELENGTH, WAVENUMBER, check_labels
from ._embedding_rows import embedding_rows

STYLES = {
    "source": {"marker": "o", "color": "0.35", "markerfacecolor": "none"},
    "target": {"marker": "^", "color": COLOURS[1]},
}


class EmbeddingDisplay:
    """Plot principal component scores of both instruments before and after a transfer.

    The components are fitted to the rows of both instruments before the transfer and are the same
    in both panels, so that only the target rows move. Thin lines join rows of the same sample.

    Parameters
    ----------
    source : array-like of shape (n_source, n_outputs)
        Embeddings, or preprocessed spectra, of source rows.
    target, adapted : array-like of shape (n_target, n_outputs)
        Embeddings of target rows before and after the transfer.
    source_id, target_id : array-like of shape (n_source,) and (n_target,), default=None
        Physical sample of each row. None: no lines.

    Attributes
    ----------
    distance_before_, distance_after_ : float
        Root mean square distance between a target row and the mean source row of the same sample,
        in all dimensions of the embedding, divided by that between source rows and their mean.
        1: as far apart as a sample is from the mean of all samples. NaN without pairs.
    scores_ : dict of str to ndarray of shape (n_rows, 2)
        Scores of `source`, `target` and `adapted`.
    explained_variance_ratio_ : ndarray of shape (2,)
        Fractions of the variance of the rows of both instruments before the transfer.
    ax_ : ndarray of shape (2,) of matplotlib Axes
        Panels before and after the transfer.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    TransferSpectraDisplay : Plots the spectra themselves.

    Notes
    -----
    Two components show only part of the embedding, whereas `distance_after_` uses all of it.
    Neither measures the error of predictions.

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

    _parameters: ClassVar[Rules] = {
        "source": NUMBERS,
        "target": NUMBERS,
        "adapted": NUMBERS,
        "source_id": ARRAY | None,
        "target_id": ARRAY | None,
    }

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
        """Plot both panels.

        Parameters
        ----------
        ax : array-like of 2 matplotlib Axes, default=None
            Axes of the panels before and after the transfer. None: a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes, the shapes of the embeddings do not match, or
            the source has fewer than two rows or two outputs.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        embeddings = self._embeddings()
        partner = self._partners(*map(len, list(embeddings.values())[:2]))
        both = np.concatenate([embeddings["source"], embeddings["target"]])
        pca = PCA(2, random_state=0).fit(both)
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
        self._draw(self.ax_[0], "target", partner, f"Before{_describe(self.distance_before_)}")
        self._draw(self.ax_[1], "adapted", partner, f"After{_describe(self.distance_after_)}")
        self.ax_[0].legend(fontsize="small")
        return self

    @classmethod
    @declares(
        wavelength=WAVELENGTH,
        wavenumber=WAVENUMBER,
    )
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
        """Embed rows of both instruments before and after a transfer and plot the scores.

        Parameters
        ----------
        estimator : estimator
            Fitted `LoRATransfer` or `TTTTransfer`, whose embeddings are plotted, or a fitted
            transfer that maps spectra; or a `Pipeline` that ends in one.
        X : array-like of shape (n_rows, n_features)
            Spectra of both instruments, stacked.
        instrument : array-like of shape (n_rows,)
            Instrument of each row.
        sample_id : array-like of shape (n_rows,), default=None
            Physical sample of each row. None: no lines.
        features : transformer, default=None
            Fitted transformer applied to mapped spectra, such as
            ``make_pipeline(SNV(), SpektronEmbedder(...))``. None: the steps of the calibration
            before its last one.
        wavelength, wavenumber : array-like of shape (n_features,), default=None
            Axis of `X` in nm or in cm-1, needed if the instruments have different channels.
            None: read from the column names.
        ax : array-like of 2 matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : EmbeddingDisplay
            The display. The network of the source embeds the source rows in both panels.

        Raises
        ------
        TypeError
            If the transfer neither adapts an embedding nor maps spectra.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimator, locals())
        if ax is None:
            import_pyplot(cls.__name__)
        axis = wavelength, wavenumber
        return cls(**embedding_rows(estimator, X, instrument, sample_id, features, *axis)).plot(ax)

    def _embeddings(self) -> dict[str, NDArray[np.float64]]:
        """Return the three embeddings by name after checking their shapes."""
        given = {"source": self.source, "target": self.target, "adapted": self.adapted}
        embeddings = {
            name: check_array(Z, dtype=np.float64, input_name=name) for name, Z in given.items()
        }
        n_source, n_outputs = embeddings["source"].shape
        if embeddings["adapted"].shape != (expected := embeddings["target"].shape):
            raise ValueError(
                f"adapted must have the shape of target, {expected}, got "
                f"{embeddings['adapted'].shape}. Pass the same rows before and after the transfer."
            )
        if expected[1] != n_outputs or min(n_source, n_outputs) < 2:
            raise ValueError(
                f"source has shape {(n_source, n_outputs)} and target {expected}. Pass at least "
                "2 source rows, and the same number of outputs for both, at least 2."
            )
        return embeddings

    def _partners(self, n_source: int, n_target: int) -> NDArray[np.bool_]:
        """Return whether a source row is of the sample of a target row, (n_target, n_source)."""
        if self.source_id is None or self.target_id is None:
            return np.zeros((n_target, n_source), dtype=bool)
        source_id = check_labels(self.source_id, n_source, "source_id")
        target_id = check_labels(self.target_id, n_target, "target_id")
        return target_id[:, None] == source_id

    def _draw(self, ax: Any, name: str, partner: NDArray[np.bool_], title: str) -> None:
        """Plot one panel."""
        source, target = self.scores_["source"], self.scores_[name]
        for ends in _line_ends(source, target, partner):
            ax.plot(*ends.T, color="0.75", linewidth=0.7, zorder=1)
        for label, scores in (("source", source), ("target", target)):
            ax.plot(*scores.T, linestyle="none", markersize=5, label=label, **STYLES[label])
        first, second = self.explained_variance_ratio_
        ax.set(title=title, xlabel=f"First component ({first:.0%})")
        ax.set_ylabel(f"Second component ({second:.0%})")


def _line_ends(
    source: NDArray[Any], target: NDArray[Any], partner: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return the ends of each line, (n_pairs, 2, n_outputs): source mean, then target row."""
    paired = partner.any(axis=1)
    weights = partner[paired] / partner[paired].sum(axis=1, keepdims=True)
    return np.stack([weights @ source, target[paired]], axis=1)


def _distance(source: NDArray[Any], target: NDArray[Any], partner: NDArray[np.bool_]) -> float:
    """Return the RMS distance within pairs relative to that of source rows from their mean."""
    ends = _line_ends(source, target, partner)
    spread = np.mean(np.sum((source - source.mean(axis=0)) ** 2, axis=1))
    if not len(ends) or spread == 0:
        return float("nan")
    return float(np.sqrt(np.mean(np.sum((ends[:, 1] - ends[:, 0]) ** 2, axis=1)) / spread))


def _describe(distance: float) -> str:
    """Return the distance within pairs as the end of a title."""
    return f": pairs {distance:.2g} apart" if np.isfinite(distance) else ""

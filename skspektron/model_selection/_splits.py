"""What the splitters share: a physical sample, and its group, is never on both sides."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sized
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from .._validation import check_labels, check_references, count_rows


class BaseTransferSplit(BaseCrossValidator):
    """Split stacked rows by blocks: samples that share a group belong to one block.

    A subclass stores `target` and `random_state` and draws the blocks to hold out.
    """

    # With metadata routing on, GridSearchCV(cv=...) hands these to split.
    __metadata_request__split: ClassVar = {"instrument": True, "sample_id": True, "groups": True}

    @abstractmethod
    def _hold_out(
        self, sizes: NDArray[np.intp], generator: np.random.RandomState
    ) -> Iterator[NDArray[np.intp]]:
        """Yield the blocks to hold out, given how many target samples each one has (> 0)."""

    def get_n_splits(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> int:
        """Return the number of splits; all arguments are ignored."""
        return self.n_splits

    def split(
        self,
        X: Sized,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the row indices of training and test set.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Spectra of all instruments, stacked; only their number is read.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Reference values; rows with NaN are never test rows. None: all may be.
        groups : array-like of shape (n_rows,), default=None
            Batch, season or orchard: what must not be on both sides, besides the sample.
        instrument : array-like of shape (n_rows,)
            Name of each row's instrument.
        sample_id : array-like of shape (n_rows,)
            Id of each row's physical sample.

        Yields
        ------
        train : ndarray of int
            Rows of every instrument, of the samples that are not held out.
        test : ndarray of int
            Target rows, with finite `y`, of the samples that are held out.
        """
        self._check_parameters()
        n_rows = count_rows(X, "the splitter")
        instrument, sample_id = _check_metadata(n_rows, instrument, sample_id)
        testable = self._find_target(instrument) & _is_labelled(y, n_rows)
        block = _join_blocks(sample_id, groups)
        # Only blocks that can be tested are ever held out; the others always train.
        pairs = np.unique(np.column_stack([block, _codes(sample_id)])[testable], axis=0)
        candidates, sizes = np.unique(pairs[:, 0], return_counts=True)
        for chosen in self._hold_out(sizes, check_random_state(self.random_state)):
            held_out = np.isin(block, candidates[chosen])
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out & testable)

    def _check_parameters(self) -> None:
        """Refuse parameters of the wrong range."""

    def _find_target(self, instrument):
        """Return the mask of the target's rows."""
        is_target = instrument == self.target
        if not np.any(is_target):
            raise ValueError(
                f"target={self.target!r} is on 0 of {len(instrument)} rows. "
                f"Pass one of the instruments {np.unique(instrument).tolist()}."
            )
        return is_target


def _check_metadata(n_rows, instrument, sample_id):
    """Return both labels as arrays; both are needed."""
    for name, values in (("instrument", instrument), ("sample_id", sample_id)):
        if values is None:
            raise ValueError(
                f"The splitter got {n_rows} rows of X but {name}=None. Without metadata routing "
                "scikit-learn hands no metadata to a splitter: pass cv=list(cv.split(X, y, "
                "instrument=instrument, sample_id=sample_id)), or turn routing on with "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
    return (
        check_labels(instrument, n_rows, "instrument"),
        check_labels(sample_id, n_rows, "sample_id"),
    )


def _is_labelled(y, n_rows):
    """Return the mask of the rows whose targets are all known."""
    if y is None:
        return np.ones(n_rows, dtype=bool)
    known = np.isfinite(check_references(y, n_rows, "the splitter"))
    return known.reshape(n_rows, -1).all(axis=1)


def _codes(labels):
    """Return labels as numbers in sorted order, so that nothing depends on the order of rows."""
    return np.unique(labels, return_inverse=True)[1].ravel()


def _join_blocks(sample_id, groups):
    """Return each row's block: the connected components of samples and groups."""
    sample = _codes(sample_id)
    if groups is None:
        return sample
    group = _codes(check_labels(groups, len(sample), "groups")) + sample.max() + 1
    n_nodes = group.max() + 1
    edges = coo_array((np.ones(len(sample)), (sample, group)), shape=(n_nodes, n_nodes))
    return connected_components(edges, directed=False)[1][sample]

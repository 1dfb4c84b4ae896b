"""Base class of the splitters, which keep the rows of a sample and of its group together."""

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

from .._parameters import TEXT, Number, Rules, check_parameters
from .._samples import warn_of_alike_ids
from .._typing import RANDOM_STATE
from .._validation import check_labels, check_references, count_rows, is_known


class BaseTransferSplit(BaseCrossValidator):
    """Split stacked rows by blocks: samples of the same group belong to one block.

    Subclasses store `target` and `random_state` and select the blocks to hold out.
    """

    _parameters: ClassVar[Rules] = {
        "target": TEXT | Number(way_out="Pass the name of the target in instrument."),
        "random_state": RANDOM_STATE,
    }

    # With metadata routing, GridSearchCV(cv=...) passes these to split.
    __metadata_request__split: ClassVar = {"instrument": True, "sample_id": True, "groups": True}

    @abstractmethod
    def _hold_out(
        self, sizes: NDArray[np.intp], generator: np.random.RandomState
    ) -> Iterator[NDArray[np.intp]]:
        """Yield the blocks to hold out, given the number of target samples of each (> 0)."""

    def get_n_splits(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> int:
        """Return the number of splits; the arguments are ignored."""
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
        """Yield the row indices of the training and test sets.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Spectra of all instruments, stacked; only their number is used.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Reference values, or names of classes; rows where they are missing (NaN or None) are
            never test rows. None: all rows may be.
        groups : array-like of shape (n_rows,), default=None
            Groups, such as batches, seasons or orchards, that are never in both sets.
        instrument : array-like of shape (n_rows,)
            Name of the instrument of each row.
        sample_id : array-like of shape (n_rows,)
            Id of the physical sample of each row.

        Yields
        ------
        train : ndarray of int
            Rows of all instruments, of the samples that are not held out.
        test : ndarray of int
            Target rows with known `y`, of the samples that are held out.
        """
        self._check_parameters()
        n_rows = count_rows(X, "the splitter")
        instrument, sample_id = _check_metadata(n_rows, instrument, sample_id)
        is_target = self._find_target(instrument)
        warn_of_alike_ids(sample_id[~is_target], sample_id[is_target])
        testable = is_target & _is_labelled(y, n_rows)
        block = join_blocks(sample_id, groups)
        # Only blocks with test rows are held out; the others are always in the training set.
        pairs = np.unique(np.column_stack([block, _codes(sample_id)])[testable], axis=0)
        candidates, sizes = np.unique(pairs[:, 0], return_counts=True)
        for chosen in self._hold_out(sizes, check_random_state(self.random_state)):
            held_out = np.isin(block, candidates[chosen])
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out & testable)

    def _check_parameters(self) -> None:
        """Refuse invalid parameters; splitters add combinations."""
        check_parameters(self)

    def _find_target(self, instrument):
        """Return the mask of the target rows."""
        is_target = instrument == self.target
        if not np.any(is_target):
            raise ValueError(
                f"target must be one of the instruments {np.unique(instrument).tolist()}, got "
                f"{self.target!r}. Pass the name of one of them."
            )
        return is_target


def _check_metadata(n_rows, instrument, sample_id):
    """Return both labels as arrays; raise if one of them is None."""
    for name, values in (("instrument", instrument), ("sample_id", sample_id)):
        if values is None:
            raise ValueError(
                f"{name} must be given to the splitter, got {name}=None for {n_rows} rows of X. "
                "Without metadata routing scikit-learn passes no metadata to a splitter: pass "
                "cv=list(cv.split(X, y, instrument=instrument, sample_id=sample_id)), or enable "
                "routing with sklearn.set_config(enable_metadata_routing=True)."
            )
    return (
        check_labels(instrument, n_rows, "instrument"),
        check_labels(sample_id, n_rows, "sample_id"),
    )


def _is_labelled(y, n_rows):
    """Return the mask of the rows without missing reference values."""
    if y is None:
        return np.ones(n_rows, dtype=bool)
    return is_known(check_references(y, n_rows, "the splitter"))


def _codes(labels):
    """Return labels as numbers in sorted order, so that splits do not depend on row order."""
    return np.unique(labels, return_inverse=True)[1].ravel()


def join_blocks(sample_id, groups):
    """Return the block of each row: connected components of samples and groups."""
    sample = _codes(sample_id)
    if groups is None:
        return sample
    group = _codes(check_labels(groups, len(sample), "groups")) + sample.max() + 1
    n_nodes = group.max() + 1
    edges = coo_array((np.ones(len(sample)), (sample, group)), shape=(n_nodes, n_nodes))
    return connected_components(edges, directed=False)[1][sample]

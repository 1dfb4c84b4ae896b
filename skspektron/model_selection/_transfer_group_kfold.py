"""K-fold cross-validation of calibration transfer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .._parameters import BOOLEAN, Integer, Rules
from ._splits import BaseTransferSplit


class TransferGroupKFold(BaseTransferSplit):
    """K-fold splitter that tests on target rows of samples unseen in training.

    Training rows are the rows of the training samples on all instruments; test rows are the target
    rows of the held-out samples. A physical sample, or a group such as a batch or season, is never
    in both sets. Every target sample with a reference value is tested once.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2. Folds have the same number of target samples, as far as the
        groups allow.
    target : str or int
        Name of the target instrument, as in `instrument`.
    shuffle : bool, default=False
        Assign the samples to the folds at random. False: in the order of their ids.
    random_state : int, RandomState instance or None, default=None
        Random state of the shuffling.

    See Also
    --------
    TransferShuffleSplit : Repeated random splits.
    sklearn.model_selection.GroupKFold : Keeps groups together, without instruments.

    Notes
    -----
    Splits do not depend on the order of the rows. Samples are dealt in the order of their sorted
    ids, as groups are in :class:`sklearn.model_selection.GroupKFold`, so that new names give other
    splits: a splitter does not read the spectra. Without metadata routing scikit-learn passes no
    metadata to a splitter: use ``cv=list(cv.split(...))`` in this case.

    Source rows are never test rows, so the folds do not partition the rows: ``cross_val_predict``
    raises "cross_val_predict only works for partitions", and ``StackingRegressor(cv=...)`` fails.
    Use ``cross_validate(..., return_estimator=True)``, as shown under "Out-of-fold predictions and
    stacking" in the user guide (page Transfer methods).

    Examples
    --------
    >>> from skspektron.model_selection import TransferGroupKFold
    >>> cv = TransferGroupKFold(n_splits=2, target="new")
    >>> instrument, sample_id = ["old", "old", "new", "new"], [1, 2, 1, 2]
    >>> for train, test in cv.split(range(4), instrument=instrument, sample_id=sample_id):
    ...     print(train, test)
    [1 3] [2]
    [0 2] [3]
    """

    _parameters: ClassVar[Rules] = {
        "n_splits": Integer(2),
        "shuffle": BOOLEAN,
    }

    def __init__(
        self,
        n_splits: int = 5,
        *,
        target: str | int,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_splits = n_splits
        self.target = target
        self.shuffle = shuffle
        self.random_state = random_state

    def _check_parameters(self):
        super()._check_parameters()
        if self.random_state is not None and not self.shuffle:
            raise ValueError(
                f"random_state must be None if shuffle=False, got {self.random_state!r}. "
                "Pass shuffle=True, or random_state=None."
            )

    def _hold_out(self, sizes, generator):
        if len(sizes) < self.n_splits:
            raise ValueError(
                f"n_splits must be at most the number of target samples or groups, got "
                f"{self.n_splits} for {len(sizes)}. "
                "Reduce n_splits, or add target samples with reference values."
            )
        order = generator.permutation(len(sizes)) if self.shuffle else np.arange(len(sizes))
        # Assign the blocks to the smallest fold in turn, beginning with the largest block.
        order = order[np.argsort(-sizes[order], kind="stable")]
        n_assigned = np.zeros(self.n_splits, dtype=int)
        fold = np.empty(len(sizes), dtype=int)
        for block in order:
            fold[block] = np.argmin(n_assigned)
            n_assigned[fold[block]] += sizes[block]
        for k in range(self.n_splits):
            yield np.flatnonzero(fold == k)

"""Repeated random splits for calibration transfer."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

import numpy as np

from .._parameters import Integer, Number, Rules
from ._splits import BaseTransferSplit


class TransferShuffleSplit(BaseTransferSplit):
    """Random splits that repeatedly hold out a fraction of the target samples.

    Training rows are the rows of the training samples on all instruments; test rows are the target
    rows of the held-out samples. A physical sample, or a group such as a batch or season, is never
    in both sets.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits, at least 1.
    target : str or int
        Name of the target instrument, as in `instrument`.
    test_size : float or int, default=0.25
        Target samples to hold out: a fraction in (0, 1), rounded up, or a number. With groups, the
        size is approximate, because groups are not divided. At least one sample is held out and
        at least one is kept.
    random_state : int, RandomState instance or None, default=None
        Random state of the splits.

    See Also
    --------
    TransferGroupKFold : Tests every target sample once.

    Notes
    -----
    Splits do not depend on the order of the rows. Samples are dealt in the order of their sorted
    ids, as groups are in :class:`sklearn.model_selection.GroupKFold`, so that new names give other
    splits: a splitter does not read the spectra. Without metadata routing scikit-learn passes no
    metadata to a splitter: use ``cv=list(cv.split(...))`` in this case.

    The splits do not partition the rows: ``cross_val_predict`` raises "cross_val_predict only works
    for partitions". See `TransferGroupKFold` for out-of-fold predictions.

    Examples
    --------
    >>> from skspektron.model_selection import TransferShuffleSplit
    >>> cv = TransferShuffleSplit(n_splits=1, target="new", test_size=1, random_state=0)
    >>> instrument, sample_id = ["old", "old", "new", "new"], [1, 2, 1, 2]
    >>> for train, test in cv.split(range(4), instrument=instrument, sample_id=sample_id):
    ...     print(train, test)
    [0 2] [3]
    """

    _parameters: ClassVar[Rules] = {
        "n_splits": Integer(1),
        "test_size": Number(above=0, below=1) | Integer(1),
    }

    def __init__(
        self,
        n_splits: int = 10,
        *,
        target: str | int,
        test_size: float = 0.25,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_splits = n_splits
        self.target = target
        self.test_size = test_size
        self.random_state = random_state

    def _hold_out(self, sizes, generator):
        n_samples, size = sizes.sum(), self.test_size
        n_test = size if isinstance(size, Integral) else int(np.ceil(size * n_samples))
        if len(sizes) < 2 or n_test > n_samples - (size >= 1):
            raise ValueError(
                f"test_size must keep one of {n_samples} target samples in {len(sizes)} blocks "
                f"(samples joined by groups), got {size}. "
                "Reduce test_size, or add target samples with reference values."
            )
        for _ in range(self.n_splits):
            order = generator.permutation(len(sizes))
            n_held_out = np.cumsum(sizes[order])[:-1]  # at least one block is kept in training
            yield order[: 1 + np.argmin(np.abs(n_held_out - n_test))]

"""Cross-validation of calibration transfer."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from ._splits import BaseTransferSplit


class TransferGroupKFold(BaseTransferSplit):
    """Test on the target instrument, on samples that no instrument has shown in training.

    Training rows are the rows of all instruments of the training samples; test rows are the
    target's rows of the held-out samples. A physical sample, and its group such as batch or
    season, is never on both sides. Every target sample with a reference value is tested once.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2. Folds hold the same number of target samples, as far as
        the groups allow.
    target : str or int
        Name of the instrument that the calibration moves to, as in `instrument`.
    shuffle : bool, default=False
        Deal the samples to the folds at random; False deals them in the order of their ids.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling.

    See Also
    --------
    TransferShuffleSplit : Any number of repeated random splits.
    sklearn.model_selection.GroupKFold : Knows groups, but neither instruments nor targets.

    Notes
    -----
    Splits do not depend on the order of rows. Without metadata routing scikit-learn passes no
    metadata to a splitter: use ``cv=list(cv.split(...))`` there.

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
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(f"n_splits={self.n_splits!r} is no integer of at least 2. Pass one.")
        if self.random_state is not None and not self.shuffle:
            raise ValueError(
                f"random_state={self.random_state!r} has no effect with shuffle=False. "
                "Pass shuffle=True, or leave random_state at None."
            )

    def _hold_out(self, sizes, generator):
        if len(sizes) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} folds need as many target samples, got {len(sizes)} "
                "(counting samples joined by groups once). "
                "Lower n_splits or add target samples with reference values."
            )
        order = generator.permutation(len(sizes)) if self.shuffle else np.arange(len(sizes))
        # The largest block goes first, each to the emptiest fold.
        order = order[np.argsort(-sizes[order], kind="stable")]
        n_dealt = np.zeros(self.n_splits, dtype=int)
        fold = np.empty(len(sizes), dtype=int)
        for block in order:
            fold[block] = np.argmin(n_dealt)
            n_dealt[fold[block]] += sizes[block]
        for k in range(self.n_splits):
            yield np.flatnonzero(fold == k)

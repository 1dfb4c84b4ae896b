"""Error on the target instrument against the number of transfer samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import BaseCrossValidator, check_cv, cross_validate
from sklearn.pipeline import Pipeline
from tqdm.auto import tqdm

from ._splits import BaseTransferSplit
from ._transfer_group_kfold import TransferGroupKFold


class TransferCurve(NamedTuple):
    """Scores of an estimator at several numbers of transfer samples.

    Attributes
    ----------
    n_transfer : ndarray of shape (n_sizes,)
        Numbers of transfer samples; of dtype object where None stands for all of them.
    test_scores : ndarray of shape (n_sizes, n_splits)
        Score on the held-out target rows; greater is better.
    fit_times, score_times : ndarray of shape (n_sizes, n_splits)
        Seconds.

    See Also
    --------
    transfer_curve : Computes it.
    TransferCurveDisplay : Draws it.

    Examples
    --------
    >>> from skspektron.model_selection import TransferCurve
    >>> curve = TransferCurve([0, 10], [[-3.0, -4.0], [-1.0, -2.0]], None, None)
    >>> dict(zip(curve.n_transfer, curve.test_scores))
    {0: [-3.0, -4.0], 10: [-1.0, -2.0]}
    """

    n_transfer: NDArray[Any]
    test_scores: NDArray[np.float64]
    fit_times: NDArray[np.float64]
    score_times: NDArray[np.float64]


def transfer_curve(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    instrument: ArrayLike,
    sample_id: ArrayLike,
    groups: ArrayLike | None = None,
    n_transfer: Sequence[int | None] = (0, 5, 10, 20),
    cv: int | BaseCrossValidator | Iterable[Any] | None = None,
    scoring: str | Callable[..., float] = "neg_root_mean_squared_error",
    n_jobs: int | None = None,
    verbose: int = 0,
    error_score: str | float = np.nan,
) -> TransferCurve:
    """Cross-validate a transfer estimator at several numbers of transfer samples.

    As :func:`sklearn.model_selection.learning_curve`, over `n_transfer` instead of the number
    of training samples. All sizes see the same splits.

    Parameters
    ----------
    estimator : estimator
        A ``*Transfer``, or a `Pipeline` that has one; it is cloned.
    X : array-like of shape (n_rows, n_features)
        Spectra of all instruments, stacked, as from `stack_instruments`.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Reference values; NaN where there are none.
    instrument, sample_id : array-like of shape (n_rows,)
        Name of each row's instrument; id of each row's physical sample.
    groups : array-like of shape (n_rows,), default=None
        Batches, seasons, ... that must not be on both sides of a split.
    n_transfer : sequence of int or None, default=(0, 5, 10, 20)
        Numbers of transfer samples. None: every candidate among the training rows.
    cv : int, splitter, iterable of (train, test) or None, default=None
        None and an int mean ``TransferGroupKFold(cv, target=...)`` with the target of
        `estimator`, 5 folds by default. Other splitters get `groups` alone.
    scoring : str or callable, default="neg_root_mean_squared_error"
        One score, as in :func:`sklearn.model_selection.cross_validate`.
    n_jobs : int, default=None
        Splits fitted at a time, as in joblib.
    verbose : int, default=0
        1 shows a progress bar, a step for each number of transfer samples; more also print the
        messages of :func:`sklearn.model_selection.cross_validate`.
    error_score : "raise" or float, default=nan
        Score of a fit that fails, with a warning. An error is raised when all splits of one
        size fail, as they do when there are too few samples for it.

    Returns
    -------
    curve : TransferCurve
        `n_transfer`, `test_scores`, `fit_times`, `score_times`.

    See Also
    --------
    TransferCurveDisplay : Draws curves, several methods on the same splits.

    Examples
    --------
    >>> import numpy as np
    >>> from skspektron.model_selection import transfer_curve
    >>> from skspektron.transfer import SlopeBiasTransfer
    >>> rng = np.random.default_rng(0)
    >>> X_old = rng.normal(size=(30, 8))
    >>> y = X_old @ np.arange(8.0)
    >>> curve = transfer_curve(SlopeBiasTransfer(source="old", target="new"),
    ...                        np.vstack([X_old, X_old + 1]), np.tile(y, 2),
    ...                        instrument=["old"] * 30 + ["new"] * 30,
    ...                        sample_id=[*range(30)] * 2, n_transfer=[0, 5])
    >>> curve.test_scores.mean(axis=1).round(6)
    array([-28.,  -0.])
    """
    if isinstance(scoring, list | tuple | set | dict):
        raise ValueError(f"scoring names {len(scoring)} scores. Pass one; call once per score.")
    prefix = find_prefix(estimator)
    metadata = {"instrument": instrument, "sample_id": sample_id}
    splits = make_splits(cv, estimator.get_params()[f"{prefix}target"], X, y, groups, metadata)
    results = [
        cross_validate(
            clone(estimator).set_params(**{f"{prefix}n_transfer": n}),
            X,
            y,
            cv=splits,
            scoring=scoring,
            params=route_metadata(estimator, metadata),
            n_jobs=n_jobs,
            verbose=verbose if verbose > 1 else 0,
            error_score=error_score,
        )
        for n in tqdm(n_transfer, desc="transfer curve", unit="size", disable=not verbose)
    ]
    columns = ("test_score", "fit_time", "score_time")
    return TransferCurve(
        np.asarray(n_transfer), *(np.array([r[column] for r in results]) for column in columns)
    )


def find_prefix(estimator):
    """Return "" or "step__": where in `estimator` the parameter `n_transfer` is."""
    names = estimator.get_params()
    if "n_transfer" in names:
        return ""
    inner = [name for name in names if name.endswith("__n_transfer")]
    if len(inner) != 1:
        raise ValueError(
            f"{type(estimator).__name__} has {len(inner)} parameters called n_transfer. "
            "Pass a *Transfer estimator, or a Pipeline with one of them."
        )
    return inner[0].removesuffix("n_transfer")


def make_splits(cv, target, X, y, groups, metadata):
    """Draw the splits once, for all sizes."""
    if cv is None or isinstance(cv, Integral):
        if target is None:
            raise ValueError(
                f"cv={cv} stands for folds of the target's samples, and target is None in the "
                "estimator. Pass target= to it, or a splitter as cv."
            )
        cv = TransferGroupKFold(5 if cv is None else int(cv), target=target)
    if isinstance(cv, BaseTransferSplit):
        return list(cv.split(X, y, groups, **metadata))
    return list(check_cv(cv).split(X, y, groups))


def route_metadata(estimator, metadata):
    """Name the metadata as `fit` wants it: without routing, a Pipeline wants its step's name."""
    takes_it = "n_transfer" in estimator.get_params(deep=False)
    if get_config()["enable_metadata_routing"] or takes_it:
        return metadata
    if not isinstance(estimator, Pipeline):  # a search
        return route_metadata(estimator.estimator, metadata)
    name, step = estimator.steps[-1]
    return {f"{name}__{key}": value for key, value in route_metadata(step, metadata).items()}

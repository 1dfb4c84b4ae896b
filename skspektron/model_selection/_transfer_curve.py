"""Error on the target instrument as a function of the number of standards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import BaseCrossValidator, check_cv, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from tqdm.auto import tqdm

from .._parameters import (
    Choice,
    Integer,
    Kind,
    Several,
    check_arguments,
    declares,
    having,
    is_number,
)
from .._typing import N_JOBS, VERBOSE
from ._splits import BaseTransferSplit
from ._transfer_group_kfold import TransferGroupKFold


class TransferCurve(NamedTuple):
    """Scores of an estimator at several numbers of standards.

    Attributes
    ----------
    n_transfer : ndarray of shape (n_sizes,)
        Numbers of standards; of dtype object if None, which stands for all, is among them.
    test_scores : ndarray of shape (n_sizes, n_splits)
        Score of the held-out target rows; greater is better.
    fit_times, score_times : ndarray of shape (n_sizes, n_splits)
        Times in seconds.

    See Also
    --------
    transfer_curve : Computes the curve.
    TransferCurveDisplay : Draws the curve.

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


def _is_iterable(value):
    """Return whether a value can be iterated over and is no text."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


SIZES = Several(Integer(0) | None, name="a sequence of ints of at least 0 or None")
SPLITS = (
    Integer(2)
    | having("a splitter", "split", "get_n_splits")
    | Kind("an iterable of splits", _is_iterable)
    | None
)
SCORE = (
    Kind(
        "the name of one score, a callable",
        lambda value: isinstance(value, str) or callable(value),
        way_out="Call it once per score.",
    )
    | None
)


@declares(
    n_transfer=SIZES,
    cv=SPLITS,
    scoring=SCORE,
    n_jobs=N_JOBS,
    verbose=VERBOSE,
    error_score=Choice(("raise",)) | Kind("a number", is_number),
)
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
    scoring: str | Callable[..., float] | None = "neg_root_mean_squared_error",
    n_jobs: int | None = None,
    verbose: int = 0,
    error_score: str | float = np.nan,
) -> TransferCurve:
    """Cross-validate a transfer estimator at several numbers of standards.

    Like :func:`sklearn.model_selection.learning_curve`, for `n_transfer` instead of the number
    of training samples. All sizes use the same splits.

    Parameters
    ----------
    estimator : estimator
        A ``*Transfer``, or a `Pipeline` that contains one; it is cloned.
    X : array-like of shape (n_rows, n_features)
        Spectra of all instruments, stacked, as returned by `stack_instruments`.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Reference values; NaN where missing.
    instrument, sample_id : array-like of shape (n_rows,)
        Name of the instrument of each row; id of the physical sample of each row.
    groups : array-like of shape (n_rows,), default=None
        Groups, such as batches or seasons, that are never in both sets of a split.
    n_transfer : sequence of int or None, default=(0, 5, 10, 20)
        Numbers of standards. None: all candidates among the training rows.
    cv : int, splitter, iterable of (train, test) or None, default=None
        None and an int mean ``TransferGroupKFold(cv, target=...)`` with the target of
        `estimator`, 5 folds by default. Splitters of scikit-learn get only `groups`.
    scoring : str, callable or None, default="neg_root_mean_squared_error"
        A single score, as in :func:`sklearn.model_selection.cross_validate`. None: the estimator's
        own.
    n_jobs : int, default=None
        Number of splits fitted in parallel, as in joblib.
    verbose : int, default=0
        1 shows a progress bar with one step per number of standards and fold; with processes
        (`n_jobs`) it moves per number of standards. Higher values also print the messages of
        :func:`sklearn.model_selection.cross_validate`.
    error_score : "raise" or float, default=nan
        Score assigned to a failing fit, with a warning. An error is raised if all splits of one
        size fail, for example because there are too few samples.

    Returns
    -------
    curve : TransferCurve
        `n_transfer`, `test_scores`, `fit_times`, `score_times`.

    See Also
    --------
    TransferCurveDisplay : Draws the curves of several methods on the same splits.

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
    check_arguments(transfer_curve, locals())
    if len(n_transfer) == 0:
        raise ValueError("n_transfer must have at least one size, got none. Pass (0, 5, 10, 20).")
    prefix = find_prefix(estimator)
    metadata = {"instrument": instrument, "sample_id": sample_id}
    splits = make_splits(cv, estimator.get_params()[f"{prefix}target"], X, y, groups, metadata)
    total = len(n_transfer) * len(splits)
    with tqdm(total=total, desc="transfer curve", unit="fold", disable=not verbose) as bar:
        results = []
        for done, n in enumerate(n_transfer, start=1):
            bar.set_postfix_str(f"n_transfer={n}")
            results.append(
                cross_validate(
                    clone(estimator).set_params(**{f"{prefix}n_transfer": n}),
                    X,
                    y,
                    cv=splits,
                    scoring=CountedScorer(estimator, scoring, bar) if verbose else scoring,
                    params=route_metadata(estimator, metadata),
                    n_jobs=n_jobs,
                    verbose=verbose if verbose > 1 else 0,
                    error_score=error_score,
                )
            )
            bar.update(done * len(splits) - bar.n)
    columns = ("test_score", "fit_time", "score_time")
    return TransferCurve(
        np.asarray(n_transfer), *(np.array([r[column] for r in results]) for column in columns)
    )


class CountedScorer:
    """A scorer that advances a progress bar; a copy in another process has no bar."""

    def __init__(self, estimator: BaseEstimator, scoring: Any, bar: Any):
        self.scorer, self.bar = check_scoring(estimator, scoring), bar

    def __call__(self, *args: Any, **kwargs: Any) -> float:
        """Return the score of a fold."""
        score = self.scorer(*args, **kwargs)
        if self.bar is not None:
            self.bar.update()
        return score

    def get_metadata_routing(self) -> Any:
        """Return the metadata that the scorer requests."""
        return get_routing_for_object(self.scorer)

    def __getstate__(self) -> dict[str, Any]:
        return {"scorer": self.scorer, "bar": None}


def find_prefix(estimator):
    """Return the prefix of the parameter `n_transfer` in `estimator`: "" or "step__"."""
    names = estimator.get_params()
    if "n_transfer" in names:
        return ""
    nested = [name for name in names if name.endswith("__n_transfer")]
    if len(nested) != 1:
        raise ValueError(
            f"estimator must have one parameter n_transfer, got {type(estimator).__name__} with "
            f"{len(nested)}. Pass a *Transfer, or a Pipeline that contains one."
        )
    return nested[0].removesuffix("n_transfer")


def make_splits(cv, target, X, y, groups, metadata):
    """Return the splits, so that all sizes use the same ones."""
    if cv is None or isinstance(cv, Integral):
        if target is None:
            raise ValueError(
                f"target of the estimator must be given for cv={cv}, got None. Pass target= to the "
                "estimator, or a splitter as cv."
            )
        cv = TransferGroupKFold(5 if cv is None else int(cv), target=target)
    if isinstance(cv, BaseTransferSplit):
        return list(cv.split(X, y, groups, **metadata))
    return list(check_cv(cv).split(X, y, groups))


def route_metadata(estimator, metadata):
    """Return the metadata named as in `fit`: without routing, a Pipeline needs step prefixes."""
    is_transfer = "n_transfer" in estimator.get_params(deep=False)
    if get_config()["enable_metadata_routing"] or is_transfer:
        return metadata
    if not isinstance(estimator, Pipeline):  # a search
        return route_metadata(estimator.estimator, metadata)
    name, step = estimator.steps[-1]
    return {f"{name}__{key}": value for key, value in route_metadata(step, metadata).items()}

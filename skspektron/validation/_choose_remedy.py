"""The simplest remedy for a calibration that has drifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils.validation import check_is_fitted

from .._parameters import ByName, Integer, check_arguments, declares
from .._samples import number_samples
from .._typing import REGRESSOR
from .._validation import check_labels, check_references, count_rows
from .._warnings import warn_user
from ..model_selection import TransferGroupKFold
from ..model_selection._splits import join_blocks
from ..transfer import NoTransfer, TargetOnly
from ..transfer._core._base import BaseTransfer
from ..transfer._core._instruments import listed
from ._corrections import CORRECTIONS
from ._remedy_report import RemedyReport
from ._statistics import ROUNDING, sample_means

MIN_SAMPLES = 5
TARGET = "target"  # label of all rows if instrument is None
REFITS = ("new standards", "recalibration")
NO_SOURCE = "It needs source rows, with instrument= and sample_id=."
NO_PAIRS = "No check sample was measured on the source."
NO_STANDARDS = "NoTransfer has no standards."
NO_TRANSFER = "Only a transfer of this package is fitted again. Pass refits=."


@declares(
    transfer=REGRESSOR,
    refits=ByName(REGRESSOR, "a mapping of names to estimators") | None,
    cv=Integer(2),
)
def choose_remedy(
    transfer: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    instrument: ArrayLike | None = None,
    sample_id: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    refits: Mapping[str, BaseEstimator] | None = None,
    cv: int = 10,
) -> RemedyReport:
    r"""Find the simplest remedy for a transfer, from check samples of the target instrument.

    The remedies are, from the simplest: nothing; adding a bias; a slope and a bias; new standards,
    the same transfer fitted to the check samples; and a recalibration, a calibration from the check
    samples alone. Each predicts check samples held out of it, and the first one is chosen whose
    mean squared error is within one standard error of the smallest, the rule of [1]_ for
    differences paired by sample:

    .. math:: \frac{1}{m} \sum_i d_i \le
        \sqrt{\frac{1}{m (m - 1)} \sum_i (d_i - \bar d)^2}, \qquad d_i = e_{ri}^2 - e_{bi}^2

    with the errors e of remedy r and of the best one b for the m check samples.

    Parameters
    ----------
    transfer : estimator
        Fitted ``*Transfer`` in use, or any fitted regressor if there are no source rows. It is not
        changed.
    X : array-like of shape (n_rows, n_features)
        Spectra. The target rows are the check samples, measured after `transfer` was fitted.
        Source rows, needed for the last two remedies, are those of the calibration, and of the
        check samples if these were measured on the source too.
    y : array-like of shape (n_rows,)
        Reference values; target rows with NaN are no check samples.
    instrument : array-like of shape (n_rows,), default=None
        Instrument of each row, as in the ``fit`` of `transfer`. None: all rows are from the target.
    sample_id : array-like of shape (n_rows,), default=None
        Physical sample of each row. Predictions are averaged within a sample. None: every row is a
        sample.
    groups : array-like of shape (n_rows,), default=None
        Groups of samples, such as days or batches, that are held out together; groups with rows of
        one sample are one group. The standard error is then that of the groups. None: each sample
        is a group.
    refits : mapping of str to estimator, default=None
        Remedies in place of the last two, simplest first: a ``*Transfer`` each. {}: none. None:
        "new standards", a copy of `transfer` with ``n_transfer=None``, and "recalibration",
        `TargetOnly` with the calibration of `transfer`.
    cv : int, default=10
        Number of folds, at least 2; with fewer groups than that, each is held out by itself.

    Returns
    -------
    report : RemedyReport
        The choice, and the errors of all remedies; printed, it is a table.

    Raises
    ------
    ValueError
        If there are fewer than 5 check samples or 2 groups of them, `y` or the predictions have
        several targets, a name in `refits` is that of a correction, or `instrument` has no target
        rows.

    Warns
    -----
    UserWarning
        If check samples were standards of `transfer`, which predicts these too well.

    See Also
    --------
    validate_predictions : Tests whether the predictions agree with the reference values.

    Notes
    -----
    A correction must pay for the error of its own estimate. "nothing" gives way to a bias if the
    *t* of the bias is above :math:`1 + \sqrt 3 \approx 2.7` for many samples: later than in
    `validate_predictions`, because a bias that is only just significant is not worth a change.

    A remedy that is enough for the check samples is enough for samples like these. Take those from
    after the change that is to be remedied.

    References
    ----------
    .. [1] Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, Wadsworth (1984),
       section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.validation import choose_remedy
    >>> X = np.arange(8.0)[:, None]
    >>> calibration = LinearRegression().fit(X, X[:, 0])
    >>> noise = [0.1, -0.1] * 4
    >>> choose_remedy(calibration, X, X[:, 0] + noise).remedy
    'nothing'
    >>> choose_remedy(calibration, X, 2 * X[:, 0] + noise).remedy
    'slope and bias'
    """
    check_arguments(choose_remedy, locals())
    check_is_fitted(transfer)
    rows = _read_rows(transfer, X, y, instrument, sample_id, groups)
    _check_names(refits or {})
    _warn_of_standards(transfer, rows, has_ids=sample_id is not None)
    found, not_compared = _find_refits(transfer, rows) if refits is None else (refits, {})
    y_true, y_pred, group = _of_each_sample(rows, transfer)
    squared = _squared_errors(rows, y_true, y_pred, found, cv)
    excess, standard_error, best = _compare(squared, group, np.abs(y_true).max())
    names = (*CORRECTIONS, *found)
    remedy = names[int(np.argmax(excess <= standard_error))]
    line = CORRECTIONS[remedy](y_true, y_pred) if remedy in CORRECTIONS else (None, None)
    return RemedyReport(
        remedy=remedy,
        best=names[best],
        n_samples=len(y_true),
        n_groups=len(np.unique(group)),
        rmsep=dict(zip(names, np.sqrt(squared.mean(axis=0)).tolist(), strict=True)),
        excess=dict(zip(names, excess.tolist(), strict=True)),
        standard_error=dict(zip(names, standard_error.tolist(), strict=True)),
        not_compared=not_compared,
        slope=line[0],
        intercept=line[1],
    )


class _Rows(NamedTuple):
    """Stacked rows, with the numbers of the check samples among them."""

    X: Any
    y: NDArray[np.float64]
    instrument: NDArray[Any]
    ids: NDArray[Any]
    number: NDArray[np.intp]  # of the sample of each row, which folds follow
    groups: NDArray[Any] | None
    target: Any
    check: NDArray[np.intp]  # rows of check samples
    sample: NDArray[np.intp]  # number of the sample of each of them
    is_source: NDArray[np.bool_]  # whether each row is of a source of the transfer


def _read_rows(transfer, X, y, instrument, sample_id, groups) -> _Rows:
    """Return checked rows; without instruments all are from the target."""
    n_rows = count_rows(X, "choose_remedy")
    y = check_references(y, n_rows, "choose_remedy")
    if y.dtype == object:
        raise TypeError("y must be numbers, got names of classes. Pass reference values.")
    if y.size != n_rows:
        raise ValueError(
            f"y must have one target, got {y.size // n_rows}. Choose a remedy for each by itself."
        )
    target = TARGET if instrument is None else _target_of(transfer)
    label = np.full(n_rows, TARGET) if instrument is None else instrument
    label = check_labels(label, n_rows, "instrument")
    ids = np.arange(n_rows) if sample_id is None else check_labels(sample_id, n_rows, "sample_id")
    spectra = check_array(X, dtype=np.float64, ensure_all_finite=False, input_name="X")
    number = number_samples(spectra, ids, y, is_target=label == target)[0]
    groups = None if groups is None else join_blocks(number, groups)
    check = np.flatnonzero((label == target) & np.isfinite(y.ravel()))
    sample = np.unique(number[check], return_inverse=True)[1]
    if len(np.unique(sample)) < MIN_SAMPLES:
        raise ValueError(
            f"At least {MIN_SAMPLES} check samples of {target!r} with reference values are needed, "
            f"got {len(np.unique(sample))}. Measure more."
        )
    if groups is not None and len(np.unique(groups[check])) < 2:
        raise ValueError(
            f"groups must have at least 2 groups of the {len(np.unique(sample))} check samples "
            "without a common sample, got 1. Measure check samples on more days, or pass None."
        )
    sources = listed(getattr(transfer, "source_", None))
    is_source = np.array([each in sources for each in label.tolist()]) & (label != target)
    return _Rows(X, y.ravel(), label, ids, number, groups, target, check, sample, is_source)


def _target_of(transfer):
    """Return the label of the instrument that a transfer was fitted for."""
    target = getattr(transfer, "target_", None)
    if target is None:
        raise ValueError(
            f"transfer must have been fitted with instrument=, got a {type(transfer).__name__} "
            "without a target_. Pass the target rows alone and instrument=None, or the estimator_ "
            "of a ConformalTransfer."
        )
    return target


def _check_names(refits: Mapping[str, Any]) -> None:
    """Raise ValueError if a remedy has the name of a correction."""
    if taken := [name for name in refits if name in CORRECTIONS]:
        raise ValueError(f"refits must not have the names of corrections, got {taken}. Rename.")


def _warn_of_standards(transfer, rows: _Rows, *, has_ids: bool) -> None:
    """Warn if the transfer was fitted to check samples."""
    checks = np.unique(rows.ids[rows.check])
    n_known = np.count_nonzero(np.isin(checks, getattr(transfer, "transfer_ids_", [])))
    if has_ids and n_known:
        warn_user(
            f"{n_known} of the {len(checks)} check samples are standards of the transfer, which "
            "predicts them too well. Leave them out."
        )


def _find_refits(transfer, rows: _Rows) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the remedies that fit again, and those for which something is missing."""
    if not isinstance(transfer, BaseTransfer):
        return {}, dict.fromkeys(REFITS, NO_TRANSFER)
    if not rows.is_source.any():
        return {}, dict.fromkeys(REFITS, NO_SOURCE)
    refits, missing = {}, {}
    source_ids = rows.ids[rows.is_source]
    if isinstance(transfer, NoTransfer):
        missing[REFITS[0]] = NO_STANDARDS
    elif transfer._needs_pairs and not np.isin(rows.ids[rows.check], source_ids).any():
        missing[REFITS[0]] = NO_PAIRS
    else:
        uses = {"n_transfer": None} if "n_transfer" in transfer.get_params() else {}
        refits[REFITS[0]] = clone(transfer).set_params(**uses)
    estimator = transfer.estimator
    if isinstance(estimator, FrozenEstimator):
        estimator = clone(estimator.estimator)
    named = {"source": transfer.source_, "target": transfer.target_}
    refits[REFITS[1]] = TargetOnly(estimator, **named, n_transfer=None)
    return refits, missing


def _of_each_sample(rows: _Rows, transfer) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return reference value, prediction and group of each check sample."""
    y_pred = np.asarray(transfer.predict(_safe_indexing(rows.X, rows.check)), dtype=np.float64)
    if y_pred.size != len(rows.check):
        raise ValueError(
            f"transfer must predict one target, got {y_pred.size // len(rows.check)}. Fit it to "
            "each target by itself."
        )
    y_pred = y_pred.ravel()
    first = np.unique(rows.sample, return_index=True)[1]
    labels = rows.number if rows.groups is None else rows.groups
    group = np.unique(labels[rows.check][first], return_inverse=True)[1]
    return sample_means(rows.y[rows.check], rows.sample), sample_means(y_pred, rows.sample), group


def _squared_errors(
    rows: _Rows, y_true: NDArray[Any], y_pred: NDArray[Any], refits: Mapping[str, Any], cv: int
) -> NDArray[np.float64]:
    """Return squared errors of the held-out check samples, (n_samples, n_remedies)."""
    predicted = np.empty((len(y_true), len(CORRECTIONS) + len(refits)))
    groups = rows.number if rows.groups is None else rows.groups
    n_splits = min(cv, len(np.unique(groups[rows.check])))
    folds = TransferGroupKFold(n_splits, target=rows.target)
    metadata = {"instrument": rows.instrument, "sample_id": rows.number}
    for train, test in folds.split(rows.y, rows.y, rows.groups, **metadata):
        at = np.searchsorted(rows.check, test)
        held_out = np.unique(rows.sample[at])
        others = np.setdiff1d(np.arange(len(y_true)), held_out)
        for j, correct in enumerate(CORRECTIONS.values()):
            slope, intercept = correct(y_true[others], y_pred[others])
            predicted[held_out, j] = intercept + slope * y_pred[held_out]
        for j, refit in enumerate(refits.values(), len(CORRECTIONS)):
            values = _predict_again(refit, rows, train, test)
            numbers = np.searchsorted(held_out, rows.sample[at])
            predicted[held_out, j] = sample_means(values, numbers)
    return (predicted - y_true[:, None]) ** 2


def _predict_again(refit, rows: _Rows, train, test) -> NDArray[np.float64]:
    """Return the predictions of a remedy fitted without the held-out samples."""
    model = clone(refit).fit(
        _safe_indexing(rows.X, train),
        rows.y[train],
        instrument=rows.instrument[train],
        sample_id=rows.ids[train],
    )
    return np.ravel(model.predict(_safe_indexing(rows.X, test)))


def _compare(
    squared: NDArray[Any], group: NDArray[np.intp], size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return the excess over the best remedy, its standard error by groups, and the best."""
    n, n_groups = len(squared), group.max() + 1
    best = int(np.argmin(squared.mean(axis=0)))
    difference = squared - squared[:, [best]]
    excess = difference.mean(axis=0)
    excess *= excess > (ROUNDING * size) ** 2  # of exact predictions
    sums = np.zeros((n_groups, squared.shape[1]))
    np.add.at(sums, group, difference - excess)
    return excess, np.sqrt((sums**2).sum(axis=0) * n_groups / (n_groups - 1)) / n, best

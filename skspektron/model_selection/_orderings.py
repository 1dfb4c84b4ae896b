"""Orderings of samples for selection: the first n of an ordering are selected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_consistent_length, check_random_state

from .._threads import one_thread, work_of
from ..metrics._variance import target_scale
from ._distances import JointDistance, SquaredDistance, farthest_pair
from ._pls_scores import scores_or_spectra

# Functions of spectra, reference values and random state.
ORDERINGS: dict[str, Callable[..., Iterator[int]]] = {
    "kennard-stone": lambda X, y, _: _select(SquaredDistance(_measured(X))),
    "kennard-stone-pls": lambda X, y, _: _select(SquaredDistance(_scores_if_known(X, y))),
    "duplex": lambda X, y, _: _select_two(SquaredDistance(_measured(X))),
    "spxy": lambda X, y, _: _select(_joint_distance(X, _check_source_references(y, len(X)))),
    "random": lambda X, y, seed: iter(check_random_state(seed).permutation(len(X)).tolist()),
}


def kennard_stone(X: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first n cover the spectral space uniformly (Kennard-Stone).

    The two samples farthest apart come first, followed repeatedly by the sample with the largest
    distance to the nearest selected one [1]_:
    :math:`i_{n+1} = \arg\max_i \min_{k \le n} \|x_i - x_{i_k}\|`. The first 5 samples are
    therefore among the first 10.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are ignored in the distance.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows. Among equal distances, the lowest index is first.

    Raises
    ------
    ValueError
        If no channel is measured in every row, or `X` contains infinity.

    See Also
    --------
    duplex : Two sets that cover the space equally well.
    spxy : The same with a distance that includes the reference values.

    Notes
    -----
    Euclidean distance. Costs at most O(n_samples^2 n_features) time and O(n_samples) memory. The
    transfer methods stop after the k samples they need: O(k n_samples n_features), and the search
    for the farthest pair.

    References
    ----------
    .. [1] Kennard & Stone, Technometrics 11 (1969) 137-148.

    Examples
    --------
    >>> from skspektron.model_selection import kennard_stone
    >>> kennard_stone([[0.0], [1.0], [4.0], [10.0]])
    array([0, 3, 2, 1])
    """
    with one_thread(work_of(X)):
        return _whole(_select(SquaredDistance(_measured(X))))


def kennard_stone_pls(X: ArrayLike, y: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first n cover their scores on five PLS components uniformly.

    The algorithm of `kennard_stone` [1]_ on PLS scores [2]_ :math:`t_a = E_{a-1} w_a` instead of
    spectra, with :math:`E_a` the spectra without the first :math:`a` scores and :math:`w_a` the
    direction of largest covariance with the reference values. Variation that is unrelated to
    these, such as scatter, has less effect.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are ignored.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference values. Several targets are divided by their standard deviations. If the spectra
        do not vary with any, the order is that of `kennard_stone`.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows. Among equal distances, the lowest index is first.

    Raises
    ------
    ValueError
        If a reference value is missing, no channel is measured in every row, or one is infinite.

    See Also
    --------
    kennard_stone : Uses spectra only, so that samples can be selected before they are analysed.

    References
    ----------
    .. [1] Kennard & Stone, Technometrics 11 (1969) 137-148.
    .. [2] Wold, Sjöström & Eriksson, Chemom. Intell. Lab. Syst. 58 (2001) 109-130.

    Examples
    --------
    The second channel varies most, but is not correlated with the reference values.

    >>> from skspektron.model_selection import kennard_stone, kennard_stone_pls
    >>> X = [[0.0, 9.0], [1.0, -9.0], [2.0, -9.0], [3.0, 9.0]]
    >>> kennard_stone(X), kennard_stone_pls(X, [0.0, 1.0, 2.0, 3.0])
    (array([0, 2, 3, 1]), array([0, 3, 1, 2]))
    """
    with one_thread(work_of(X)):
        scores = scores_or_spectra(*_check_complete(X, y, "PLS scores"))
        return _whole(_select(SquaredDistance(scores)))


def duplex(X: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first half and the second cover the spectra equally well.

    The two samples farthest apart start the first set, and the two farthest apart of the others
    start the second. Then samples are added to the sets in turn: set S gets the remaining sample
    with the largest distance to its nearest member [1]_,
    :math:`\arg\max_i \min_{k \in S} \|x_i - x_k\|`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are ignored in the distance.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows: the first set in order of selection, then the
        second. If the number of samples is odd, the first set has one more. Among equal distances,
        the lowest index is first.

    Raises
    ------
    ValueError
        If no channel is measured in every row, or `X` contains infinity.

    See Also
    --------
    kennard_stone : One set.

    Notes
    -----
    Euclidean distance between the original spectra; [1]_ first orthonormalizes the variables,
    which requires more samples than channels. Costs O(n_samples^2 n_features) time and
    O(n_samples) memory, less if only the first samples are needed, see `kennard_stone`.

    References
    ----------
    .. [1] Snee, Technometrics 19 (1977) 415-428.

    Examples
    --------
    >>> from skspektron.model_selection import duplex
    >>> duplex([[0.0], [1.0], [4.0], [9.0], [10.0]])
    array([0, 4, 2, 1, 3])
    """
    with one_thread(work_of(X)):
        return _whole(_select_two(SquaredDistance(_measured(X))))


def spxy(X: ArrayLike, y: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first n cover spectra and reference values uniformly (SPXY).

    The algorithm of `kennard_stone` with the joint distance [1]_

    .. math:: d_{ij} = \frac{d^x_{ij}}{\max d^x} + \frac{d^y_{ij}}{\max d^y}

    with Euclidean :math:`d^x` between spectra and :math:`d^y` between reference values. Several
    targets are divided by their standard deviations.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are ignored in the distance.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference values.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows. Among equal distances, the lowest index is first.

    Raises
    ------
    ValueError
        If a reference value is missing, no channel is measured in every row, or `X` or `y`
        contains infinity.

    See Also
    --------
    kennard_stone : Uses spectra only, so that samples can be selected before they are analysed.

    Notes
    -----
    If all spectra or all reference values are equal, their term of the distance is 0. The costs
    are those of `kennard_stone`.

    References
    ----------
    .. [1] Galvão, Araujo, José, Pontes, Silva & Saldanha, Talanta 67 (2005) 736-740.

    Examples
    --------
    >>> from skspektron.model_selection import kennard_stone, spxy
    >>> X = [[0.0], [1.0], [4.0], [10.0]]
    >>> kennard_stone(X), spxy(X, [0.0, 20.0, 1.0, 2.0])
    (array([0, 3, 2, 1]), array([1, 3, 0, 2]))
    """
    with one_thread(work_of(X)):
        return _whole(_select(_joint_distance(X, y)))


def _joint_distance(X, y):
    """Return the distance of SPXY; raise if a reference value is missing."""
    X, y = _check_complete(X, y, "SPXY")
    return JointDistance(X, y if y.shape[1] == 1 else y / target_scale(y))


def _scores_if_known(X, y):
    """Return PLS scores, or the spectra if a candidate has no reference values on the source."""
    is_known = y is not None and not _count_missing(y)
    return scores_or_spectra(*_check_complete(X, y, "PLS scores")) if is_known else _measured(X)


def _check_complete(X, y, purpose):
    """Return measured channels and reference values (n, n_targets); raise if one is missing."""
    X = _measured(X)
    y = check_array(y, ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan")
    check_consistent_length(X, y)
    n_missing = _count_missing(y)
    if n_missing:
        raise ValueError(
            f"y must be finite for {purpose}, got {n_missing} of {len(y)} samples without "
            "reference values. Drop them, or use kennard_stone or duplex, which use spectra only."
        )
    return X, y.reshape(len(y), -1)


def iterate_samples(
    X: NDArray[Any],
    selection: str | Callable[[NDArray[Any]], ArrayLike],
    *,
    y: NDArray[Any] | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> Iterator[int]:
    """Iterate over candidates in the order of a name or of a callable(X) -> permutation.

    Samples are ordered as they are asked for. `y` are the reference values on the source.
    """
    if not isinstance(selection, str):
        return iter(_check_permutation(selection(X), len(X)).tolist())
    return ORDERINGS[selection](X, y, random_state)


def _whole(order):
    """Return all of an order as an array."""
    return np.fromiter(order, dtype=np.intp)


def _select(distance):
    """Yield the farthest pair, then repeatedly the sample farthest from the selected ones."""
    is_remaining = np.ones(len(distance), dtype=bool)
    yield from _select_remaining(distance, is_remaining, _take_pair(distance, is_remaining))


def _select_two(distance):
    """Yield the samples of the first set, then those of the second; in turn, each gets one."""
    is_remaining = np.ones(len(distance), dtype=bool)
    pairs = [_take_pair(distance, is_remaining) for _ in range(2)]
    first, second = (_select_remaining(distance, is_remaining, pair) for pair in pairs)
    other = [next(second) for _ in pairs[1]]
    for turn, chosen in enumerate(first):
        yield chosen
        if turn >= len(pairs[0]):
            other.extend([row for row in [next(second, None)] if row is not None])
    yield from other


def _take_pair(distance, is_remaining):
    """Return the remaining samples that are farthest apart, and mark them as taken."""
    pair = farthest_pair(distance, np.flatnonzero(is_remaining))
    is_remaining[pair] = False
    return pair


def _select_remaining(distance, is_remaining, pair):
    """Yield a pair and then the remaining sample farthest from those yielded, until none is."""
    yield from pair
    nearest = np.full(len(distance), np.inf)
    new = pair
    while is_remaining.any():
        for row in new:
            np.minimum(nearest, distance.from_row(row), out=nearest)
        chosen = int(np.argmax(np.where(is_remaining, nearest, -1.0)))
        is_remaining[chosen] = False
        new = [chosen]
        yield chosen


def _measured(X):
    """Return the spectra in the channels that are measured in all of them."""
    X = check_array(X, ensure_all_finite="allow-nan", dtype=np.float64)
    measured = np.isfinite(X).all(axis=0)
    if not measured.any():
        raise ValueError(
            f"None of the {X.shape[1]} channels is measured (not NaN) in all {len(X)} spectra. "
            "Drop the spectra with few channels, or select samples at random."
        )
    return X if measured.all() else X[:, measured]


def _count_missing(y):
    """Return the number of samples for which a reference value is missing."""
    return np.count_nonzero(np.isnan(y).reshape(len(y), -1).any(axis=1))


def _check_source_references(y, n_samples):
    """Return `y`; raise if a candidate has no reference values on the source."""
    n_missing = n_samples if y is None else _count_missing(y)
    if n_missing:
        raise ValueError(
            "selection='spxy' needs reference values in the source rows of all candidates, got "
            f"{n_missing} of {n_samples} candidates without them. Add them to y, or pass "
            "selection='kennard-stone' or 'duplex', which use spectra only."
        )
    return y


def _check_permutation(order, n_samples):
    """Return the order as indices; raise if it is not a permutation of the rows."""
    order = np.asarray(order)
    if order.shape != (n_samples,) or not np.array_equal(np.sort(order), np.arange(n_samples)):
        raise ValueError(
            f"selection must return a permutation of the {n_samples} rows, got "
            f"{np.unique(order).size} different indices in shape {order.shape}. Return each index "
            f"from 0 to {n_samples - 1} once."
        )
    return order.astype(np.intp)

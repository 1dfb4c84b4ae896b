"""Orderings of samples: the first n of an ordering are the n samples to measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.utils import check_array, check_consistent_length, check_random_state


def kennard_stone(X: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first n cover the space of the spectra evenly.

    The two samples farthest apart come first; then, again and again, the sample whose
    distance to the nearest one already taken is largest [1]_:
    :math:`i_{n+1} = \arg\max_i \min_{k \le n} \|x_i - x_{i_k}\|`. The first 5 are therefore
    among the first 10.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are left out of the distance.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows. Of equal distances the lowest index wins.

    Raises
    ------
    ValueError
        If no channel is measured in every row, or `X` is infinite anywhere.

    See Also
    --------
    duplex : Two sets that cover the space equally well.
    spxy : The same, with the reference values counted in.

    Notes
    -----
    Euclidean distance. Costs O(n_samples^2 n_features) time and O(n_samples^2) memory.

    References
    ----------
    .. [1] Kennard & Stone, Technometrics 11 (1969) 137-148.

    Examples
    --------
    >>> from skspektron.model_selection import kennard_stone
    >>> kennard_stone([[0.0], [1.0], [4.0], [10.0]])
    array([0, 3, 2, 1])
    """
    return _deal(_squared_distances(X), n_sets=1)[0]


def duplex(X: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first half and the second cover the spectra equally well.

    The two samples farthest apart start the first set, the two farthest apart of the rest the
    second; then the sets take turns, each set S taking the remaining sample whose distance to the
    nearest one of the set is largest [1]_, :math:`\arg\max_i \min_{k \in S} \|x_i - x_k\|`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are left out of the distance.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows: the first set in order of selection, then the
        second. Of an odd number of samples the first set has one more. Of equal distances the
        lowest index wins.

    Raises
    ------
    ValueError
        If no channel is measured in every row, or `X` is infinite anywhere.

    See Also
    --------
    kennard_stone : One set.

    Notes
    -----
    Euclidean distance between the spectra as they are; [1]_ orthonormalises the variables first,
    which asks for more samples than channels. Costs O(n_samples^2 n_features) time and
    O(n_samples^2) memory.

    References
    ----------
    .. [1] Snee, Technometrics 19 (1977) 415-428.

    Examples
    --------
    >>> from skspektron.model_selection import duplex
    >>> duplex([[0.0], [1.0], [4.0], [9.0], [10.0]])
    array([0, 4, 2, 1, 3])
    """
    return np.concatenate(_deal(_squared_distances(X), n_sets=2))


def spxy(X: ArrayLike, y: ArrayLike) -> NDArray[np.intp]:
    r"""Order samples so that the first n cover spectra and reference values evenly.

    `kennard_stone` on the joint distance [1]_

    .. math:: d_{ij} = \frac{d^x_{ij}}{\max d^x} + \frac{d^y_{ij}}{\max d^y}

    with Euclidean :math:`d^x` between spectra and :math:`d^y` between reference values.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Spectra. Channels that are NaN in any row are left out of the distance.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference values. Several targets count by their size: scale them to one unit first.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Row indices, a permutation of all rows. Of equal distances the lowest index wins.

    Raises
    ------
    ValueError
        If a reference value is missing, no channel is measured in every row, or anything is
        infinite.

    See Also
    --------
    kennard_stone : Reads the spectra alone, so it can choose before anything is analysed.

    Notes
    -----
    Identical spectra, or equal reference values, drop their term of the distance. Costs
    O(n_samples^2 n_features) time and O(n_samples^2) memory.

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
    spectral = _squared_distances(X)
    y = check_array(y, ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan")
    check_consistent_length(X, y)
    n_missing = _count_missing(y)
    if n_missing:
        raise ValueError(
            f"SPXY reads the reference values of every sample, and {n_missing} of {len(y)} samples "
            "have none. Drop those, or take kennard_stone or duplex, which read spectra alone."
        )
    y = y.reshape(len(y), -1)
    return _deal(_relative(spectral) + _relative(cdist(y, y, "sqeuclidean")), n_sets=1)[0]


def order_samples(
    X: NDArray[Any],
    selection: str | Callable[[NDArray[Any]], ArrayLike],
    *,
    y: NDArray[Any] | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.intp]:
    """Order candidates by a named ordering or a callable(X) -> permutation.

    `y` holds the reference values that the candidates have on the source; only SPXY reads them.
    """
    if callable(selection):
        return _check_permutation(selection(X), len(X))
    orderings: dict[str, Callable[[], NDArray[np.intp]]] = {
        "kennard-stone": lambda: kennard_stone(X),
        "duplex": lambda: duplex(X),
        "spxy": lambda: spxy(X, _check_source_references(y, len(X))),
        "random": lambda: check_random_state(random_state).permutation(len(X)),
    }
    if not isinstance(selection, str) or selection not in orderings:
        raise ValueError(
            f"selection={selection!r} is no known ordering. Pass one of "
            f"{', '.join(map(repr, orderings))}, or a callable that returns a permutation of the "
            "rows."
        )
    return orderings[selection]()


def _deal(distance, n_sets):
    """Return the rows of each set: it takes the sample farthest from its nearest, in turns."""
    np.fill_diagonal(distance, -1.0)  # so that identical spectra still give a pair i < j
    is_left = np.ones(len(distance), dtype=bool)
    sets = []
    for _ in range(n_sets):
        sets.append(_farthest_pair(distance, np.flatnonzero(is_left)))
        is_left[sets[-1]] = False
    nearest = [distance[pair].min(axis=0, initial=np.inf) for pair in sets]
    for turn in range(np.count_nonzero(is_left)):
        k = turn % n_sets
        taken = int(np.argmax(np.where(is_left, nearest[k], -1.0)))
        sets[k].append(taken)
        is_left[taken] = False
        nearest[k] = np.minimum(nearest[k], distance[taken])
    return [np.array(rows, dtype=np.intp) for rows in sets]


def _farthest_pair(distance, rows):
    """Return the two of `rows` that are farthest apart, or as many as there are."""
    if len(rows) < 3:
        return rows.tolist()
    among = distance[np.ix_(rows, rows)]
    return rows[list(np.unravel_index(np.argmax(among), among.shape))].tolist()


def _squared_distances(X):
    """Return distances between all spectra over the channels that every one of them has."""
    X = check_array(X, ensure_all_finite="allow-nan", dtype=np.float64)
    measured = np.isfinite(X).all(axis=0)
    if not measured.any():
        raise ValueError(
            f"None of the {X.shape[1]} channels is measured (not NaN) in all {len(X)} spectra. "
            "Drop the spectra with few channels, or choose samples at random."
        )
    return cdist(X[:, measured], X[:, measured], "sqeuclidean")


def _relative(squared):
    """Return distances as shares of the largest; zeros where all are zero."""
    distance = np.sqrt(squared)
    largest = distance.max()
    return distance / (largest + (largest == 0))


def _count_missing(y):
    """Return how many samples lack one of their reference values."""
    return np.count_nonzero(np.isnan(y).reshape(len(y), -1).any(axis=1))


def _check_source_references(y, n_samples):
    """Return `y` if every candidate has reference values on the source."""
    n_missing = n_samples if y is None else _count_missing(y)
    if n_missing:
        raise ValueError(
            "selection='spxy' reads the reference values in the source rows of the candidates, "
            f"and {n_missing} of {n_samples} candidates have none there. Give them in y, or pass "
            "selection='kennard-stone' or 'duplex', which read spectra alone."
        )
    return y


def _check_permutation(order, n_samples):
    """Return what a user's ordering returned, if it names every row once."""
    order = np.asarray(order)
    if order.shape != (n_samples,) or not np.array_equal(np.sort(order), np.arange(n_samples)):
        raise ValueError(
            f"selection returned {np.unique(order).size} different indices in shape {order.shape} "
            f"for {n_samples} samples. Return every index from 0 to {n_samples - 1} once."
        )
    return order.astype(np.intp)

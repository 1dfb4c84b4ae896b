"""Orderings of samples: the first n of an ordering are the n samples to measure."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.utils import check_array, check_random_state


def kennard_stone(X: ArrayLike) -> NDArray[np.intp]:
    """Order samples so that the first n cover the space of the spectra evenly.

    The two samples farthest apart come first; then, again and again, the sample whose
    distance to the nearest one already taken is largest [1]_. The first 5 are therefore
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
    distance = _squared_distances(X)
    n_samples = len(distance)
    np.fill_diagonal(distance, -1.0)  # so that identical spectra still give a pair i < j
    order = np.empty(n_samples, dtype=np.intp)
    order[:2] = np.unravel_index(np.argmax(distance), distance.shape)[:n_samples]
    nearest = distance[order[:2]].min(axis=0)
    for k in range(2, n_samples):
        nearest[order[:k]] = -1.0
        order[k] = np.argmax(nearest)
        nearest = np.minimum(nearest, distance[order[k]])
    return order


def order_samples(
    X: NDArray,
    selection: str | Callable[[NDArray], ArrayLike],
    *,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.intp]:
    """Order the rows of `X` by "kennard-stone", "random" or a callable(X) -> permutation."""
    if callable(selection):
        return _check_permutation(selection(X), len(X))
    if selection == "kennard-stone":
        return kennard_stone(X)
    if selection == "random":
        return check_random_state(random_state).permutation(len(X))
    raise ValueError(
        f"selection={selection!r} is no known ordering. "
        "Pass 'kennard-stone', 'random' or a callable that returns a permutation of the rows."
    )


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


def _check_permutation(order, n_samples):
    """Return what a user's ordering returned, if it names every row once."""
    order = np.asarray(order)
    if order.shape != (n_samples,) or not np.array_equal(np.sort(order), np.arange(n_samples)):
        raise ValueError(
            f"selection returned {np.unique(order).size} different indices in shape {order.shape} "
            f"for {n_samples} samples. Return every index from 0 to {n_samples - 1} once."
        )
    return order.astype(np.intp)

"""k-means by direction."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._documentation import DocumentedEstimator
from .._typing import RandomState
from .._validation import check_counts
from ._lloyd import Partition, assign, best_partition
from ._sphere import check_directions, with_direction


class CosineKMeans(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, DocumentedEstimator
):
    r"""Cluster rows by their direction: k-means on the unit sphere.

    The length of an embedding or of a spectrum often says how much light came back, and its
    direction what the sample is. Each row x belongs to the centre c of the largest cosine, each
    centre is the direction of the sum of its rows, and the sum of
    :math:`1 - x^\top c / \lVert x \rVert` falls until it stands still [1]_.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. ``"auto"``: the elbow of `inertia_curve_`, at least 2 wherever two
        directions differ.
    max_clusters : int, default=12
        Largest number of clusters that ``"auto"`` tries, at least 3. The elbow is judged
        against the end of the curve: take two or three times as many as you expect.
    n_init : int, default=10
        Number of seedings by k-means++ [2]_, of which the one of least inertia is kept.
    max_iter : int, default=300
        Largest number of rounds from one seeding.
    tol : float, default=1e-6
        A run ends when a round lowers the inertia by less than this fraction.
    random_state : int, RandomState instance or None, default=None
        Draws the seeds; an int makes the result repeatable.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        Centres, each of Euclidean norm 1.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each row of `X`; -1 for a row of zeros.
    inertia_ : float
        Sum of 1 - cos between each row and its centre; a row of zeros adds nothing.
    n_clusters_ : int
        Number of clusters.
    inertia_curve_ : ndarray of shape (max_clusters,)
        Inertia of 1, 2, ... clusters, at most as many as there are rows. Only with ``"auto"``.
    n_iter_ : int
        Rounds of the run that was kept.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, when all are strings.

    See Also
    --------
    VonMisesFisherMixture : Clusters of unequal size and width; its `bic` also finds that there
        is only one.

    Notes
    -----
    The elbow is the point farthest below the straight line between both ends of
    `inertia_curve_`, with both axes scaled to one [3]_. The ends themselves are never farthest,
    so the curve cannot say that there is one cluster. Draw it: a curve that bends nowhere has
    no elbow.

    A row of zeros has no direction: it moves no centre and is at distance 1 from all of them. A
    cluster that loses its rows starts again at the row farthest from its centre. Spectra on a
    common baseline all point the same way; centre or differentiate them first. Cost of a round:
    O(n_samples n_clusters n_features).

    References
    ----------
    .. [1] Dhillon & Modha, Mach. Learn. 42 (2001) 143-175.
    .. [2] Arthur & Vassilvitskii, Proc. 18th ACM-SIAM Symp. Discrete Algorithms (2007) 1027-1035.
    .. [3] Satopää, Albrecht, Irwin & Raghavan, 31st Int. Conf. Distrib. Comput. Syst. Workshops
       (2011) 166-171.

    Examples
    --------
    >>> from skspektron.cluster import CosineKMeans
    >>> kmeans = CosineKMeans(2, random_state=0).fit([[1, 0], [9, 1], [0, 2], [1, 9]])
    >>> bool(kmeans.labels_[0] == kmeans.labels_[1] != kmeans.labels_[2] == kmeans.labels_[3])
    True
    """

    def __init__(
        self,
        n_clusters: int | str = 8,
        *,
        max_clusters: int = 12,
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-6,
        random_state: RandomState = None,
    ):
        self.n_clusters = n_clusters
        self.max_clusters = max_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None) -> CosineKMeans:
        """Find the centres; `y` is ignored."""
        self._check_parameters()
        U = check_directions(self, X, reset=True)
        n_needed = 3 if isinstance(self.n_clusters, str) else self.n_clusters
        partition = self._partition(with_direction(U, n_needed, "n_clusters"))
        self.cluster_centers_ = partition.centres
        self.n_clusters_ = len(partition.centres)
        self.labels_ = np.full(len(U), -1)
        self.labels_[U.any(axis=1)] = partition.labels
        self.inertia_, self.n_iter_ = partition.inertia, partition.n_iter
        n_found = len(np.unique(partition.labels))
        if n_found < self.n_clusters_:
            warnings.warn(
                f"Only {n_found} of the {self.n_clusters_} clusters have rows: no more directions "
                "differ. Lower n_clusters.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the cluster of each row, -1 for a row of zeros."""
        check_is_fitted(self)
        U = check_directions(self, X)
        return np.where(U.any(axis=1), assign(U, self.cluster_centers_)[0], -1)

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return 1 - cos between rows and centres, 0 to 2, (n_samples, n_clusters_)."""
        check_is_fitted(self)
        return np.maximum(1.0 - check_directions(self, X) @ self.cluster_centers_.T, 0.0)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return minus the sum of 1 - cos between the rows of `X` and their centres."""
        check_is_fitted(self)
        U = check_directions(self, X)
        return -assign(U[U.any(axis=1)], self.cluster_centers_)[1]

    def _check_parameters(self) -> None:
        """Refuse numbers of clusters and rounds that are none."""
        check_counts(self, n_init=1, max_iter=1, max_clusters=3)
        if isinstance(self.n_clusters, str) and self.n_clusters != "auto":
            raise ValueError(
                f'n_clusters is {self.n_clusters!r}. Pass an int of at least 1, or "auto".'
            )
        if self.n_clusters != "auto":
            check_counts(self, n_clusters=1)
        if not self.tol >= 0:
            raise ValueError(f"tol is {self.tol!r}. Pass a fraction of at least 0.")

    def _partition(self, U: NDArray[Any]) -> Partition:
        """Return the best partition, with the number of clusters asked for or found."""
        options: dict[str, Any] = {
            "n_init": self.n_init,
            "max_iter": self.max_iter,
            "tol": self.tol,
            "random": check_random_state(self.random_state),
        }
        if not isinstance(self.n_clusters, str):
            return best_partition(U, self.n_clusters, **options)
        counts = range(1, min(self.max_clusters, len(U)) + 1)
        partitions = [best_partition(U, k, **options) for k in counts]
        self.inertia_curve_ = np.array([partition.inertia for partition in partitions])
        return partitions[find_elbow(self.inertia_curve_)]

    @property
    def _n_features_out(self) -> int:
        """Columns of `transform`."""
        return self.n_clusters_


def find_elbow(curve: NDArray[Any]) -> int:
    """Return where a falling curve is farthest below the line between its ends; 0 if it is flat."""
    fall = curve[0] - curve[-1]
    # Identical directions: what remains of the inertia is rounding.
    if fall <= 1e-12:
        return 0
    x = np.linspace(0.0, 1.0, len(curve))
    y = (curve - curve[-1]) / fall
    return int(np.argmax(1.0 - x - y))

"""Spherical k-means."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

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
from .._fitting import unfitted_on_failure
from .._parameters import Integer, Number, Rules, check_parameters
from .._threads import one_thread_if_small
from .._typing import RANDOM_STATE, RandomState
from ._lloyd import Partition, assign, best_partition
from ._sphere import check_directions, with_direction


class CosineKMeans(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, DocumentedEstimator
):
    r"""Cluster rows by direction: k-means on the unit sphere.

    The norm of an embedding or of a spectrum often depends on the amount of light, and its
    direction on the composition of the sample. Each row x is assigned to the centre c with the
    largest cosine, each centre is the direction of the sum of its rows, and the two steps alternate
    until the sum of :math:`1 - x^\top c / \lVert x \rVert` converges [1]_.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. ``"auto"``: the elbow of `inertia_curve_`, at least 2 unless all
        directions are equal.
    max_clusters : int, default=12
        Largest number of clusters that ``"auto"`` tries, at least 3. The elbow depends on the end
        of the curve: choose two or three times the expected number.
    n_init : int, default=10
        Number of initializations by k-means++ [2]_; the result with the lowest inertia is kept.
    max_iter : int, default=300
        Maximum number of iterations per initialization.
    tol : float, default=1e-6
        A run ends when an iteration lowers the inertia by less than this fraction.
    random_state : int, RandomState instance or None, default=None
        Random state of the initializations; pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        Centres with Euclidean norm 1.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each row of `X`; -1 for a row of zeros.
    inertia_ : float
        Sum of 1 - cos between each row and its centre, without rows of zeros.
    n_clusters_ : int
        Number of clusters.
    inertia_curve_ : ndarray of shape (max_clusters,)
        Inertia of 1, 2, ... clusters, at most as many as there are rows. Only for ``"auto"``.
    n_iter_ : int
        Number of iterations of the run that was kept.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if all are strings.

    See Also
    --------
    VonMisesFisherMixture : Clusters of unequal size and width; its `bic` can also select a single
        cluster.

    Notes
    -----
    The elbow is the point farthest below the straight line between the two ends of
    `inertia_curve_`, with both axes scaled to one [3]_. It is never one of the ends, so a single
    cluster cannot be detected. Plot the curve: without a clear bend there is no elbow.

    A row of zeros has no direction: it does not affect the centres, and its distance to each of
    them is 1. An empty cluster is restarted at the row farthest from its centre. Spectra with a
    common baseline have nearly the same direction; centre or differentiate them first. An iteration
    costs O(n_samples n_clusters n_features).

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

    _parameters: ClassVar[Rules] = {
        "n_clusters": Integer(1) | "auto",
        "max_clusters": Integer(3),
        "n_init": Integer(1),
        "max_iter": Integer(1),
        "tol": Number(at_least=0),
        "random_state": RANDOM_STATE,
    }

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

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: None = None) -> CosineKMeans:
        """Find the centres; `y` is ignored."""
        check_parameters(self)
        U = check_directions(self, X, reset=True)
        n_required = 3 if isinstance(self.n_clusters, str) else self.n_clusters
        partition = self._partition(with_direction(U, n_required, "n_clusters"))
        self.cluster_centers_ = partition.centres
        self.n_clusters_ = len(partition.centres)
        self.labels_ = np.full(len(U), -1)
        self.labels_[U.any(axis=1)] = partition.labels
        self.inertia_, self.n_iter_ = partition.inertia, partition.n_iter
        n_found = len(np.unique(partition.labels))
        if n_found < self.n_clusters_:
            warnings.warn(
                f"Only {n_found} of the {self.n_clusters_} clusters have rows, because fewer "
                "directions than clusters differ. Reduce n_clusters.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    @one_thread_if_small
    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the cluster of each row, -1 for a row of zeros."""
        check_is_fitted(self)
        U = check_directions(self, X)
        return np.where(U.any(axis=1), assign(U, self.cluster_centers_)[0], -1)

    @one_thread_if_small
    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return 1 - cos between rows and centres, from 0 to 2, (n_samples, n_clusters_)."""
        check_is_fitted(self)
        return np.maximum(1.0 - check_directions(self, X) @ self.cluster_centers_.T, 0.0)

    @one_thread_if_small
    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the negative sum of 1 - cos between the rows of `X` and their centres."""
        check_is_fitted(self)
        U = check_directions(self, X)
        return -assign(U[U.any(axis=1)], self.cluster_centers_)[1]

    def _partition(self, U: NDArray[Any]) -> Partition:
        """Return the best partition, with the given or the selected number of clusters."""
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
        """Number of columns of `transform`."""
        return self.n_clusters_


def find_elbow(curve: NDArray[Any]) -> int:
    """Return the index where a falling curve is farthest below its chord; 0 if it is flat."""
    fall = curve[0] - curve[-1]
    # Identical directions: the inertia is rounding error.
    if fall <= 1e-12:
        return 0
    x = np.linspace(0.0, 1.0, len(curve))
    y = (curve - curve[-1]) / fall
    return int(np.argmax(1.0 - x - y))

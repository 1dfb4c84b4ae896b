"""Mixtures of von Mises-Fisher distributions."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from scipy.stats import vonmises_fisher
from sklearn.base import ClusterMixin, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._parameters import Integer, Number, Rules, check_arguments, check_parameters, declares
from .._threads import one_thread_if_small
from .._typing import RANDOM_STATE, RandomState
from ._expectation_maximization import Mixture, maximize_likelihood
from ._sphere import check_directions, unit_rows, with_direction


class VonMisesFisherMixture(ClusterMixin, DensityMixin, DocumentedEstimator):
    r"""Mixture of von Mises-Fisher distributions: clusters of directions of any weight and width.

    Rows are scaled to Euclidean norm 1 and modelled by the density
    :math:`\sum_k \pi_k\, C_d(\kappa_k) \exp(\kappa_k \mu_k^\top x)` on the unit sphere, with
    :math:`C_d(\kappa) = \kappa^{d/2-1} / ((2\pi)^{d/2} I_{d/2-1}(\kappa))`, fitted by
    expectation-maximization [1]_.

    Parameters
    ----------
    n_components : int, default=1
        Number of clusters. Choose the number with the lowest `bic`, which can be 1.
    n_init : int, default=5
        Number of initializations by spherical k-means; the solution of highest likelihood is
        kept.
    max_iter : int, default=200
        Maximum number of iterations per initialization.
    tol : float, default=1e-4
        A run has converged when an iteration changes the mean log-likelihood of a row by less
        than this.
    prior_weight : float, default=0.01
        Weight of the prior of the concentrations: number of rows, distributed like all of `X`, that
        are added to each component. Without it, a component of one row has an infinite
        concentration and likelihood. 0: maximum likelihood.
    random_state : int, RandomState instance or None, default=None
        Random state of the initializations and of `sample`; pass an int for reproducible results.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Weight of each component; they add up to 1.
    means_ : ndarray of shape (n_components, n_features_in_)
        Mean directions with Euclidean norm 1.
    concentrations_ : ndarray of shape (n_components,)
        Concentrations kappa, from 1e-6 (uniform) to 1e8. For large kappa, rows deviate from the
        mean direction by about sqrt((d - 1) / kappa) radians.
    labels_ : ndarray of shape (n_samples,)
        Most probable component of each row; -1 for a row of zeros.
    lower_bound_ : float
        Mean log-likelihood of the rows of `X`, of the solution that was kept.
    converged_ : bool
        Whether that solution converged within `max_iter` iterations.
    n_iter_ : int
        Number of iterations of that solution.
    n_features_in_ : int
        Number of columns of `X`, d.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if all are strings.

    See Also
    --------
    CosineKMeans : Faster; suited to clusters of similar width and weight.

    Notes
    -----
    Densities and likelihoods refer to the surface of the sphere and do not depend on the norm of
    the rows. A row of zeros has no direction: it is ignored in ``fit``, `score`, `bic` and `aic`,
    and its probabilities are `weights_`. In many dimensions, probabilities are mostly close to 0
    or 1.

    The concentration solves :math:`I_{d/2}(\kappa) / I_{d/2-1}(\kappa) = \bar r` by Newton's
    method [2]_, where :math:`\bar r` is the norm of the mean of the unit rows. The prior is
    conjugate and depends on the data, like that of [3]_ for normal mixtures. Logarithms of Bessel
    functions are computed directly, by the uniform expansion if the order or the argument is large,
    which allows thousands of dimensions. Rows are sampled by rejection [4]_. An iteration costs
    O(n_samples n_components n_features).

    References
    ----------
    .. [1] Banerjee, Dhillon, Ghosh & Sra, J. Mach. Learn. Res. 6 (2005) 1345-1382.
    .. [2] Sra, Comput. Stat. 27 (2012) 177-190.
    .. [3] Fraley & Raftery, J. Classif. 24 (2007) 155-181.
    .. [4] Wood, Commun. Stat. Simul. Comput. 23 (1994) 157-164.

    Examples
    --------
    >>> from skspektron.cluster import VonMisesFisherMixture
    >>> X = [[1, 0, 0.1], [9, 1, 0], [5, 0, 1], [0, 2, 0.1], [1, 9, 0], [0, 5, 1]]
    >>> mixture = VonMisesFisherMixture(2, random_state=0).fit(X)
    >>> mixture.weights_.round(2)
    array([0.5, 0.5])
    """

    _parameters: ClassVar[Rules] = {
        "n_components": Integer(1),
        "n_init": Integer(1),
        "max_iter": Integer(1),
        "tol": Number(at_least=0),
        "prior_weight": Number(at_least=0),
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        n_init: int = 5,
        max_iter: int = 200,
        tol: float = 1e-4,
        prior_weight: float = 0.01,
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.prior_weight = prior_weight
        self.random_state = random_state

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: None = None) -> VonMisesFisherMixture:
        """Estimate weights, means and concentrations; `y` is ignored."""
        check_parameters(self)
        U = check_directions(self, X, reset=True)
        U_fit = with_direction(U, self.n_components, "n_components")
        best = maximize_likelihood(
            U_fit,
            self.n_components,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            prior_weight=self.prior_weight,
            random=check_random_state(self.random_state),
        )
        self.weights_, self.means_ = best.mixture.weights, best.mixture.means
        self.concentrations_ = best.mixture.concentrations
        self.lower_bound_, self.converged_ = best.log_likelihood, best.converged
        self.n_iter_ = best.n_iter
        self.labels_ = self._most_probable(U)
        if not self.converged_:
            warnings.warn(
                f"The best of {self.n_init} initializations did not converge in {self.max_iter} "
                "iterations. Increase max_iter or tol.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    @one_thread_if_small
    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the most probable component of each row, -1 for a row of zeros."""
        check_is_fitted(self)
        return self._most_probable(check_directions(self, X))

    @one_thread_if_small
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each component for each row, (n_samples, n_components)."""
        check_is_fitted(self)
        U = check_directions(self, X)
        log_joint = self._mixture.log_joint(U)
        probabilities = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
        probabilities[~U.any(axis=1)] = self.weights_
        return probabilities

    @one_thread_if_small
    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the log-density of each row, NaN for a row of zeros."""
        check_is_fitted(self)
        U = check_directions(self, X)
        log_density = logsumexp(self._mixture.log_joint(U), axis=1)
        return np.where(U.any(axis=1), log_density, np.nan)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the mean log-likelihood of the rows that are not zero."""
        return float(np.nanmean(self.score_samples(X)))

    def bic(self, X: ArrayLike) -> float:
        """Return the Bayesian information criterion for `X`; lower is better."""
        log_likelihood = self.score_samples(X)
        n_rows = np.count_nonzero(~np.isnan(log_likelihood))
        return float(self._n_parameters * np.log(n_rows) - 2 * np.nansum(log_likelihood))

    def aic(self, X: ArrayLike) -> float:
        """Return the Akaike information criterion for `X`; lower is better."""
        return float(2 * self._n_parameters - 2 * np.nansum(self.score_samples(X)))

    @declares(n_samples=Integer(1))
    def sample(self, n_samples: int = 1) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Draw random unit rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, at least 1.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features_in_)
            Rows with Euclidean norm 1, ordered by component.
        y : ndarray of shape (n_samples,)
            Component of each row.
        """
        check_arguments(self.sample, locals())
        check_is_fitted(self)
        random = check_random_state(self.random_state)
        y = np.repeat(np.arange(len(self.weights_)), random.multinomial(n_samples, self.weights_))
        X = np.empty((n_samples, self.n_features_in_))
        for k in np.unique(y):
            component = vonmises_fisher(self.means_[k], self.concentrations_[k])
            X[y == k] = component.rvs(np.count_nonzero(y == k), random_state=random)
        return unit_rows(X), y

    def _most_probable(self, U: NDArray[Any]) -> NDArray[np.intp]:
        """Return the most probable component of each unit row, -1 for a row of zeros."""
        return np.where(U.any(axis=1), self._mixture.log_joint(U).argmax(axis=1), -1)

    @property
    def _mixture(self) -> Mixture:
        """The fitted mixture."""
        return Mixture(self.weights_, self.means_, self.concentrations_)

    @property
    def _n_parameters(self) -> int:
        """Number of free parameters: d - 1 per direction, concentrations and all but one weight."""
        return self.means_.size + len(self.weights_) - 1

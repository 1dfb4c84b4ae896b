"""Least squares with a lower bound on the correlation with given coefficients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..._decompositions import thin_svd

# Penalty on squared steps away from the given coefficients, as a fraction of |A|^2: it decides
# between equally good solutions, of which there are many with fewer standards than channels.
STEP_COST = 1e-12
ROOT_TOLERANCES = {"xtol": np.finfo(np.float64).tiny, "rtol": 4 * np.finfo(np.float64).eps}


def fit_near(
    A: NDArray[Any], c: NDArray[Any], b1: NDArray[Any], min_correlation: float
) -> NDArray[Any]:
    r"""Return the `b` that minimizes :math:`|c - Ab|^2` with :math:`corr(b, b_1) \ge \rho`.

    With u the unit vector along the centred :math:`b_1`, and 1 the direction of equal coefficients,
    :math:`b = au + d1 + w` has the correlation :math:`a / \sqrt{a^2 + |w|^2}`: the bound is the
    convex cone :math:`|w| \le \kappa a`, :math:`\kappa^2 = 1/\rho^2 - 1`, with d free. Only w in
    the row space of `A` matter, so the number of unknowns is at most 2 plus that of the rows.

    Parameters
    ----------
    A : ndarray of shape (n_samples, n_features)
        Spectra, centred.
    c : ndarray of shape (n_samples,)
        Responses, centred.
    b1 : ndarray of shape (n_features,)
        Reference coefficients; returned unchanged if they do not vary over the channels, because
        no correlation is defined then.
    min_correlation : float
        Smallest correlation, above 0 and at most 1.

    Returns
    -------
    b : ndarray of shape (n_features,)
        The solution nearest to `b1` if there are several.
    """
    rounding = len(b1) * np.finfo(np.float64).eps
    u = b1 - b1.mean()
    if np.linalg.norm(u) <= rounding * np.linalg.norm(b1):
        return b1.copy()
    kappa = np.sqrt(1 / min_correlation**2 - 1)
    fixed = np.column_stack([u / np.linalg.norm(u), np.full(len(u), len(u) ** -0.5)])
    _, s, Vt = thin_svd(A - (A @ fixed) @ fixed.T)
    in_row_space = (s > rounding * np.linalg.norm(A)) & (kappa > 0)
    basis = np.column_stack([fixed, Vt[in_row_space].T])  # (n_features, 2 + rank)
    step_cost = np.sqrt(STEP_COST * np.sum(A**2) or 1.0)
    B = np.concatenate([A @ basis, step_cost * np.eye(basis.shape[1])])
    r = np.concatenate([c, step_cost * (basis.T @ b1)])
    return basis @ _fit_with_constant(B, r, kappa)


def _fit_with_constant(B, r, kappa):
    """Return argmin |r - Bz| where z[1] is free and the others lie in the cone."""
    size = np.linalg.norm(B[:, 1])
    d, others = B[:, 1] / size, np.delete(B, 1, axis=1)
    # The free coefficient is eliminated: the others fit what it leaves.
    a, *w = _fit_in_cone(others - np.outer(d, d @ others), r - d * (d @ r), kappa)
    constant = d @ (r - others @ [a, *w]) / size
    return np.array([a, constant, *w])


def _fit_in_cone(B, r, kappa):
    """Return argmin |r - Bz| over the cone |z[1:]| <= kappa z[0]."""
    free = np.linalg.lstsq(B, r, rcond=None)[0]
    if np.linalg.norm(free[1:]) <= kappa * free[0]:
        return free
    axis = B[:, 0]
    U, s, Vt = thin_svd(B[:, 1:])

    def slope(a):
        """Return the derivative at a of half the minimal |r - Bz|^2; it increases with a."""
        w, pull = _fit_in_ball(s, U.T @ (r - a * axis), kappa * a)
        return axis @ (a * axis + U @ (s * w) - r) - kappa * pull

    if slope(0.0) >= 0:  # the apex of the cone is optimal
        return np.zeros(B.shape[1])
    upper = np.linalg.norm(r) / np.linalg.norm(axis)
    while slope(upper) < 0:
        upper *= 2
    a = brentq(slope, 0.0, upper, **ROOT_TOLERANCES)
    w, _ = _fit_in_ball(s, U.T @ (r - a * axis), kappa * a)
    return np.concatenate([[a], Vt.T @ w])


def _fit_in_ball(s, h, radius):
    """Return argmin |h - sw| over |w| <= radius, and minus the derivative of half its square."""
    bound = np.linalg.norm(s * h)
    if radius == 0:
        return np.zeros_like(s), bound
    if np.linalg.norm(h / s) <= radius:
        return h / s, 0.0

    def excess(mu):
        """Return a nearly linear function of the multiplier mu of the bound."""
        return 1 / np.linalg.norm(s * h / (s**2 + mu)) - 1 / radius

    mu = brentq(excess, 0.0, 2 * bound / radius, **ROOT_TOLERANCES)
    w = s * h / (s**2 + mu)
    return w * min(1.0, radius / np.linalg.norm(w)), mu * radius

"""Least squares under a smallest correlation with given coefficients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

# Share of |A|^2 that a squared step away from the given coefficients costs: it decides between
# solutions that fit equally well, of which there are many with fewer standards than channels.
STEP_COST = 1e-12
_EXACT = {"xtol": np.finfo(np.float64).tiny, "rtol": 4 * np.finfo(np.float64).eps}


def fit_near(
    A: NDArray[Any], c: NDArray[Any], b1: NDArray[Any], min_correlation: float
) -> NDArray[Any]:
    r"""Return the `b` of smallest :math:`|c - Ab|^2` with :math:`corr(b, b_1) \ge \rho`.

    With u the unit vector along :math:`b_1` less its mean, and 1 the direction of equal
    coefficients, :math:`b = au + d1 + w` has the correlation :math:`a / \sqrt{a^2 + |w|^2}`: the
    bound is the convex cone :math:`|w| \le \kappa a`, :math:`\kappa^2 = 1/\rho^2 - 1`, with d free.
    Only the w that `A` sees matter, so the problem has as many unknowns as `A` has rows.

    Parameters
    ----------
    A : ndarray of shape (n_samples, n_features)
        Spectra, centred.
    c : ndarray of shape (n_samples,)
        What they are to predict, centred.
    b1 : ndarray of shape (n_features,)
        Coefficients to stay near; returned as they are where they do not vary over the channels,
        because no correlation is defined then.
    min_correlation : float
        Smallest correlation, above 0 and at most 1.

    Returns
    -------
    b : ndarray of shape (n_features,)
        The nearest to `b1` where several are best.
    """
    rounding = len(b1) * np.finfo(np.float64).eps
    u = b1 - b1.mean()
    if np.linalg.norm(u) <= rounding * np.linalg.norm(b1):
        return b1.copy()
    kappa = np.sqrt(1 / min_correlation**2 - 1)
    fixed = np.column_stack([u / np.linalg.norm(u), np.full(len(u), len(u) ** -0.5)])
    _, s, Vt = np.linalg.svd(A - (A @ fixed) @ fixed.T, full_matrices=False)
    seen = (s > rounding * np.linalg.norm(A)) & (kappa > 0)
    basis = np.column_stack([fixed, Vt[seen].T])  # (n_features, 2 + rank)
    step_cost = np.sqrt(STEP_COST * np.sum(A**2) or 1.0)
    B = np.concatenate([A @ basis, step_cost * np.eye(basis.shape[1])])
    r = np.concatenate([c, step_cost * (basis.T @ b1)])
    return basis @ _fit_with_level(B, r, kappa)


def _fit_with_level(B, r, kappa):
    """Return argmin |r - Bz| where z[1] is free and the others lie in the cone."""
    size = np.linalg.norm(B[:, 1])
    d, others = B[:, 1] / size, np.delete(B, 1, axis=1)
    # What is fitted beside a free number is fitted to what it leaves over.
    a, *w = _fit_in_cone(others - np.outer(d, d @ others), r - d * (d @ r), kappa)
    level = d @ (r - others @ [a, *w]) / size
    return np.array([a, level, *w])


def _fit_in_cone(B, r, kappa):
    """Return argmin |r - Bz| over the cone |z[1:]| <= kappa z[0]."""
    free = np.linalg.lstsq(B, r, rcond=None)[0]
    if np.linalg.norm(free[1:]) <= kappa * free[0]:
        return free
    axis = B[:, 0]
    U, s, Vt = np.linalg.svd(B[:, 1:], full_matrices=False)

    def slope(a):
        """Return how half the least |r - Bz|^2 changes at a; it rises: the problem is convex."""
        w, pull = _fit_in_ball(s, U.T @ (r - a * axis), kappa * a)
        return axis @ (a * axis + U @ (s * w) - r) - kappa * pull

    if slope(0.0) >= 0:  # every step into the cone fits worse
        return np.zeros(B.shape[1])
    upper = np.linalg.norm(r) / np.linalg.norm(axis)
    while slope(upper) < 0:
        upper *= 2
    a = brentq(slope, 0.0, upper, **_EXACT)
    w, _ = _fit_in_ball(s, U.T @ (r - a * axis), kappa * a)
    return np.concatenate([[a], Vt.T @ w])


def _fit_in_ball(s, h, radius):
    """Return argmin |h - sw| over |w| <= radius, and how half its square falls with the radius."""
    bound = np.linalg.norm(s * h)
    if radius == 0:
        return np.zeros_like(s), bound
    if np.linalg.norm(h / s) <= radius:
        return h / s, 0.0

    def excess(mu):
        """Nearly linear in the multiplier mu of the bound."""
        return 1 / np.linalg.norm(s * h / (s**2 + mu)) - 1 / radius

    mu = brentq(excess, 0.0, 2 * bound / radius, **_EXACT)
    w = s * h / (s**2 + mu)
    return w * min(1.0, radius / np.linalg.norm(w)), mu * radius

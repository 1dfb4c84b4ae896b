"""Slow, literal versions of the formulas, one section a method; the library must equal them."""

import numpy as np

# Standard normal variate ---------------------------------------------------------------


def snv(X, ddof):
    """Centre and scale the measured channels of one spectrum after the other."""
    out = np.array(X, dtype=float)
    for x in out:
        measured = [k for k in range(len(x)) if x[k] == x[k]]
        values = [x[k] for k in measured]
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - ddof)
        x[measured] = [(value - mean) / variance**0.5 for value in values]
    return out


# Kennard-Stone -------------------------------------------------------------------------


def kennard_stone(X):
    """Order samples by max-min distance, one pair at a time."""

    def distance(i, j):
        return float(np.sum((X[i] - X[j]) ** 2))

    n = len(X)
    if n == 1:
        return [0]
    # max() keeps the first of equal values, so ties go to the lowest index.
    order = list(
        max(((i, j) for i in range(n) for j in range(i + 1, n)), key=lambda pair: distance(*pair))
    )
    while len(order) < n:
        rest = [i for i in range(n) if i not in order]
        order.append(max(rest, key=lambda i: min(distance(i, j) for j in order)))
    return order


# Piecewise direct standardization ------------------------------------------------------


def pds(X_target_std, X_source_std, X_target, window_length, n_components):
    """Map `X_target` channel by channel: principal component regression on each window."""
    half = window_length // 2
    n_target, n_source = X_target_std.shape[1], X_source_std.shape[1]
    mapped = np.empty((len(X_target), n_source))
    for j in range(n_source):
        centre = round(j * (n_target - 1) / max(n_source - 1, 1))
        window = slice(max(centre - half, 0), min(centre + half, n_target - 1) + 1)
        Z, y = X_target_std[:, window], X_source_std[:, j]
        U, s, Vt = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
        rank = min(n_components, len(Z) - 1, np.sum(s > 1e-6 * s[0]))
        b = Vt[:rank].T @ (U[:, :rank].T @ (y - y.mean()) / s[:rank])
        mapped[:, j] = y.mean() + (X_target[:, window] - Z.mean(axis=0)) @ b
    return mapped


# Slope and bias ------------------------------------------------------------------------


def slope_bias(predictions, y):
    """Return slope and intercept of `y` on `predictions` from the normal equations."""
    A = np.array([[len(y), predictions.sum()], [predictions.sum(), (predictions**2).sum()]])
    intercept, slope = np.linalg.solve(A, [y.sum(), (predictions * y).sum()])
    return slope, intercept


# PLS with 1, 2, ... components ---------------------------------------------------------


def pls_rmsecv(X, y, folds, n_components):
    """Return RMSECV of single-response PLS, refitted for every fold by NIPALS."""
    press = 0.0
    for train, test in folds:
        E, mean = X[train] - X[train].mean(axis=0), X[train].mean(axis=0)
        f = y[train] - y[train].mean()
        W, P, q = [], [], []
        for _ in range(n_components):
            w = E.T @ f / np.linalg.norm(E.T @ f)
            t = E @ w
            p, c = E.T @ t / (t @ t), f @ t / (t @ t)
            E, f = E - np.outer(t, p), f - c * t
            W.append(w), P.append(p), q.append(c)
        W, P = np.array(W).T, np.array(P).T
        b = W @ np.linalg.solve(P.T @ W, q)
        press += np.sum((y[test] - y[train].mean() - (X[test] - mean) @ b) ** 2)
    return np.sqrt(press / len(y))


# D-LinOSS ------------------------------------------------------------------------------


def dlinoss(u, r, theta, B, C, D, n_forward):
    """Filter one sequence u (L, D) by the IMEX recurrence with step 1, token after token.

    Numbers are torch tensors, so that gradients can be compared as well.
    """
    S = r**-2
    A = (1 + 1 / S - 2 * r * theta.cos()) * S  # from the trace of the IMEX matrix
    gain = (1 - r) * ((1 - r) ** 2 + 4 * r * theta.sin() ** 2) ** 0.5
    force = (u @ B.T) * gain * S  # (L, P)

    def positions(order):
        x, z, out = 0 * r, 0 * r, {}
        for n in order:
            z = (z - A * x + force[n]) / S
            x = x + z
            out[n] = x
        return [out[n] for n in range(len(u))]

    forward, backward = positions(range(len(u))), positions(reversed(range(len(u))))
    is_forward = (n_forward > np.arange(len(r))).tolist()
    rows = []
    for n in range(len(u)):
        x = sum(C[:, p] * (forward if is_forward[p] else backward)[n][p] for p in range(len(r)))
        rows.append(x + D * u[n])
    return rows


def imex_matrix(A, G):
    """Return the matrix that steps (z, x) of a damped oscillator with step 1."""
    S = 1 + G
    return np.array([[1 / S, -A / S], [1 / S, 1 - A / S]])


# Masking -------------------------------------------------------------------------------


def n_hidden(n_patches, mask_ratio):
    """Return how many patches are hidden: the nearest whole number, ties to the even one."""
    return round(n_patches * mask_ratio)


def normalised_error(error, values, mean, hidden):
    """Return masked squared error over that of the mean spectrum at the same channels (NRE)."""
    baseline = [
        (values[i][j] - mean[j]) ** 2
        for i in range(len(values))
        for j in range(len(mean))
        if hidden[i][j]
    ]
    return float(error) / (sum(map(float, baseline)) / len(baseline))

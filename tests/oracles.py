"""Slow, literal implementations of the formulas, which the tests compare the package with."""

import numpy as np
from scipy import stats

# Standard normal variate ---------------------------------------------------------------


def snv(X, ddof):
    """Centre and scale the measured channels, spectrum by spectrum."""
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


def sets_from_all_distances(distance, n_sets):
    """Select samples in turn for each set, from the matrix of all distances."""
    distance = distance.copy()
    np.fill_diagonal(distance, -1.0)  # identical spectra give a pair i < j as well
    is_remaining = np.ones(len(distance), dtype=bool)
    sets = []
    for _ in range(n_sets):
        rows = np.flatnonzero(is_remaining)
        pair = rows.tolist()
        if len(rows) > 2:
            among = distance[np.ix_(rows, rows)]
            pair = rows[list(np.unravel_index(np.argmax(among), among.shape))].tolist()
        sets.append(pair)
        is_remaining[pair] = False
    nearest = [distance[pair].min(axis=0, initial=np.inf) for pair in sets]
    for turn in range(np.count_nonzero(is_remaining)):
        k = turn % n_sets
        chosen = int(np.argmax(np.where(is_remaining, nearest[k], -1.0)))
        sets[k].append(chosen)
        is_remaining[chosen] = False
        nearest[k] = np.minimum(nearest[k], distance[chosen])
    return [row for rows in sets for row in rows]


# DUPLEX --------------------------------------------------------------------------------


def duplex(X):
    """Assign samples to two sets in turn; return the first set followed by the second."""

    def distance(i, j):
        return float(np.sum((X[i] - X[j]) ** 2))

    rest, sets = list(range(len(X))), ([], [])
    for chosen in sets:
        pairs = [(i, j) for i in rest for j in rest if i < j]
        chosen.extend(max(pairs, key=lambda pair: distance(*pair)) if pairs else rest)
        rest = [i for i in rest if i not in chosen]
    turn = 0
    while rest:
        chosen = sets[turn % 2]
        taken = max(rest, key=lambda i: min(distance(i, j) for j in chosen))
        chosen.append(taken)
        rest.remove(taken)
        turn += 1
    return sets[0] + sets[1]


# SPXY ----------------------------------------------------------------------------------


def spxy(X, y):
    """Order samples by max-min joint distance, both terms divided by their largest value."""
    n = len(X)
    if n > 1 and np.shape(y)[1:] > (1,):
        y = y / np.std(y, axis=0)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    joint = dict.fromkeys(pairs, 0.0)
    for values in (X, y):
        single = {(i, j): float(np.sum((values[i] - values[j]) ** 2)) ** 0.5 for i, j in pairs}
        largest = max(single.values(), default=0.0)
        for pair in pairs:
            joint[pair] += single[pair] / largest if largest > 0 else 0.0
    order = list(max(pairs, key=joint.get)) if pairs else [0]
    while len(order) < n:
        rest = [i for i in range(n) if i not in order]
        order.append(max(rest, key=lambda i: min(joint[min(i, j), max(i, j)] for j in order)))
    return order


# Kennard-Stone on PLS scores -----------------------------------------------------------


def kennard_stone_pls(X, y, n_components=5):
    """Order samples by the distance of their scores; PLS with deflated spectra and targets."""
    E, F = X - X.mean(axis=0), y - y.mean(axis=0)
    F = F / np.std(F, axis=0)
    scores = np.empty((len(X), 0))
    for _ in range(min(n_components, len(X) - 1, X.shape[1])):
        w = np.linalg.eigh(E.T @ F @ F.T @ E)[1][:, -1]
        t = E @ w
        E, F = E - np.outer(t, t) @ E / (t @ t), F - np.outer(t, t) @ F / (t @ t)
        scores = np.column_stack([scores, t])
    return kennard_stone(scores)


# PLS with 1, 2, ... components ---------------------------------------------------------


def pls1(X, y, n_components):
    """Return the coefficients of single-response PLS by NIPALS; columns have mean zero."""
    E, f, W, P, q = X, y, [], [], []
    for _ in range(n_components):
        if np.linalg.norm(E.T @ f) <= 1e-10 * np.linalg.norm(X.T @ y):
            break  # y is explained
        w = E.T @ f / np.linalg.norm(E.T @ f)
        t = E @ w
        p, c = E.T @ t / (t @ t), f @ t / (t @ t)
        E, f = E - np.outer(t, p), f - c * t
        W.append(w), P.append(p), q.append(c)
    if not W:
        return np.zeros(X.shape[1])
    W, P = np.array(W).T, np.array(P).T
    return W @ np.linalg.solve(P.T @ W, q)


def pls_rmsecv(X, y, folds, n_components):
    """Return RMSECV of single-response PLS, refitted for every fold by NIPALS."""
    press = 0.0
    for train, test in folds:
        mean, y_mean = X[train].mean(axis=0), y[train].mean()
        b = pls1(X[train] - mean, y[train] - y_mean, n_components)
        press += np.sum((y[test] - y_mean - (X[test] - mean) @ b) ** 2)
    return np.sqrt(press / len(y))


# Piecewise direct standardization ------------------------------------------------------


def pds(X_target_std, X_source_std, X_target, window_length, n_components, n_shared=1):
    """Map `X_target` channel by channel: PLS on the windows of `n_shared` neighbours, stacked.

    Channels beyond the edges are constant. `n_components=None` is least squares.
    """
    half, n_target, n_source = window_length // 2, X_target_std.shape[1], X_source_std.shape[1]
    mean_t, mean_s = X_target_std.mean(axis=0), X_source_std.mean(axis=0)

    def window(X, j):
        centre = round(j * (n_target - 1) / max(n_source - 1, 1))
        return np.pad(X - mean_t, ((0, 0), (half, half)))[:, centre : centre + 2 * half + 1]

    mapped = np.empty((len(X_target), n_source))
    for j in range(n_source):
        neighbours = range(max(j - n_shared // 2, 0), min(j + n_shared // 2, n_source - 1) + 1)
        Z = np.concatenate([window(X_target_std, k) for k in neighbours])
        y = np.concatenate([X_source_std[:, k] - mean_s[k] for k in neighbours])
        least_squares = n_components is None
        b = np.linalg.pinv(Z, rcond=1e-6) @ y if least_squares else pls1(Z, y, n_components)
        mapped[:, j] = mean_s[j] + window(X_target, j) @ b
    return mapped


# Direct standardization ----------------------------------------------------------------


def ds(X_target_std, X_source_std, X_target, n_components=None):
    """Map `X_target` by a pseudo-inverse of rank `n_components`."""
    mean_t, mean_s = X_target_std.mean(axis=0), X_source_std.mean(axis=0)
    U, s, Vt = np.linalg.svd(X_target_std - mean_t)
    k = min(n_components or len(s), int(np.sum(s > 1e-6 * s[0])))
    inverse = Vt[:k].T @ np.diag(1 / s[:k]) @ U[:, :k].T
    return mean_s + (X_target - mean_t) @ inverse @ (X_source_std - mean_s)


# Maps that learn the difference --------------------------------------------------------


def interpolated(X, n_source):
    """Return spectra at `n_source` equally spaced channels of the same range, linearly."""
    n_target = X.shape[1]
    return np.array(
        [np.interp(np.linspace(0, n_target - 1, n_source), range(n_target), x) for x in X]
    )


def ridge(Z, D, penalty, weights):
    """Return ridge coefficients by least squares with one more row per coefficient."""
    rows = np.concatenate([np.sqrt(weights)[:, None] * Z, np.sqrt(penalty) * np.eye(Z.shape[1])])
    values = np.concatenate([np.sqrt(weights)[:, None] * D, np.zeros((Z.shape[1], D.shape[1]))])
    return np.linalg.lstsq(rows, values, rcond=None)[0]


def windows_of(X, n_source, length):
    """Return the window of every source channel, (n_source, n, length), zero beyond the edges."""
    half, n_target = length // 2, X.shape[1]
    centres = [round(j * (n_target - 1) / max(n_source - 1, 1)) for j in range(n_source)]
    padded = np.pad(X, ((0, 0), (half, half)))
    return np.array([padded[:, c : c + length] for c in centres])


def difference_map(X_target_std, X_source_std, X_target, penalty, length=None, weights=None):
    """Add to `X_target` the difference that all channels, or a window of them, predict."""
    n_source = X_source_std.shape[1]
    weights = np.ones(len(X_target_std)) if weights is None else np.asarray(weights, dtype=float)
    mean_t, mean_s = (np.average(X, axis=0, weights=weights) for X in (X_target_std, X_source_std))
    T, Z = X_target_std - mean_t, X_target - mean_t
    D = X_source_std - mean_s - interpolated(T, n_source)
    mapped = mean_s + interpolated(Z, n_source)
    if length is None:
        power = np.average(np.sum(T**2, axis=1), weights=weights)
        return mapped + Z @ ridge(T, D, penalty * power, weights)
    windows = windows_of(T, n_source, length)
    power = np.average(np.mean(np.sum(windows**2, axis=2), axis=0), weights=weights)
    for j, (window, new) in enumerate(zip(windows, windows_of(Z, n_source, length), strict=True)):
        mapped[:, j] += (new @ ridge(window, D[:, [j]], penalty * power, weights))[:, 0]
    return mapped


# Spectral space transformation ---------------------------------------------------------


def sst(X_target_std, X_source_std, X_target, n_components):
    """Add the difference between source and target that the joint loadings predict."""
    mean_t, mean_s = X_target_std.mean(axis=0), X_source_std.mean(axis=0)
    Vt = np.linalg.svd(np.hstack([X_source_std - mean_s, X_target_std - mean_t]))[2]
    P_s, P_t = Vt[:n_components, : len(mean_s)], Vt[:n_components, len(mean_s) :]
    z = X_target - mean_t
    return mean_s + z + z @ np.linalg.pinv(P_t) @ (P_s - P_t)


# Canonical correlation analysis --------------------------------------------------------


def cca(X_target_std, X_source_std, X_target, n_components):
    """Return `X_target` mapped by canonical variates of principal components, and correlations."""
    from scipy.linalg import inv, sqrtm

    mean_t, mean_s = X_target_std.mean(axis=0), X_source_std.mean(axis=0)
    target, source = X_target_std - mean_t, X_source_std - mean_s
    V_t, V_s = (np.linalg.svd(Z)[2][:n_components].T for Z in (target, source))
    T, S = target @ V_t, source @ V_s
    white_t, white_s = inv(sqrtm(T.T @ T)), inv(sqrtm(S.T @ S))
    R, correlations, Qt = np.linalg.svd(white_t @ T.T @ S @ white_s)
    L_t, L_s = T @ white_t @ R, S @ white_s @ Qt.T
    F_1, F_2 = np.linalg.pinv(L_t) @ L_s, np.linalg.pinv(L_s) @ source
    return mean_s + (X_target - mean_t) @ V_t @ white_t @ R @ F_1 @ F_2, correlations


# External parameter orthogonalization --------------------------------------------------


def epo_projection(X_target_std, X_source_std, n_components):
    """Return I - VV', where V are the leading directions of the differences."""
    V = np.linalg.svd(X_source_std - X_target_std)[2][:n_components].T
    return np.eye(len(V)) - V @ V.T


# Null-augmented regression -------------------------------------------------------------


def nar(X, y, differences, penalty, ridge):
    """Return coefficients and intercept by solving the normal equations."""
    centred = X - X.mean(axis=0)
    mean_square_norm = np.mean(np.sum(centred**2, axis=1))
    D = differences * np.sqrt(mean_square_norm / np.mean(np.sum(differences**2, axis=1)))
    A = centred.T @ centred + penalty * D.T @ D + ridge * np.eye(X.shape[1])
    b = np.linalg.solve(A, centred.T @ (y - y.mean(axis=0)))
    return b, y.mean(axis=0) - X.mean(axis=0) @ b


# Slope and bias ------------------------------------------------------------------------


def slope_bias(predictions, y):
    """Return slope and intercept of `y` on `predictions` from the normal equations."""
    A = np.array([[len(y), predictions.sum()], [predictions.sum(), (predictions**2).sum()]])
    intercept, slope = np.linalg.solve(A, [y.sum(), (predictions * y).sum()])
    return slope, intercept


def slope_p_value(predictions, y):
    """Return the p-value of the F-test of the slope against 1."""
    from scipy.stats import f

    slope, intercept = slope_bias(predictions, y)
    line = np.sum((y - intercept - slope * predictions) ** 2)
    bias = np.sum((y - predictions - np.mean(y - predictions)) ** 2)
    n_free = len(y) - 2
    return f.sf((bias - line) / (line / n_free), 1, n_free)


# D-LinOSS ------------------------------------------------------------------------------


def dlinoss(u, A, G, dt, B, C, D, n_forward):
    """Filter one sequence u (L, D) by the IMEX step of x'' = -A x - G x' + B u, token by token.

    Arguments are torch tensors, so that gradients can be compared as well.
    """
    import torch

    force, S = u @ B.T, 1 + dt * G

    def positions(order):
        x, z, out = 0 * A, 0 * A, {}
        for n in order:
            z = (z + dt * (-A * x + force[n])) / S
            x = x + dt * z
            out[n] = x
        return torch.stack([out[n] for n in range(len(u))])

    forward, backward = positions(range(len(u))), positions(reversed(range(len(u))))
    x = torch.cat([forward[:, :n_forward], backward[:, n_forward:]], dim=1)
    return x @ C.T + D * u


def imex_matrix(A, G):
    """Return the matrix of one step of size 1 of (z, x) of a damped oscillator."""
    S = 1 + G
    return np.array([[1 / S, -A / S], [1 / S, 1 - A / S]])


# Masking -------------------------------------------------------------------------------


def n_hidden(n_patches, mask_ratio):
    """Return the number of masked patches, rounded to the nearest int, ties to even."""
    return round(n_patches * mask_ratio)


def normalized_error(error, values, mean, hidden):
    """Return the masked squared error divided by that of the mean spectrum (NRE)."""
    baseline = [
        (values[i][j] - mean[j]) ** 2
        for i in range(len(values))
        for j in range(len(mean))
        if hidden[i][j]
    ]
    return float(error) / (sum(map(float, baseline)) / len(baseline))


# Parameter-free calibration enhancement ------------------------------------------------


def pfce(A, c, b1, min_correlation):
    """Minimize |c - A b|^2 with corr(b, b1) >= min_correlation by a general solver."""
    from scipy.optimize import minimize

    def margin(b):
        return np.corrcoef(b, b1)[0, 1] - min_correlation

    solutions = [
        minimize(
            lambda b: np.sum((c - A @ b) ** 2),
            start * b1,
            jac=lambda b: 2 * A.T @ (A @ b - c),
            constraints=[{"type": "ineq", "fun": margin}],
            method="SLSQP",
            options={"maxiter": 1000, "ftol": 1e-15},
        ).x
        for start in (1.0, 0.1)
    ]
    return min((b for b in solutions if margin(b) > -1e-8), key=lambda b: np.sum((c - A @ b) ** 2))


# Correlation alignment -----------------------------------------------------------------


def coral(X_source, X_target, X, alpha):
    """Whiten `X` by the covariance of the target and colour it by that of the source."""
    from scipy.linalg import inv, sqrtm

    C_s, C_t = np.cov(X_source, rowvar=False), np.cov(X_target, rowvar=False)
    ridge = alpha * np.diag(C_s).mean() * np.eye(len(C_s))
    A = (inv(sqrtm(C_t + ridge)) @ sqrtm(C_s + ridge)).real  # complex in some scipy
    return X_source.mean(axis=0) + (X - X_target.mean(axis=0)) @ A


# Domain-invariant PLS ------------------------------------------------------------------


def dipls(X, y, X_target, n_components, penalty, differences=None):
    """Return b of X b + mean(y) for centred X; `differences` are those of paired standards.

    `penalty` is the same number for all components, or None for the heuristic of the paper.
    """
    xs, xt = X - X.mean(axis=0), X_target - X_target.mean(axis=0)
    x, y = xs, y - y.mean()
    identity = np.eye(X.shape[1])
    W, P, c = [], [], []
    for _ in range(n_components):
        if differences is None:
            values, V = np.linalg.eigh(xs.T @ xs / len(xs) - xt.T @ xt / len(xt))
            D = V @ np.diag(abs(values)) @ V.T
        else:
            D = differences.T @ differences
        w = x.T @ y / (y @ y)
        strength = penalty
        if penalty is None:
            strength = np.linalg.norm(x - np.outer(y, w)) ** 2 / (w @ D @ w)
        w = np.linalg.inv(identity + strength / (y @ y) * D) @ w
        w = w / np.linalg.norm(w)
        t, ts, tt = x @ w, xs @ w, xt @ w
        W.append(w), P.append(x.T @ t / (t @ t)), c.append(y @ t / (t @ t))
        x, xs, xt = (
            rows - np.outer(scores, rows.T @ scores / (scores @ scores))
            for rows, scores in ((x, t), (xs, ts), (xt, tt))
        )
        y = y - c[-1] * t
    W, P = np.array(W).T, np.array(P).T
    return W @ np.linalg.inv(P.T @ W) @ c


def spherical_kmeans(U, centres):
    """Return centres, labels and inertia by the algorithm of Dhillon & Modha (2001)."""
    while True:
        labels = [max(range(len(centres)), key=lambda k: u @ centres[k]) for u in U]
        moved = []
        for k in range(len(centres)):
            total = sum(u for u, label in zip(U, labels, strict=True) if label == k)
            moved.append(total / np.linalg.norm(total))
        if np.allclose(moved, centres, rtol=0, atol=1e-14):
            inertia = sum(1 - u @ moved[k] for u, k in zip(U, labels, strict=True))
            return np.array(moved), labels, inertia
        centres = np.array(moved)


def log_ive(order, x):
    """Return log(I(x) exp(-x)), computed with 40 digits."""
    import mpmath

    with mpmath.workdps(40):
        return float(mpmath.log(mpmath.besseli(order, mpmath.mpf(x))) - mpmath.mpf(x))


def von_mises_fisher_log_density(u, mean, concentration):
    """Return the logarithm of the density, equation 2.1 of Banerjee et al. (2005)."""
    order = len(u) / 2 - 1
    log_constant = order * np.log(concentration) - len(u) / 2 * np.log(2 * np.pi)
    log_constant -= log_ive(order, concentration) + concentration
    return log_constant + concentration * (mean @ u)


# Jackknife+ and CV+ --------------------------------------------------------------------


def jackknife_plus(fit_without, X, y, folds, x, confidence_level):
    """Return the bounds for one x by equation 7 of Barber et al. (2021).

    `fit_without` gets a list of samples; the level is a `Fraction`, so that ranks are exact.
    """
    alpha, n = 1 - confidence_level, len(y)
    low, high = [], []
    for i in range(n):
        mu = fit_without([j for j in range(n) if folds[j] == folds[i]])
        error = abs(y[i] - mu(X[i]))
        low.append(mu(x) - error)
        high.append(mu(x) + error)
    below = alpha * (n + 1) // 1  # floor
    above = -((alpha - 1) * (n + 1) // 1)  # ceil
    return sorted(low)[int(below) - 1], sorted(high)[int(above) - 1]


# Hotelling's T2 and Q -----------------------------------------------------------------


def t2_and_squared_residuals(z, mean, scale, rotations, loadings, variances):
    """Return T2 and the squared residual of each channel of one spectrum."""
    centred = [(z[k] - mean[k]) / scale[k] for k in range(len(z))]
    n_components = len(variances)
    scores = [sum(centred[k] * rotations[k, a] for k in range(len(z))) for a in range(n_components)]
    fitted = [
        mean[k] + scale[k] * sum(scores[a] * loadings[k, a] for a in range(n_components))
        for k in range(len(z))
    ]
    t2 = sum(scores[a] ** 2 / variances[a] for a in range(n_components))
    return t2, [(z[k] - fitted[k]) ** 2 for k in range(len(z))]


def channel_residual(squares, others):
    """Return the largest ratio of a squared residual to its mean over other spectra, and where."""
    n_channels = len(squares)
    means = [sum(other[k] for other in others) / len(others) for k in range(n_channels)]
    least = 0.01 * sum(means) / n_channels
    ratios = [squares[k] / max(means[k], least) for k in range(n_channels)]
    return max(ratios), ratios.index(max(ratios))


# Control charts -----------------------------------------------------------------------


def control_chart(errors, bias, sep, weight, k):
    """Return z, EWMA, upper and lower CUSUM of each error, None where the error is None."""
    rows, ewma, high, low = [], 0.0, 0.0, 0.0
    for error in errors:
        if error is None:
            rows.append((None, None, None, None))
            continue
        z = (error - bias) / sep
        ewma = weight * z + (1 - weight) * ewma
        high = high + z - k if high + z - k > 0 else 0.0
        low = low - z - k if low - z - k > 0 else 0.0
        rows.append((z, ewma, high, low))
    return rows


# Incomplete spectra -------------------------------------------------------------------


def fill_by_ridge(spectra, x, hidden, penalty):
    """Return hidden channels of `x`: a ridge regression, and its residuals interpolated."""
    Z = spectra - spectra.mean(axis=0)
    V = Z[:, ~hidden]
    B = np.linalg.solve(V.T @ V + penalty * np.eye(V.shape[1]), V.T @ Z)  # (v, p)
    predicted = spectra.mean(axis=0) + (x - spectra.mean(axis=0))[~hidden] @ B
    rest = np.interp(
        np.flatnonzero(hidden), np.flatnonzero(~hidden), x[~hidden] - predicted[~hidden]
    )
    return predicted[hidden] + rest


# Validation ----------------------------------------------------------------------------


def validation(y, y_hat, sec, sec_dof, alpha):
    """Compute the figures and limits of ISO 12099 sample by sample, and the joint F-test."""
    n = len(y)
    e = [y_hat[i] - y[i] for i in range(n)]
    bias = sum(e) / n
    sep = (sum((e[i] - bias) ** 2 for i in range(n)) / (n - 1)) ** 0.5
    mean_hat, mean = sum(y_hat) / n, sum(y) / n
    s_hat = sum((y_hat[i] - mean_hat) ** 2 for i in range(n)) / (n - 1)
    covariance = sum((y_hat[i] - mean_hat) * (y[i] - mean) for i in range(n)) / (n - 1)
    b = covariance / s_hat
    a = mean - b * mean_hat
    s_res = (sum((y[i] - a - b * y_hat[i]) ** 2 for i in range(n)) / (n - 2)) ** 0.5
    t_slope = abs(b - 1) * (s_hat * (n - 1) / s_res**2) ** 0.5
    # Mandel & Linnig, with the sums written out.
    x, xx = sum(y_hat), sum(value**2 for value in y_hat)
    joint = (n * a**2 + 2 * a * (b - 1) * x + (b - 1) ** 2 * xx) / (2 * s_res**2)
    s_y = (sum((y[i] - mean) ** 2 for i in range(n)) / (n - 1)) ** 0.5
    return {
        "bias": bias,
        "bias_limit": stats.t.ppf(1 - alpha / 2, n - 1) * sep / n**0.5,
        "bias_p": 2 * (1 - stats.t.cdf(abs(bias) * n**0.5 / sep, n - 1)),
        "rmsep": (sum(e[i] ** 2 for i in range(n)) / n) ** 0.5,
        "sep": sep,
        "sep_limit": sec * stats.f.ppf(1 - alpha, n - 1, sec_dof) ** 0.5,
        "sep_p": 1 - stats.f.cdf((sep / sec) ** 2, n - 1, sec_dof),
        "slope": b,
        "intercept": a,
        "slope_p": 2 * (1 - stats.t.cdf(t_slope, n - 2)),
        "joint_p": 1 - stats.f.cdf(joint, 2, n - 2),
        "residual_error": s_res,
        "residual_limit": sec * stats.f.ppf(1 - alpha, n - 2, sec_dof) ** 0.5,
        "rpd": s_y / sep,
        "y_std": s_y,
    }


def repeatability(values, ids):
    """Pool the variance within samples."""
    squares, dof = 0.0, 0
    for sample in set(ids):
        own = [value for value, i in zip(values, ids, strict=True) if i == sample]
        squares += sum((value - sum(own) / len(own)) ** 2 for value in own)
        dof += len(own) - 1
    return (squares / dof) ** 0.5, dof


def remedies(y, y_hat):
    """Compute squared errors of every sample, corrected by a bias and a line of the others."""
    rows = []
    for i in range(len(y)):
        others = [j for j in range(len(y)) if j != i]
        bias = sum(y_hat[j] - y[j] for j in others) / len(others)
        b, a = np.polyfit([y_hat[j] for j in others], [y[j] for j in others], 1)
        corrected = y_hat[i], y_hat[i] - bias, a + b * y_hat[i]
        rows.append([(value - y[i]) ** 2 for value in corrected])
    return np.array(rows)

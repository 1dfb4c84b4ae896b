"""Calibration: ridge against a slow implementation, loss, gradients, autocast."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skspektron._nn.architecture import Architecture
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.objectives.calibration import (
    ERROR_CEILING,
    ERROR_FLOOR,
    NULL_PENALTY,
    PENALTIES,
    SHARPNESS,
    Calibration,
    column_scale,
    dual_ridge,
    ridge,
)
from skspektron._nn.views import Views


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def fit(Z, t, is_null, strength):
    """Return coefficients and intercept by normal equations; null rows have no intercept."""
    rows = np.column_stack([Z, ~is_null])
    penalty = np.diag([*np.full(Z.shape[1], strength), 0.0])
    *coef, intercept = np.linalg.solve(rows.T @ rows + penalty, rows.T @ t)
    return np.array(coef), intercept


def refitted(Z, t, is_null, strength):
    """Return the residual of every row of a fit without it."""
    residuals = []
    for i in range(len(Z)):
        others = np.arange(len(Z)) != i
        coef, intercept = fit(Z[others], t[others], is_null[others], strength)
        residuals.append(t[i] - Z[i] @ coef - intercept * (not is_null[i]))
    return np.array(residuals)


def slow_ridge(X, y, query, null, measured_once=slice(None)):
    """Return predictions by primal ridges with explicit leave-one-out fits, in numpy."""
    X, y, query, null = (t.numpy() for t in (X, y, query, null))
    n, power = len(X), ((X - X.mean(0)) ** 2).sum() / len(X)
    if len(null):
        null = null * np.sqrt(NULL_PENALTY * power / ((null**2).sum() / len(null)))
    Z, t = np.concatenate([X, null]), np.concatenate([y, np.zeros(len(null))])
    is_null = np.arange(len(Z)) >= n
    strengths = [s * n * power for s in PENALTIES]
    residuals = [refitted(Z, t, is_null, s)[:n][measured_once] for s in strengths]
    weight = np.mean(np.square(residuals), axis=1) ** (-SHARPNESS * n)
    fits = [fit(Z, t, is_null, s) for s in strengths]
    predicted = [query @ coef + intercept for coef, intercept in fits]
    return (weight / weight.sum()) @ np.array(predicted)


@pytest.mark.parametrize("n_null", [0, 3])
@pytest.mark.parametrize("n_features", [5, 60])
def test_leave_one_out_residuals_equal_refitting_for_all_penalties(n_features, n_null):
    n, Z = 20, draw(20 + n_null, n_features).numpy() + 3
    Z[n:] *= 10
    t = np.append(draw(n, seed=1).numpy() + 7, np.zeros(n_null))
    centred = Z - Z[:n].mean(0) * (np.arange(len(Z)) < n)[:, None]
    power = (centred[:n] ** 2).sum() / n
    K = torch.tensor(centred @ centred.T / power)
    a, intercept, residual = dual_ridge(K, torch.tensor(t[:n]))
    assert PENALTIES[0] == 1e-7
    for k, penalty in enumerate(PENALTIES):
        strength, is_null = penalty * n * power, np.arange(len(Z)) >= n
        expected = refitted(Z, t, is_null, strength)
        np.testing.assert_allclose(residual[k].numpy(), expected, rtol=1e-5, atol=1e-7)
        coef, at_zero = fit(Z, t, is_null, strength)
        found = centred.T @ a[k].numpy() / power
        np.testing.assert_allclose(found, coef, rtol=1e-5, atol=1e-7)
        expected = at_zero + Z[:n].mean(0) @ coef
        np.testing.assert_allclose(intercept[k].item(), expected, rtol=1e-6)


def test_an_overfitted_ridge_has_no_weight():
    X = draw(30, 200)  # noise, which every ridge of a small penalty fits exactly
    y = draw(30, seed=1)
    residual = dual_ridge(X @ X.T / 200, y)[2]
    assert residual.square().mean(1).min() > 0.5


@pytest.mark.parametrize("n_null", [0, 3])
def test_ridge_equals_primal_ridges_weighted_by_leave_one_out_error(n_null):
    X, query, null = draw(12, 5), draw(4, 5, seed=1), draw(n_null, 5, seed=2)
    y = X @ draw(5, seed=3) + 0.3 * draw(12, seed=4) + 7
    once = slice(n_null, 12 - n_null)
    for arguments in ((X, y, query, null), (X, y, query, null, once)):
        expected = slow_ridge(*arguments)
        np.testing.assert_allclose(ridge(*arguments).numpy(), expected, rtol=1e-6)


def test_ridge_has_correct_gradients_for_all_arguments():
    arguments = [draw(8, 3), draw(8, seed=1), draw(4, 3, seed=2), draw(2, 3, seed=3)]
    arguments = [argument.requires_grad_() for argument in arguments]
    assert torch.autograd.gradcheck(ridge, arguments, atol=1e-3)  # condition number 1e7


def test_null_rows_make_predictions_insensitive_to_a_direction():
    X, drift = draw(30, 4), torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    y = X[:, 0] + X[:, 3]
    moved = X + 5 * drift
    without, with_null = (
        ridge(X, y, moved, null) - ridge(X, y, X, null) for null in (X[:0], drift)
    )
    assert without.abs().min() > 4 and with_null.abs().max() < 0.5


def test_a_constant_target_is_predicted():
    X = draw(9, 4).requires_grad_()
    predicted = ridge(X, torch.full((9,), 2.0, dtype=torch.float64), draw(3, 4, seed=1), X[:0])
    torch.testing.assert_close(predicted, torch.full_like(predicted, 2))
    predicted.sum().backward()
    assert X.grad.isfinite().all()


def test_predictions_do_not_depend_on_the_scale_of_the_spectra():
    X, y, query, null = draw(9, 4), draw(9, seed=1), draw(3, 4, seed=2), draw(2, 4, seed=3)
    predicted = ridge(X, y, query, null)
    torch.testing.assert_close(ridge(1e3 * X, y, 1e3 * query, 1e3 * null), predicted)


def test_columns_are_scaled_if_autoscaled():
    Z = draw(50, 3) * torch.tensor([1.0, 10.0, 0.0])
    mean, scale = column_scale(Z, torch.tensor(False))
    torch.testing.assert_close(mean, Z.mean(0))
    assert scale.eq(1).all()
    scale = column_scale(Z, torch.tensor(True))[1]
    torch.testing.assert_close(scale[:2], Z.std(0, correction=0)[:2], rtol=0.02, atol=0)
    assert scale[2] == pytest.approx(1e-3 * scale[1].item(), rel=0.02)


def episode(rows, y, y_query, autoscaled=False):
    return {"spectra": rows, "y": y, "y_query": y_query, "autoscaled": torch.tensor(autoscaled)}


def loss(*episodes):
    """Return the objective with the spectra themselves as embedding."""
    views = SimpleNamespace(batch={"episodes": episodes}, embed=lambda rows: rows)
    return Calibration(None, 1)(views)


@pytest.mark.parametrize("autoscaled", [False, True])
def test_loss_is_the_log_error_of_the_queries(autoscaled):
    train, standards, query = draw(20, 4), draw(3, 4, seed=1), draw(6, 4, seed=2)
    y, y_query = draw(20, seed=3), draw(6, seed=4)
    value = loss(episode(torch.cat([train, standards, query]), y, y_query, autoscaled))
    if autoscaled:
        deviation = train.std(0, correction=0)
        scale = deviation + 1e-3 * deviation.max()
        train, standards, query = train / scale, standards / scale, query / scale
    labels = torch.cat([y, y[:3]])
    rows, null = torch.cat([train, standards]), train[:3] - standards
    predicted = slow_ridge(rows, labels, query, null, slice(3, 20))
    error = np.square(predicted - y_query.numpy()).mean()
    assert value.item() == pytest.approx(
        np.log(error / (1 + error / ERROR_CEILING) + ERROR_FLOOR), rel=1e-5
    )


def test_loss_is_bounded_for_small_and_large_errors():
    X, w = draw(40, 3), draw(3, seed=1)
    exact = loss(episode(X, X[:30] @ w, X[30:] @ w))
    failed = loss(episode(X, X[:30] @ w, 1e6 + X[30:] @ w))
    assert exact.item() == pytest.approx(np.log(ERROR_FLOOR), abs=0.05)
    assert failed.item() == pytest.approx(np.log(ERROR_CEILING), abs=0.05)
    both = [episode(X, X[:30] @ w, y_query + X[30:] @ w) for y_query in (0, 1e6)]
    torch.testing.assert_close(loss(*both), (exact + failed) / 2)


def test_embedding_is_the_concatenated_tokens_and_has_gradients():
    network = SpektronNetwork(Architecture(patch_length=4, d_model=8, d_state=4, n_layers=2))
    spectra = {
        "values": draw(12, 20).float(),
        "valid": torch.ones(12, 20, dtype=torch.bool),
        "wavenumber": torch.linspace(4000, 9000, 20, dtype=torch.float64).expand(12, 20),
        "grid": torch.zeros(12, dtype=torch.long),
    }
    views = Views(network, {"episodes": [episode(spectra, draw(8), draw(4, seed=1))]})
    tokens = network(**spectra, n_layers=2).tokens
    torch.testing.assert_close(views.embed(spectra), tokens.flatten(1))
    Calibration(network, 1)(views).backward()
    assert network.tokens.project.weight.grad.abs().sum() > 0


def test_autocast_does_not_affect_the_ridge():
    rows, y, y_query = draw(40, 6).float(), draw(30, seed=1), draw(10, seed=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(episode(rows, y, y_query))
    assert inside == loss(episode(rows, y, y_query))

"""Features whose products are the kernels, and their limits: constant channels, many rows."""

import numpy as np
import pytest

from skspektron.calibration import _kernels
from skspektron.calibration._kernels import RBF, Linear, Matern, fit_features

KERNELS = [Linear(), Linear(autoscale=True), RBF(1.0, autoscale=True), RBF(3.0), Matern(3.0)]


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(15, 4)) @ rng.normal(size=(4, 30)) + 0.1 * rng.normal(size=(15, 30))
    return Z + np.linspace(1, 3, 30)


def literal(kernel, Z, first, second):
    """Return the kernel of two blocks of rows, before centring."""
    scale = Z.std(axis=0) if kernel.autoscale else 1.0
    Z, first, second = Z / scale, first / scale, second / scale
    if isinstance(kernel, Linear):
        return first @ second.T
    pairs = ((Z[:, None] - Z) ** 2).sum(axis=2)
    length = kernel.length * np.sqrt(pairs.sum() / (len(Z) * (len(Z) - 1)))
    distance = np.sqrt(((first[:, None] - second) ** 2).sum(axis=2))
    if isinstance(kernel, Matern):
        r = np.sqrt(3) * distance / length
        return (1 + r) * np.exp(-r)
    return np.exp(-(distance**2) / (2 * length**2))


@pytest.mark.parametrize("kernel", KERNELS)
def test_products_of_features_are_the_centred_scaled_kernel(kernel, rows):
    Z, other = rows[:10], rows[10:]
    features = fit_features(kernel, Z, [other])
    Phi = np.concatenate([features.transform(Z), features.transform(other)])
    K = literal(kernel, Z, rows, rows)
    K = K - K[:, :10].mean(axis=1)[:, None] - K[:10].mean(axis=0) + K[:10, :10].mean()
    np.testing.assert_allclose(Phi @ Phi.T, K / np.mean(np.diag(K)[:10]), atol=1e-8)


@pytest.mark.parametrize("kernel", KERNELS)
def test_predictor_equals_the_regression_on_features(kernel, rows):
    features = fit_features(kernel, rows[:10])
    Phi = features.transform(rows)
    coef = np.random.default_rng(1).normal(size=(Phi.shape[1], 2))
    predicted = features.predictor(coef, np.array([1.0, 2.0])).predict(rows)
    np.testing.assert_allclose(predicted, Phi @ coef + [1.0, 2.0], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_units_of_the_spectra_have_no_effect(kernel, rows, unit):
    Phi = fit_features(kernel, rows).transform(rows)
    scaled = fit_features(kernel, unit * rows).transform(unit * rows)
    np.testing.assert_allclose(scaled @ scaled.T, Phi @ Phi.T, atol=1e-8)


@pytest.mark.parametrize("kernel", KERNELS)
def test_rows_that_differ_by_rounding_have_no_features(kernel):
    rng = np.random.default_rng(0)
    Z = 1 + 1e-16 * rng.normal(size=(8, 20))
    assert fit_features(kernel, Z).transform(Z).shape == (8, 0)
    Z = 1e-15 * rng.normal(size=(8, 20))  # as the derivative of constant spectra
    assert fit_features(kernel, Z, rounding=1e-14).transform(Z).shape == (8, 0)


def test_constant_channels_are_not_scaled_up(rows):
    noise = 1e-15 * np.random.default_rng(0).normal(size=(15, 3))
    padded = np.concatenate([rows, 5 + noise], axis=1)
    Phi = fit_features(Linear(autoscale=True), rows).transform(rows)
    with_padding = fit_features(Linear(autoscale=True), padded).transform(padded)
    np.testing.assert_allclose(with_padding @ with_padding.T, Phi @ Phi.T, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_landmarks_approximate_the_kernel_of_many_rows(kernel, rows, monkeypatch):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 25))
    exact = fit_features(kernel, Z).transform(Z)
    monkeypatch.setattr(_kernels, "MAX_LANDMARKS", 40)
    Phi = fit_features(kernel, Z).transform(Z)
    assert Phi.shape[1] <= 40
    error = np.linalg.norm(Phi @ Phi.T - exact @ exact.T)
    assert error < 0.03 * np.linalg.norm(exact @ exact.T)
    assert np.mean((Phi**2).sum(axis=1)) == pytest.approx(1.0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_max_features_limits_features_and_landmarks(kernel):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 25))
    exact = fit_features(kernel, Z).transform(Z)
    features = fit_features(kernel, Z, max_features=30)
    Phi = features.transform(Z)
    assert Phi.shape[1] <= 30 and len(getattr(features, "landmarks", [])) <= 30
    error = np.linalg.norm(Phi @ Phi.T - exact @ exact.T)
    assert error < 0.1 * np.linalg.norm(exact @ exact.T)

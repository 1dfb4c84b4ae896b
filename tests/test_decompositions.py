"""Singular values of repeated spectra."""

import numpy as np
import pytest

from skspektron._decompositions import thin_svd
from skspektron.datasets import make_instruments


def test_equals_numpy():
    A = np.random.default_rng(0).normal(size=(6, 9))
    for part, expected in zip(thin_svd(A), np.linalg.svd(A, full_matrices=False), strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("seed", [33, 50])
def test_repeated_spectra_are_decomposed(seed):
    """The LAPACK of numpy's wheels does not converge for these with divide and conquer."""
    wavelength = np.linspace(1100, 2500, 60)
    X = make_instruments(40, ("A",), wavelength=wavelength, random_state=seed).X["A"][:, 6:]
    A = np.concatenate([X + shift for shift in np.arange(5) / 10])
    A -= A.mean(axis=1, keepdims=True)
    A /= A.std(axis=1, keepdims=True)
    A -= A.mean(axis=0)
    U, s, Vt = thin_svd(A)
    np.testing.assert_allclose(U * s @ Vt, A, atol=1e-10)


def test_qr_iteration_is_used_where_divide_and_conquer_fails(monkeypatch):
    def fail(*args, **kwargs):
        raise np.linalg.LinAlgError("SVD did not converge")

    A = np.random.default_rng(0).normal(size=(6, 9))
    monkeypatch.setattr(np.linalg, "svd", fail)
    U, s, Vt = thin_svd(A)
    np.testing.assert_allclose(U * s @ Vt, A, atol=1e-12)
    np.testing.assert_allclose(U.T @ U, np.eye(6), atol=1e-12)

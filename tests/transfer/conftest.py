"""A source "A" and a target "B" with gain and offset, stacked; small enough to check by hand."""

import numpy as np
import pytest


@pytest.fixture
def make_stack():
    """Return a function that stacks 30 samples on A and, in another order, on B."""

    def make(n_samples=30, n_targets=None, random_state=0):
        rng = np.random.default_rng(random_state)
        scores = rng.normal(size=(n_samples, 3))
        channel = np.linspace(0, 3, 24)
        bands = np.exp(-((channel - np.array([[0.6], [1.5], [2.4]])) ** 2) / 0.3)
        X_a = scores @ bands + 1e-3 * rng.normal(size=(n_samples, 24))
        X_b = X_a * (1 + 0.2 * np.sin(channel)) + 0.5 + 0.1 * channel
        y = scores[:, 0] if n_targets is None else scores[:, :n_targets]
        shuffled = rng.permutation(n_samples)
        X = np.concatenate([X_a, X_b[shuffled]])
        y = np.concatenate([y, y[shuffled]])
        ids = np.array([f"s{i:02d}" for i in range(n_samples)])
        for array in (X, y):
            array.flags.writeable = False  # a method that writes into its input must fail
        return X, y, np.repeat(["A", "B"], n_samples), np.concatenate([ids, ids[shuffled]])

    return make

"""Simulated clusters of directions."""

import numpy as np
from scipy.stats import vonmises_fisher


def simulate_clusters(sizes, concentrations, n_features, random_state=0):
    """Return rows of random norm around orthogonal directions, and their cluster."""
    random = np.random.RandomState(random_state)
    means = np.linalg.qr(random.normal(size=(n_features, n_features)))[0]
    rows = [
        vonmises_fisher(mean, concentration).rvs(size, random_state=random)
        for mean, concentration, size in zip(means, concentrations, sizes, strict=False)
    ]
    X = np.vstack(rows) * random.uniform(0.1, 10, size=(sum(sizes), 1))
    return X, np.repeat(np.arange(len(sizes)), sizes)

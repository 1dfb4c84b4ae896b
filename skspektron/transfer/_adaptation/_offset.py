"""Subtraction of a fixed offset."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class SubtractOffset(TransformerMixin, BaseEstimator):
    """Subtract an offset that is known already."""

    def __init__(self, offset):
        self.offset = offset

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Return `X` without the offset."""
        return np.asarray(X) - self.offset

    def __sklearn_is_fitted__(self):
        return True

"""Subtraction of a given offset."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class SubtractOffset(TransformerMixin, BaseEstimator):
    """Subtract a given offset from every row."""

    def __init__(self, offset):
        self.offset = offset

    def fit(self, X, y=None):
        """Return the transformer unchanged; nothing is learnt."""
        return self

    def transform(self, X):
        """Return `X` without the offset."""
        return np.asarray(X) - self.offset

    def __sklearn_is_fitted__(self):
        return True

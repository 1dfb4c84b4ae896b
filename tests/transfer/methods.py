"""The transfer methods by what they read, for the tests that all of them must pass."""

from sklearn.linear_model import Ridge

from skspektron.transfer import (
    MeanCentredTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)

PAIRED = [MeanCentredTransfer, PDSTransfer]
LABELLED = [TargetOnly, PooledTransfer, SlopeBiasTransfer]
WITH_STANDARDS = [*PAIRED, *LABELLED]
METHODS = [NoTransfer, *WITH_STANDARDS]


def make(method, n_transfer=10, **parameters):
    """Return a transfer from A to B around a ridge regression."""
    return method(Ridge(alpha=1e-3), source="A", target="B", n_transfer=n_transfer, **parameters)

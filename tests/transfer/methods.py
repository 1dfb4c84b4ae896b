"""The transfer methods by what they read, for the tests that all of them must pass."""

from functools import partial

from sklearn.linear_model import Ridge

from skspektron import transfer
from skspektron.transfer import (
    CCATransfer,
    CORALTransfer,
    DIPLSTransfer,
    DSTransfer,
    EnsembleTransfer,
    EPOTransfer,
    FNOTransfer,
    MeanCentredTransfer,
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    SSTTransfer,
    TargetOnly,
)
from skspektron.transfer._core._mapped import MappedTransfer

# Small, and with a seed, so that all fits of a test draw the same.
SMALL_FNO = partial(
    FNOTransfer,
    width=4,
    n_modes=4,
    n_layers=1,
    max_epochs=2,
    learning_rate=0.1,
    random_state=0,
    device="cpu",
)

NETWORKS = ("LoRATransfer", "TTTTransfer")  # slow, and need an embedding: tested on their own
METHODS = [
    SMALL_FNO if name == "FNOTransfer" else getattr(transfer, name)
    for name in transfer.__all__
    if hasattr(getattr(transfer, name), "predict") and name not in NETWORKS
]
MAPPED = [method for method in METHODS if isinstance(method(), MappedTransfer)]
REFITTED = [EPOTransfer, NARTransfer, DIPLSTransfer, EnsembleTransfer]  # fit the calibration again
LABELLED = [TargetOnly, PooledTransfer, SlopeBiasTransfer]
UNLABELLED = [MeanCentredTransfer, CORALTransfer, DIPLSTransfer]  # need no standards
OWN_GRID = [
    DSTransfer,
    PDSTransfer,
    SSTTransfer,
    CCATransfer,
    SMALL_FNO,
    TargetOnly,
]  # on its channels
WITH_STANDARDS = [method for method in METHODS if method is not NoTransfer]
PAIRED = [method for method in WITH_STANDARDS if method not in LABELLED]


def make(method, n_transfer=10, **parameters):
    """Return a transfer from A to B around a ridge regression."""
    return method(Ridge(alpha=1e-3), source="A", target="B", n_transfer=n_transfer, **parameters)


def fit(model, stack):
    """Fit on stacked rows: X, y, instrument, sample_id."""
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)

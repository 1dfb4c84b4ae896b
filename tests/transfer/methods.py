"""The transfer methods by what they read, for the tests that all of them must pass."""

from functools import partial

from sklearn.linear_model import Ridge

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
    PFCETransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    SSTTransfer,
    TargetOnly,
)

# Small, and seeded: what it draws must not differ between the fits of a test.
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

MAPPED = [
    MeanCentredTransfer,
    CORALTransfer,
    DSTransfer,
    PDSTransfer,
    SSTTransfer,
    CCATransfer,
    SMALL_FNO,
]
REFITTED = [EPOTransfer, NARTransfer, DIPLSTransfer, EnsembleTransfer]  # calibrate again
PAIRED = [*MAPPED, *REFITTED, PFCETransfer]
LABELLED = [TargetOnly, PooledTransfer, SlopeBiasTransfer]
UNLABELLED = [MeanCentredTransfer, CORALTransfer, DIPLSTransfer]  # need no standards
OWN_GRID = [DSTransfer, PDSTransfer, CCATransfer, SMALL_FNO, TargetOnly]  # on its channels
WITH_STANDARDS = [*PAIRED, *LABELLED]
METHODS = [NoTransfer, *WITH_STANDARDS]


def make(method, n_transfer=10, **parameters):
    """Return a transfer from A to B around a ridge regression."""
    return method(Ridge(alpha=1e-3), source="A", target="B", n_transfer=n_transfer, **parameters)


def fit(model, stack):
    """Fit on stacked rows: X, y, instrument, sample_id."""
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)

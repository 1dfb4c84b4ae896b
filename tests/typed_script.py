"""A user script for a type checker in strict mode: mypy checks it, test_typing.py runs it."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import skspektron
from skspektron import SNV, SpektronEmbedder, TransferGroupKFold, stack_instruments
from skspektron.datasets import make_instruments
from skspektron.metrics import rmsep
from skspektron.model_selection import kennard_stone
from skspektron.transfer import PDS, EnsembleTransfer, PDSTransfer


def transfer() -> float:
    """Transfer a calibration and return its error."""
    data = make_instruments(30, ("old", "new"), wavelength=range(1100, 1900, 20), random_state=0)
    X, y, instrument, sample_id = stack_instruments(
        {name: (spectra, data.y[:, 0], data.sample_id) for name, spectra in data.X.items()}
    )
    cv = TransferGroupKFold(3, target="new", shuffle=True, random_state=0)
    train, test = next(cv.split(X, y, instrument=instrument, sample_id=sample_id))
    model = PDSTransfer(source="old", target="new", n_transfer=5, window_length=3)
    fitted = model.fit(X[train], y[train], instrument=instrument[train], sample_id=sample_id[train])
    assert_type(fitted, PDSTransfer)
    return float(rmsep(y[test], fitted.predict(X[test])))


def embed(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the embedding of spectra."""
    embedder = SpektronEmbedder(wavelength=np.arange(1100.0, 1900.0, 20.0))
    assert_type(embedder.fit(X), SpektronEmbedder)
    return np.asarray(embedder.fit(SNV().fit(X).transform(X)).transform(X), dtype=np.float64)


def standardize(X_target: NDArray[np.float64], X_source: NDArray[np.float64]) -> PDS:
    """Return a map fitted to standards chosen by Kennard-Stone."""
    order = kennard_stone(X_target)[:5]
    return PDS(window_length=3).fit(X_target[order], X_source[order])


def name() -> str:
    """Return names whose types a checker must know."""
    return f"{EnsembleTransfer.__name__} {skspektron.__version__}"

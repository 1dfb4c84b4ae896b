"""Rows of both instruments as the calibration embeds them, before and after a transfer."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .._frames import as_frame, installed_kind
from ..foundation import SpektronEmbedder
from ._paired_spectra import MAPPING, TransferRows, transfer_rows


def embed_rows(
    estimator: Any,
    X: Any,
    instrument: ArrayLike,
    sample_id: ArrayLike | None,
    features: Any,
    wavelength: ArrayLike | None,
    wavenumber: ArrayLike | None,
) -> dict[str, Any]:
    """Return embeddings and samples, by the names that `EmbeddingDisplay` knows."""
    rows = transfer_rows(estimator, X, instrument, sample_id, wavelength, wavenumber)
    if hasattr(rows.transfer, "transform"):
        source, target, adapted = _of_mapped_spectra(rows, features)
    elif features is None and _embedders(rows.transfer.estimator_):
        source, target, adapted = _by_adapted_network(rows)
    else:
        raise TypeError(
            f"{type(rows.transfer).__name__} neither adapts an embedding nor maps spectra"
            f"{'' if features is None else ' that features= could be computed of'}. Pass a "
            f"LoRATransfer or TTTTransfer without features=, or a transfer that maps ({MAPPING})."
        )
    return {
        "source": source,
        "target": target,
        "adapted": adapted,
        "source_id": rows.source_id,
        "target_id": rows.target_id,
    }


def _by_adapted_network(rows: TransferRows) -> tuple[NDArray[Any], ...]:
    """Return what the embedder gives of source and target, and the adapted one of the target."""
    transfer = rows.transfer
    if not hasattr(transfer, "target_estimator_"):
        raise ValueError(
            f"{type(transfer).__name__} has {len(transfer.transfer_ids_)} standards and no "
            "embedder adapted to the target to draw. Fit with standards; TTTTransfer with "
            "reset='fold'."
        )
    before = _embedding_part(transfer.estimator_)
    after = _embedding_part(transfer.target_estimator_)
    return (
        np.asarray(before.transform(rows.X_source)),
        np.asarray(before.transform(rows.X_target)),
        np.asarray(after.transform(rows.X_target)),
    )


def _of_mapped_spectra(rows: TransferRows, features: Any) -> tuple[NDArray[Any], ...]:
    """Return features of spectra: of the source, of the target, and of the target mapped."""
    spectra = rows.source_spectra(), rows.target_spectra(), rows.mapped_spectra()
    if features is None:
        calibration = _thawed(rows.transfer.estimator_)
        if not isinstance(calibration, Pipeline) or len(calibration) < 2:
            return spectra
        features = calibration[:-1]
    return tuple(np.asarray(features.transform(_named(X, rows, features))) for X in spectra)


def _named(X: NDArray[Any], rows: TransferRows, features: Any) -> Any:
    """Return spectra with the names of their channels where `features` was fitted with them."""
    if not hasattr(features, "feature_names_in_"):
        return X
    return as_frame(X, rows.transfer.get_feature_names_out(), installed_kind())


def _embedders(calibration: Any) -> list[int]:
    """Return where in a calibration its embedders are."""
    calibration = _thawed(calibration)
    steps = calibration.steps if isinstance(calibration, Pipeline) else []
    return [i for i, (_, step) in enumerate(steps) if isinstance(step, SpektronEmbedder)]


def _embedding_part(calibration: Any) -> Pipeline:
    """Return the steps up to the embedder, and the one that takes an offset off behind it."""
    calibration = _thawed(calibration)
    stop = _embedders(calibration)[0] + 1
    return calibration[: stop + (calibration.steps[stop][0] == "align")]


def _thawed(calibration: Any) -> Any:
    """Return what a FrozenEstimator holds, or the calibration itself."""
    return calibration.estimator if isinstance(calibration, FrozenEstimator) else calibration

"""Embeddings of the rows of both instruments, before and after a transfer."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline

from .._frames import as_frame, installed_kind
from .._pipelines import joined, unwrap
from ..foundation import SpektronEmbedder
from ..transfer._adaptation._base import EmbeddingTransfer
from ._transfer_rows import MAPPING_METHODS, TransferRows, transfer_rows


def embedding_rows(
    estimator: Any,
    X: Any,
    instrument: ArrayLike,
    sample_id: ArrayLike | None,
    features: Any,
    wavelength: ArrayLike | None,
    wavenumber: ArrayLike | None,
) -> dict[str, Any]:
    """Return embeddings and sample ids, as parameters of `EmbeddingDisplay`."""
    rows = transfer_rows(estimator, X, instrument, sample_id, wavelength, wavenumber)
    if hasattr(rows.transfer, "transform"):
        source, target, adapted = _of_mapped_spectra(rows, features)
    elif features is None and _embedders(rows.transfer.estimator_):
        source, target, adapted = _by_adapted_network(rows)
    else:
        raise TypeError(
            "estimator must be a transfer that adapts an embedding, without features=, or one that "
            f"maps spectra, got {type(rows.transfer).__name__}. Pass a LoRATransfer or "
            f"TTTTransfer, or one that maps spectra ({MAPPING_METHODS})."
        )
    return {
        "source": source,
        "target": target,
        "adapted": adapted,
        "source_id": rows.source_id,
        "target_id": rows.target_id,
    }


def _by_adapted_network(rows: TransferRows) -> tuple[NDArray[Any], ...]:
    """Return embeddings of source and target, and of the target by the adapted embedder."""
    transfer = rows.transfer
    if not hasattr(transfer, "target_estimator_"):
        raise ValueError(
            f"{type(transfer).__name__} was fitted with {len(transfer.transfer_ids_)} standards "
            "and has no embedder adapted to the target. Fit it with standards, TTTTransfer with "
            "reset='fold'."
        )
    if isinstance(transfer, EmbeddingTransfer):
        return transfer._embeddings(rows.X_source, rows.X_target, rows.position)
    before = _embedding_part(transfer.estimator_)
    after = _embedding_part(transfer.target_estimator_)
    return (
        np.asarray(before.transform(rows.X_source)),
        np.asarray(before.transform(rows.X_target)),
        np.asarray(after.transform(rows.X_target)),
    )


def _of_mapped_spectra(rows: TransferRows, features: Any) -> tuple[NDArray[Any], ...]:
    """Return features of source spectra, target spectra and mapped target spectra."""
    spectra = rows.source_spectra(), rows.target_spectra(), rows.mapped_spectra()
    if features is None:
        calibration = unwrap(rows.transfer.estimator_)
        if not isinstance(calibration, Pipeline) or len(calibration) < 2:
            return spectra
        features = joined([step for _, step in calibration.steps[:-1]])
    return tuple(np.asarray(features.transform(_named(X, rows, features))) for X in spectra)


def _named(X: NDArray[Any], rows: TransferRows, features: Any) -> Any:
    """Return spectra as a data frame if `features` was fitted with column names."""
    if not hasattr(features, "feature_names_in_"):
        return X
    return as_frame(X, rows.transfer.get_feature_names_out(), installed_kind())


def _embedders(calibration: Any) -> list[int]:
    """Return the positions of the embedders among the steps of a calibration."""
    calibration = unwrap(calibration)
    steps = calibration.steps if isinstance(calibration, Pipeline) else []
    return [i for i, (_, step) in enumerate(steps) if isinstance(step, SpektronEmbedder)]


def _embedding_part(calibration: Any) -> Pipeline:
    """Return the steps up to the embedder."""
    calibration = unwrap(calibration)
    return calibration[: _embedders(calibration)[0] + 1]

"""Rows of both instruments of a fitted transfer, on the channels of the source."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._axes import CHANNEL_TOLERANCE
from .._frames import take_rows
from .._pipelines import joined
from .._validation import check_axis, check_labels, named_axis
from .._warnings import warning_once
from ..transfer._core._instruments import TARGET, positions

MAPPING_METHODS = "MeanCentred, CORAL, DS, PDS, SST, CCA and FNO"


@dataclass(frozen=True)
class PairedSpectra:
    """Mean spectra of samples that both instruments measured, one row per sample."""

    X_source: NDArray[np.float64]
    X_target: NDArray[np.float64]
    X_transferred: NDArray[np.float64]
    wavelength: NDArray[np.float64] | None
    wavenumber: NDArray[np.float64] | None
    n_standards: int


@dataclass(frozen=True)
class TransferRows:
    """Rows of source and target as input of a transfer, after the steps before it."""

    transfer: Any
    X_source: Any  # an array, or a data frame if the user passed one
    X_target: Any
    position: NDArray[np.intp]  # of the instrument of each source row among several sources
    source_id: NDArray[Any] | None
    target_id: NDArray[Any] | None
    axis: NDArray[np.float64] | None  # of all columns, in cm-1
    in_nm: bool

    def source_spectra(self) -> NDArray[np.float64]:
        """Return source spectra at the channels that the transfer uses."""
        return np.asarray(self._grids.on_source(self._read(self.X_source), self.position))

    def target_spectra(self) -> NDArray[np.float64]:
        """Return target spectra at the same channels, as the methods interpolate them."""
        return self._grids.to_source(self._read(self.X_target))

    @property
    def _grids(self) -> Any:
        """Channels of both instruments, as fit found them."""
        return self.transfer._layout.grids

    def _read(self, X: Any) -> NDArray[np.float64]:
        """Return spectra in the columns of fit, as the transfer reads them."""
        X = self.transfer._layout.read(self.transfer, X, allow_nan=True)
        return np.asarray(X, dtype=np.float64)

    def mapped_spectra(self) -> NDArray[np.float64]:
        """Return target spectra mapped by the transfer."""
        return np.asarray(self.transfer.transform(self.X_target), dtype=np.float64)


def transfer_rows(
    estimator: Any,
    X: Any,
    instrument: ArrayLike,
    sample_id: ArrayLike | None,
    wavelength: ArrayLike | None,
    wavenumber: ArrayLike | None,
) -> TransferRows:
    """Return the rows of both instruments of a fitted transfer."""
    transfer = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    check_is_fitted(transfer)
    if getattr(transfer, "source_", None) is None:
        raise TypeError(
            "estimator must be a transfer fitted with instrument=, got "
            f"{type(transfer).__name__} without source and target. Pass a fitted *Transfer, or "
            "pass arrays to the class itself."
        )
    labels = check_labels(instrument, np.shape(X)[0], "instrument")
    ids = None if sample_id is None else check_labels(sample_id, len(labels), "sample_id")
    axis, in_nm = _find_axis(estimator, np.shape(X)[1], wavelength, wavenumber)
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = joined([step for _, step in estimator.steps[:-1]]).transform(X)
    X = transfer._layout.read_as_given(transfer, X)
    position = positions(labels, transfer.source_, transfer.target_)
    is_source, is_target = position >= 0, position == TARGET
    if not (is_source.any() and is_target.any()):
        raise ValueError(
            f"X has {is_source.sum()} rows of the source {transfer.source_!r} and "
            f"{is_target.sum()} rows of the target {transfer.target_!r}. Pass rows of both."
        )
    source_id, target_id = (None if ids is None else ids[of] for of in (is_source, is_target))
    X_source, X_target = (take_rows(X, np.flatnonzero(of)) for of in (is_source, is_target))
    return TransferRows(
        transfer, X_source, X_target, position[is_source], source_id, target_id, axis, in_nm
    )


def paired_spectra(
    estimator: Any,
    X: Any,
    instrument: ArrayLike,
    sample_id: ArrayLike,
    wavelength: ArrayLike | None,
    wavenumber: ArrayLike | None,
) -> PairedSpectra:
    """Return spectra of samples that both instruments measured, before and after a transfer."""
    rows = transfer_rows(estimator, X, instrument, sample_id, wavelength, wavenumber)
    check_maps(rows.transfer)
    source_id, target_id = np.asarray(rows.source_id), np.asarray(rows.target_id)
    shared = np.intersect1d(source_id, target_id)
    if not len(shared):
        raise ValueError(
            f"The {len(source_id)} source rows and {len(target_id)} target rows have no sample_id "
            "in common. Pass samples that both instruments measured."
        )
    used = None if rows.axis is None else rows.axis[rows.transfer.source_channels_]
    return PairedSpectra(
        X_source=mean_of_samples(rows.source_spectra(), source_id, shared),
        X_target=mean_of_samples(rows.target_spectra(), target_id, shared),
        X_transferred=mean_of_samples(rows.mapped_spectra(), target_id, shared),
        wavelength=1e7 / used if used is not None and rows.in_nm else None,
        wavenumber=used if not rows.in_nm else None,
        n_standards=int(np.isin(shared, rows.transfer.transfer_ids_).sum()),
    )


def mean_of_samples(X: NDArray[Any], ids: Any, samples: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean row of each sample."""
    return np.stack([X[ids == sample].mean(axis=0) for sample in samples])


def check_maps(transfer: Any) -> None:
    """Raise TypeError if a transfer does not map spectra."""
    if not hasattr(transfer, "transform"):
        raise TypeError(
            f"estimator must be a transfer that maps spectra, got {type(transfer).__name__}, which "
            f"changes the calibration or its predictions. Pass one of {MAPPING_METHODS}."
        )


@warning_once()
def _find_axis(
    estimator: Any,
    n_features: int,
    wavelength: ArrayLike | None,
    wavenumber: ArrayLike | None,
) -> tuple[NDArray[np.float64] | None, bool]:
    """Return the axis in cm-1, or None if not known, and whether the user gave it in nm."""
    names: Any = getattr(estimator, "feature_names_in_", None)
    axis = check_axis(
        wavelength=wavelength, wavenumber=wavenumber, n_features=n_features, feature_names=names
    )
    named = None if names is None else named_axis(names, n_features)
    if axis is None or (wavelength is None and wavenumber is None):
        return axis, named is not None and named[1] == "nm"
    if named is not None and not str(names[0]).replace(".", "").isdigit():
        _refuse_another_axis(axis, *named)
    return axis, wavelength is not None


def _refuse_another_axis(given: NDArray[np.float64], named: NDArray[np.float64], unit: str) -> None:
    """Refuse an axis in cm-1 other than that of the column names, which state their unit."""
    axis = 1e7 / named if unit == "nm" else named
    n_other = np.count_nonzero(~np.isclose(given, axis, rtol=CHANNEL_TOLERANCE, atol=0))
    if n_other:
        raise ValueError(
            f"The axis given and that in the column names, {named[0]:g} to {named[-1]:g} {unit}, "
            f"differ in {n_other} of {len(axis)} channels. Pass neither wavelength nor wavenumber: "
            "the names state the axis."
        )

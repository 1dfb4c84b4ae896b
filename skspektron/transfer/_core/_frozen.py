"""Calibrations that were fitted before the transfer."""

import warnings

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ..._validation import check_labels


def is_frozen(estimator) -> bool:
    """Tell a calibration whose last step was fitted before."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        return is_frozen(estimator.steps[-1][1])
    return isinstance(estimator, FrozenEstimator)


def check_prefit(estimator, trained_on, ids, *, has_ids: bool) -> None:
    """Warn where a calibration made before may know the samples that it is tested on."""
    if trained_on is not None and not has_ids:
        raise ValueError(
            f"trained_on names {len(trained_on)} samples, and sample_id is None. "
            "Pass sample_id=, so that they can be looked for among the training rows."
        )
    if not is_frozen(estimator):
        if trained_on is not None:
            raise ValueError(
                f"trained_on names {len(trained_on)} samples, and the estimator is no "
                "FrozenEstimator: it is fitted on the source rows. Leave trained_on at None."
            )
    elif trained_on is None:
        warnings.warn(
            "The FrozenEstimator was fitted before, on samples that are not known here: where "
            "held-out samples are among them, no score can be trusted. Pass trained_on= with the "
            "ids of those samples.",
            stacklevel=3,
        )
    else:
        known = check_labels(trained_on, len(trained_on), "trained_on")
        if (known.dtype.kind in "US") != (ids.dtype.kind in "US"):
            raise TypeError(
                f"trained_on holds {known.dtype} and sample_id {ids.dtype}, so none of the "
                f"{len(known)} samples can be found. Pass ids of the same type."
            )
        absent = ~np.isin(known, ids)
        if absent.any() and not absent.all():
            warnings.warn(
                f"The FrozenEstimator was fitted on {len(absent)} samples, and {absent.sum()} of "
                "them are not among the training rows: where those are held out for a test, its "
                "score cannot be trusted. Test on samples outside trained_on.",
                stacklevel=3,
            )


def check_frozen_channels(estimator, n_channels: int) -> None:
    """Refuse a frozen calibration on more channels than the target covers."""
    n_expected = getattr(estimator, "n_features_in_", n_channels)
    if isinstance(estimator, FrozenEstimator) and n_expected != n_channels:
        raise ValueError(
            f"The FrozenEstimator was fitted on {n_expected} channels, and {n_channels} channels "
            "of the source lie within the range of the target. Pass the estimator itself, so that "
            "it is fitted on those."
        )


def refuse_frozen(transfer) -> None:
    """Refuse a frozen calibration in a method that fits it again."""
    if is_frozen(transfer.estimator):
        raise ValueError(
            f"{type(transfer).__name__} fits the estimator again, and a FrozenEstimator stays as "
            "it is. Pass the estimator itself."
        )

"""Calibrations that are passed in fitted, as a FrozenEstimator."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ..._validation import check_labels
from ..._warnings import warn_user


def is_frozen(estimator) -> bool:
    """Return whether the last step of a calibration is a FrozenEstimator."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        return is_frozen(estimator.steps[-1][1])
    return isinstance(estimator, FrozenEstimator)


def is_frozen_without_names(estimator) -> bool:
    """Return whether a calibration is frozen and was fitted on spectra without column names."""
    has_channels = isinstance(estimator, FrozenEstimator) and hasattr(estimator, "n_features_in_")
    return has_channels and not hasattr(estimator, "feature_names_in_")


def check_prefit(estimator, trained_on, ids, *, has_ids: bool) -> None:
    """Warn if a frozen calibration may have been fitted on samples that a test holds out.

    `fit` sees the training rows of a fold alone. If they include all samples of `trained_on`, none
    of these is held out. If some or all are absent, they are held out, or are samples that are not
    in the data at all: both look the same, so `fit` warns, and an empty `trained_on` states that
    the calibration was fitted on other data. `trained_on` None warns too.
    """
    if trained_on is not None and len(trained_on) and not has_ids:
        raise ValueError(
            f"trained_on names {len(trained_on)} samples, and sample_id is None. "
            "Pass sample_id=, so that they can be found among the training rows."
        )
    if not is_frozen(estimator):
        if trained_on is not None:
            raise ValueError(
                f"trained_on must be None for an estimator that fit itself fits, got "
                f"{len(trained_on)} samples. Pass it with a FrozenEstimator only."
            )
    elif trained_on is None:
        warn_user(
            "It is not known which samples the FrozenEstimator was fitted on. If held-out samples "
            "are among them, scores are too good. Pass the ids of those samples as trained_on=, or "
            "trained_on=[] if it was fitted on other data.",
        )
    elif len(trained_on):
        known = check_labels(trained_on, len(trained_on), "trained_on")
        if (known.dtype.kind in "US") != (ids.dtype.kind in "US"):
            raise TypeError(
                f"trained_on must have ids of the type of sample_id ({ids.dtype}), got "
                f"{known.dtype}, so none of its {len(known)} samples can be found. Convert them."
            )
        n_absent = np.count_nonzero(~np.isin(known, ids))
        if n_absent:
            warn_user(
                f"The FrozenEstimator was fitted on {len(known)} samples, and {n_absent} of them "
                "are not among the training rows. If they are held out for a test, its score is "
                "too good. Test on samples outside trained_on, or pass trained_on=[] if it was "
                "fitted on other data.",
            )


def check_frozen_channels(estimator, n_channels: int) -> None:
    """Refuse a frozen calibration on other channels than those that the target covers."""
    n_expected = getattr(estimator, "n_features_in_", n_channels)
    if isinstance(estimator, FrozenEstimator) and n_expected != n_channels:
        raise ValueError(
            f"The FrozenEstimator was fitted on {n_expected} channels, and {n_channels} channels "
            "of the source lie within the range of the target. Pass the estimator itself: it is "
            "then fitted on those."
        )


def refuse_frozen(transfer) -> None:
    """Refuse a frozen calibration in a method that refits it."""
    if is_frozen(transfer.estimator):
        raise ValueError(
            f"{type(transfer).__name__} refits the estimator, and a FrozenEstimator cannot be "
            "refitted. Pass the estimator itself."
        )

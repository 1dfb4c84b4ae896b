"""Checks of the spectra that `SpektronPretrainer` is trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from .._frames import in_order_of_names, with_text_names
from ._corpus import (
    ArchiveCorpus,
    Corpus,
    check_not_in_archive,
    is_archive,
    number_domains,
    number_labels,
    only_domain,
    place_noise,
)
from ._grids import axes_by_instrument, distinct_axes
from ._objectives import check_labelled
from ._settings import architecture_of, objectives_of


def check_new_spectra(estimator: Any, X: Any) -> NDArray[np.float64]:
    """Return spectra for a fitted estimator; a data frame is put in order by its names."""
    X = in_order_of_names(X, _names_of(estimator))
    return validate_data(
        estimator, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, copy=False
    )


def _names_of(estimator: Any) -> NDArray[Any] | None:
    """Return the column names of fit, None if it got none."""
    return getattr(estimator, "feature_names_in_", None)


def check_spectra(
    pretrainer: Any, X: Any, y: Any, instrument: Any, sample_id: Any, *, reset: bool
) -> Corpus:
    """Return the checked spectra; set `wavenumber_`, `domain_` and the number of features."""
    y = check_labelled(objectives_of(pretrainer), X, y)
    labels = {"instrument": instrument, "sample_id": sample_id}
    check = _check_archive if is_archive(X) else _check_array
    corpus = check(pretrainer, X, y, reset, **labels)
    pretrainer.domain_ = only_domain(corpus.domain)
    return corpus


def _check_array(pretrainer: Any, X: Any, y: Any, reset: bool, *, instrument, sample_id) -> Corpus:
    """Return the spectra of an array."""
    several = not reset and isinstance(pretrainer.wavenumber_, dict)
    if several and pretrainer.wavelength is None and pretrainer.wavenumber is None:
        raise ValueError(
            "This pretrainer was trained on several axes, and no axis was given for X. Set "
            "wavenumber= or wavelength= before partial_fit."
        )
    X = with_text_names(X) if reset else in_order_of_names(X, _names_of(pretrainer))
    X = validate_data(
        pretrainer, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset, copy=False
    )
    numbers = {
        "instrument": number_labels(instrument, len(X), "instrument"),
        "sample": number_labels(sample_id, len(X), "sample_id"),
        "noise": place_noise(pretrainer.noise, instrument, X),
        "y": y,
    }
    if architecture_of(pretrainer).domain_token:
        domain = "UNKNOWN" if pretrainer.domain is None else pretrainer.domain
        numbers["domain"] = number_domains(domain, instrument, len(X))
    wavelength, wavenumber = pretrainer.wavelength, pretrainer.wavenumber
    if not isinstance(wavelength, Mapping) and not isinstance(wavenumber, Mapping):
        pretrainer.wavenumber_ = pretrainer._resolve_axis(X.shape[1])
        return Corpus(X, [pretrainer.wavenumber_], np.zeros(len(X), dtype=int), **numbers)
    pretrainer.wavenumber_, rows = axes_by_instrument(
        X, instrument, wavelength=wavelength, wavenumber=wavenumber
    )
    return Corpus(X, *distinct_axes(pretrainer.wavenumber_, rows), **numbers)


def _check_archive(pretrainer: Any, archive: Any, y: Any, reset: bool, **labels) -> Corpus:
    """Return the spectra of an archive, whose files have their axes and labels."""
    parameters = ("wavelength", "wavenumber", "domain", "noise")
    check_not_in_archive(**labels, **{name: getattr(pretrainer, name) for name in parameters})
    # Only the number of channels is checked: the spectra stay in their files.
    shape = (len(archive), archive.n_channels)
    validate_data(pretrainer, np.broadcast_to(0.0, shape), reset=reset, skip_check_array=True)
    axes = archive.axes
    pretrainer.wavenumber_ = axes[0] if len(axes) == 1 else archive.axes_by_file()
    domain_token = architecture_of(pretrainer).domain_token
    return ArchiveCorpus.of(archive, domain_token=domain_token, y=y)

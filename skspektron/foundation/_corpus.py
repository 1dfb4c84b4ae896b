"""Spectra, axes and labels of a pretraining run, from an array or an archive."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._nn.architecture import DOMAINS
from .._parameters import Choice
from .._validation import check_labels

DOMAIN = Choice(DOMAINS, any_case=True)
MAX_NEGATIVE = 0.05  # fraction of negative values up to which spectra count as absorbance
N_INSPECTED = 1024  # spectra from which that fraction is estimated


@dataclass(frozen=True)
class Corpus:
    """Checked spectra with their axes, and labels as numbers."""

    X: NDArray[Any]  # (n_samples, n_features), NaN where not measured
    axes: list[NDArray[Any]]  # in cm-1
    grid: NDArray[Any]  # (n_samples,) index of the axis of every row
    domain: NDArray[Any] | None = None
    instrument: NDArray[Any] | None = None
    sample: NDArray[Any] | None = None
    noise: NDArray[Any] | None = None  # (n_samples, n_features) standard deviations
    y: NDArray[Any] | None = None  # (n_samples, n_targets), NaN where unknown

    @property
    def n_instruments(self) -> int:
        """Number of instruments, 1 if they are not given."""
        return 1 if self.instrument is None else int(self.instrument.max()) + 1

    @property
    def n_pairs(self) -> int:
        """Number of samples measured on more than one instrument."""
        if self.instrument is None or self.sample is None:
            return 0
        measured = np.unique(np.stack([self.sample, self.instrument]), axis=1)[0]
        return int((np.bincount(measured) > 1).sum())

    @property
    def negative_fraction(self) -> float:
        """Fraction of the measured values that are negative, in evenly spaced spectra."""
        n_samples = len(self.grid)
        rows = np.linspace(0, n_samples - 1, min(n_samples, N_INSPECTED)).round().astype(int)
        X = self._read(rows)
        return float((X < 0).sum() / max(np.isfinite(X).sum(), 1))

    def _read(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return some spectra."""
        return self.X[rows]

    def spectra(self):
        """Return the spectra as tensors."""
        from .._bridge import to_spectra

        return to_spectra(self.X, self.axes, self.grid, noise=self.noise, **self._labels())

    def _labels(self) -> dict[str, NDArray[Any] | None]:
        """Return the labels of the rows by name."""
        return {
            "domain": self.domain,
            "instrument": self.instrument,
            "sample": self.sample,
            "targets": self.y,
        }

    def digest(self) -> str:
        """Return a checksum of the data."""
        content = sha256()
        for field in fields(self):
            content.update(field.name.encode())
            value = getattr(self, field.name)
            for array in value if isinstance(value, list) else [value]:
                content.update(b"" if array is None else np.ascontiguousarray(array).data)
        return content.hexdigest()


@dataclass(frozen=True)
class ArchiveCorpus(Corpus):
    """A corpus whose spectra are read from the files of an archive when needed."""

    X: Any  # the archive

    @classmethod
    def of(cls, archive, *, domain_token: bool, y: NDArray[Any] | None = None) -> "ArchiveCorpus":
        """Return the corpus of an archive, with domains if the network has a domain token."""
        n_samples, domain = len(archive), None
        if domain_token:
            given = archive.domain
            domain = _number_domains(["UNKNOWN"] * n_samples if given is None else given)
        return cls(
            archive,
            archive.axes,
            archive.grid,
            domain=domain,
            instrument=number_labels(archive.instrument, n_samples, "instrument"),
            sample=number_labels(archive.sample_id, n_samples, "sample_id"),
            y=y,
        )

    def _read(self, rows: NDArray[Any]) -> NDArray[Any]:
        return self.X.read(rows)

    def spectra(self):
        """Return the spectra as tensors that are read batch by batch."""
        from .._bridge import to_lazy_spectra

        noise = self.X.read_noise if self.X.has_noise else None
        return to_lazy_spectra(
            self.X.read, self.axes, self.grid, read_noise=noise, **self._labels()
        )

    def digest(self) -> str:
        """Return a checksum of the data."""
        return self.X.digest + ("" if self.y is None else sha256(self.y.data).hexdigest())


def is_archive(X) -> bool:
    """Return whether `X` is a `SpektraArchive`, which must not be imported here."""
    return hasattr(type(X), "read_noise")


def check_not_in_archive(**given) -> None:
    """Raise ValueError for arguments that an archive takes from its files."""
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise ValueError(
            f"X is an archive and {', '.join(names)} was given too. An archive takes it from its "
            "files: pass None, and write it to the files if it is missing there."
        )


def number_labels(labels, n_samples: int, name: str) -> NDArray[Any] | None:
    """Return the number of every row's label, or None without labels."""
    if labels is None:
        return None
    return np.unique(check_labels(labels, n_samples, name), return_inverse=True)[1]


def number_domains(domain, instrument, n_samples: int) -> NDArray[Any]:
    """Return the number of every row's domain; `domain` may be a mapping of instruments."""
    return _number_domains(_by_instrument(domain, instrument, n_samples, "domain"))


def _number_domains(domains) -> NDArray[Any]:
    """Return the number of every row's domain, that of "UNKNOWN" for other names."""
    names = [str(name).upper() for name in domains]
    unknown = sorted({name for name in names if name not in DOMAINS})
    if unknown:
        warnings.warn(
            f"domain must be one of {', '.join(map(repr, DOMAINS))}, got {', '.join(unknown)}. "
            "Those spectra count as 'UNKNOWN'.",
            stacklevel=5,
        )
    return np.array([DOMAINS.index(n if n in DOMAINS else "UNKNOWN") for n in names])


def only_domain(numbers: NDArray[Any] | None) -> str | list[str] | None:
    """Return the domain of all rows, or a list if there are several."""
    if numbers is None:
        return None
    names = [DOMAINS[number] for number in np.unique(numbers)]
    return names[0] if len(names) == 1 else names


def place_noise(noise, instrument, X: NDArray[Any]) -> NDArray[Any] | None:
    """Return the noise of every value of `X`; `noise` may be a mapping of instruments."""
    if noise is None:
        return None
    rows = _by_instrument(noise, instrument, len(X), "noise")
    placed = np.full(X.shape, np.nan)
    for index, row in enumerate(rows):
        row = np.asarray(row, dtype=float)
        if row.ndim != 1 or len(row) > X.shape[1] or np.isfinite(X[index, len(row) :]).any():
            raise ValueError(
                f"noise has shape {row.shape}, row {index} of X has {X.shape[1]} channels. Pass "
                "one standard deviation per channel."
            )
        placed[index, : len(row)] = row
    if not (placed > 0).any():
        raise ValueError(
            "noise has no positive value. Pass the standard deviation of the noise of every "
            "channel."
        )
    return placed


def _by_instrument(values, instrument, n_samples: int, name: str) -> list[Any]:
    """Return one value per row, from a single one or a mapping of instruments."""
    if not isinstance(values, Mapping):
        return [values] * n_samples
    if instrument is None:
        raise ValueError(
            f"{name} is given for {len(values)} instruments, and the instruments of the rows are "
            "not known. Pass instrument= to fit, one name per row."
        )
    missing = sorted({str(label) for label in instrument if label not in values})
    if missing:
        raise ValueError(
            f"{name} is missing for {len(missing)} instruments: {', '.join(missing)}. Pass a value "
            "for every instrument."
        )
    return [values[label] for label in instrument]

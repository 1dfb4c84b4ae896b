"""Spectra of one or more instruments, with all that pretraining may know of them."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._nn.architecture import DOMAINS
from .._validation import check_labels

NEGATIVE_SHARE = 0.05  # of the values: more are no absorbance
N_LOOKED_AT = 1024  # spectra, enough to know a share of their values to a percent


@dataclass(frozen=True)
class Corpus:
    """Checked spectra, their axes, and numbers for what their rows are labelled with."""

    X: NDArray[Any]  # (n_samples, n_features), NaN where not measured
    axes: list[NDArray[Any]]  # in cm-1
    grid: NDArray[Any]  # (n_samples,) which axis a row lies on
    domain: NDArray[Any] | None = None
    instrument: NDArray[Any] | None = None
    sample: NDArray[Any] | None = None
    noise: NDArray[Any] | None = None  # (n_samples, n_features) standard deviations
    y: NDArray[Any] | None = None  # (n_samples, n_targets), NaN where not known

    @property
    def n_instruments(self) -> int:
        """Number of instruments, 1 where they are not told."""
        return 1 if self.instrument is None else int(self.instrument.max()) + 1

    @property
    def n_pairs(self) -> int:
        """Number of samples that were measured on more than one instrument."""
        if self.instrument is None or self.sample is None:
            return 0
        measured = np.unique(np.stack([self.sample, self.instrument]), axis=1)[0]
        return int((np.bincount(measured) > 1).sum())

    @property
    def negative_share(self) -> float:
        """Share of the measured values that are negative, in evenly spaced spectra."""
        n_samples = len(self.grid)
        rows = np.linspace(0, n_samples - 1, min(n_samples, N_LOOKED_AT)).round().astype(int)
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
        """Return the numbers of the rows by name."""
        return {
            "domain": self.domain,
            "instrument": self.instrument,
            "sample": self.sample,
            "targets": self.y,
        }

    def digest(self) -> str:
        """Return what tells these data from others."""
        content = sha256()
        for field in fields(self):
            content.update(field.name.encode())
            value = getattr(self, field.name)
            for array in value if isinstance(value, list) else [value]:
                content.update(b"" if array is None else np.ascontiguousarray(array).data)
        return content.hexdigest()


@dataclass(frozen=True)
class ArchiveCorpus(Corpus):
    """A corpus whose spectra stay in the files of an archive."""

    X: Any  # the archive

    @classmethod
    def of(cls, archive, *, domain_token: bool, y: NDArray[Any] | None = None) -> "ArchiveCorpus":
        """Return the corpus of an archive, with kinds of spectra if there is a token for them."""
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
        """Return the spectra, which are read when a batch is made of them."""
        from .._bridge import to_lazy_spectra

        noise = self.X.read_noise if self.X.has_noise else None
        return to_lazy_spectra(
            self.X.read, self.axes, self.grid, read_noise=noise, **self._labels()
        )

    def digest(self) -> str:
        """Return what tells these data from others."""
        return self.X.digest + ("" if self.y is None else sha256(self.y.data).hexdigest())


def is_archive(X) -> bool:
    """Whether `X` is an archive of files; its class is on another branch of the package."""
    return hasattr(type(X), "read_noise")


def refuse_twice(**given) -> None:
    """Refuse to be told what the files of an archive tell."""
    twice = [name for name, value in given.items() if value is not None]
    if twice:
        raise ValueError(
            f"X is an archive and {', '.join(twice)} was given beside it. Leave out what the files "
            "tell; write into them what they lack."
        )


def number_labels(labels, n_samples: int, name: str) -> NDArray[Any] | None:
    """Return a number for every distinct label, or None without labels."""
    if labels is None:
        return None
    return np.unique(check_labels(labels, n_samples, name), return_inverse=True)[1]


def number_domains(domain, instrument, n_samples: int) -> NDArray[Any]:
    """Return the number of every row's kind of spectrum; `domain` may differ by instrument."""
    return _number_domains(_by_instrument(domain, instrument, n_samples, "domain"))


def _number_domains(domains) -> NDArray[Any]:
    """Return the number of every row's kind of spectrum; one without a number is unknown."""
    names = [str(name).upper() for name in domains]
    unknown = sorted({name for name in names if name not in DOMAINS})
    if unknown:
        warnings.warn(
            f"domain names {', '.join(unknown)}: those spectra count as 'UNKNOWN'. "
            f"Pass one of {', '.join(map(repr, DOMAINS))}.",
            stacklevel=5,
        )
    return np.array([DOMAINS.index(n if n in DOMAINS else "UNKNOWN") for n in names])


def only_domain(numbers: NDArray[Any] | None) -> str | list[str] | None:
    """Return the one kind of spectra that rows are of, all kinds where there are several."""
    if numbers is None:
        return None
    names = [DOMAINS[number] for number in np.unique(numbers)]
    return names[0] if len(names) == 1 else names


def place_noise(noise, instrument, X: NDArray[Any]) -> NDArray[Any] | None:
    """Return the standard deviation of every value of `X`; `noise` may differ by instrument."""
    if noise is None:
        return None
    rows = _by_instrument(noise, instrument, len(X), "noise")
    placed = np.full(X.shape, np.nan)
    for index, row in enumerate(rows):
        row = np.asarray(row, dtype=float)
        if row.ndim != 1 or len(row) > X.shape[1] or np.isfinite(X[index, len(row) :]).any():
            raise ValueError(
                f"noise has shape {row.shape} for a spectrum of {X.shape[1]} channels. "
                "Pass one standard deviation a channel."
            )
        placed[index, : len(row)] = row
    if not (placed > 0).any():
        raise ValueError(
            "noise has no positive value. Pass the standard deviation of every channel's noise."
        )
    return placed


def _by_instrument(values, instrument, n_samples: int, name: str) -> list[Any]:
    """Return one value a row, from one for all or a mapping of instruments."""
    if not isinstance(values, Mapping):
        return [values] * n_samples
    if instrument is None:
        raise ValueError(
            f"{name} names {len(values)} instruments and no instrument names the rows. "
            "Pass instrument= to fit, one name a row."
        )
    missing = sorted({str(label) for label in instrument if label not in values})
    if missing:
        raise ValueError(
            f"{name} lacks {len(missing)} instruments: {', '.join(missing)}. Give each one."
        )
    return [values[label] for label in instrument]

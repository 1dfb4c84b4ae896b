"""Spectra of a product, from which missing channels of others are filled in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._filling import MIN_SPECTRA, HiddenRidge, usable_spectra
from ._gaps import gaps_of, interpolate_gaps

MAX_COMPLETE, MAX_INCOMPLETE = 200, 50  # spectra for a regression, whose time grows with both
ENOUGH = 10  # complete spectra, with which incomplete ones are not used
N_PASSES = 2  # over the gaps of a spectrum that is filled in from incomplete ones
N_BLOCKS = 10  # hidden in turn for the errors of held-out spectra


@dataclass(frozen=True)
class Product:
    """Spectra (k, p) of one product, and where they were `measured`; the rest is filled in."""

    spectra: NDArray[Any]
    measured: NDArray[np.bool_]

    @classmethod
    def of(cls, X: NDArray[Any]) -> "Product":
        """Choose from spectra (n, p) with NaN, and fill them in from each other."""
        measured = ~np.isnan(X)
        complete = np.flatnonzero(measured.all(axis=1))
        rows = complete[_evenly(len(complete), MAX_COMPLETE)]
        if len(complete) < ENOUGH:
            partial = np.flatnonzero(~measured.all(axis=1) & measured.any(axis=1))
            rows = np.concatenate([rows, partial[_evenly(len(partial), MAX_INCOMPLETE)]])
        X, measured = X[rows], measured[rows]
        for own, missing in patterns(X):
            X[np.ix_(own, missing)] = interpolate_gaps(X[own], missing)
        first, filled = cls(X, measured), X.copy()
        for own, missing in patterns(np.where(measured, X, np.nan)):
            filled[own] = first.fill(X[own], missing, n_passes=1)
        return cls(filled, measured)

    def fill(
        self, X: NDArray[Any], missing: NDArray[np.bool_], n_passes: int = N_PASSES
    ) -> NDArray[np.float64]:
        """Return spectra (n, p), interpolated where `missing`, with these channels filled in.

        From complete spectra, all channels at once; otherwise one gap after the other, from the
        spectra that were measured there, with the other gaps as they are filled in so far.
        """
        X, groups = X.copy(), [missing]
        if not self.measured.all():
            channel = np.arange(len(missing))
            groups = [(channel >= start) & (channel < stop) for start, stop in gaps_of(missing)]
            groups *= n_passes
        for group in groups:
            ridge = self.regression(group)
            if ridge is not None:
                X[:, group] = ridge.predict(X)
        return X

    def regression(self, hidden: NDArray[np.bool_]) -> HiddenRidge | None:
        """Return the regression for hidden channels; None without enough spectra that have them."""
        if hidden.all():
            return None
        spectra = self.spectra[self.measured[:, hidden].all(axis=1)]
        spectra = usable_spectra(spectra, hidden)
        return HiddenRidge.fit(spectra, hidden) if len(spectra) >= MIN_SPECTRA else None

    def held_out_errors(self) -> dict[str, float]:
        """Return errors of spectra, each held out, with ten blocks of channels hidden in turn."""
        squares, count = np.zeros(2), 0
        for block in np.array_split(np.arange(self.spectra.shape[1]), N_BLOCKS):
            hidden = np.isin(np.arange(self.spectra.shape[1]), block)
            ridge = self.regression(hidden) if len(block) else None
            if ridge is not None and len(ridge.scale) > MIN_SPECTRA:
                residuals = ridge.scale * ridge.held_out(), ridge.scale * ridge.residuals[0]
                squares += [np.sum(each**2) for each in residuals]
                count += residuals[0].size
        if not count:
            return {}
        errors = np.sqrt(squares / count)
        return dict(zip(("spectra", "interpolation"), map(float, errors), strict=True))


def patterns(X: NDArray[Any]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Yield the rows of every pattern of missing channels, and the pattern (p,)."""
    missing = np.isnan(X)
    rows = np.flatnonzero(missing.any(axis=1))
    found, number = np.unique(missing[rows], axis=0, return_inverse=True)
    for n, pattern in enumerate(found):
        yield rows[number.ravel() == n], pattern


def _evenly(n: int, most: int) -> NDArray[np.intp]:
    """Return at most `most` of n positions, evenly spaced."""
    return np.linspace(0, max(n - 1, 0), min(n, most)).round().astype(np.intp)

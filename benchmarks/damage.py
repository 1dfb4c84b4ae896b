"""Damaged and foreign spectra, and scores by which they are found among good ones.

All scores are computed after SNV, from good spectra of the product alone. Patches of 16 channels
are hidden in turn, every third one at once, and filled in from the others by a network, by the
interpolation of `SpektronImputer`, or by its regression on the good spectra; or the spectra are
projected on components of the good ones. A score is the sum of the squared errors, or "relative":
the largest squared error of a channel over its mean in good spectra, which are held out from what
is learnt. The number of components is the one that fills in patches of held-out good spectra best.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from benchmarks.bench_calibration import FILES, SpectralSet
from benchmarks.bench_imputer import fill_by_pca
from skspektron import SNV
from skspektron._bridge import FrozenNetwork, to_array, to_spectra
from skspektron._nn.views import Views
from skspektron.foundation._filling import HiddenRidge
from skspektron.foundation._gaps import interpolate_gaps
from skspektron.reliability import ApplicabilityDomain

SETS = tuple({files[0]: name for name, files in FILES.items() if files[0]}.values())  # one a file
MIN_TEST, N_TEST = 10, 20
PATCH, EVERY = 16, 3  # channels; a third of the patches is hidden at once
N_FOLDS = 5
FALSE_ALARMS = 0.05  # fraction of good spectra
TINY = 1e-12  # mean squared errors below this fraction of the average channel are equal


def standardized(X: NDArray) -> NDArray:
    """Return the spectra after SNV."""
    return SNV().fit_transform(X)


@dataclass(frozen=True)
class Product:
    """Good spectra (n, p) of one product, one for each sample, and foreign ones (m, p)."""

    name: str
    wavenumber: NDArray
    X: NDArray
    foreign: NDArray  # of another product, standardized

    @classmethod
    def of(cls, name: str, data: SpectralSet, other: SpectralSet) -> "Product":
        """Return a product; the channels of the foreign spectra are taken by their position."""
        first = np.unique(data.sample_id, return_index=True)[1]
        at, own = (np.linspace(0, 1, each.X.shape[1]) for each in (data, other))
        foreign = np.stack([np.interp(at, own, row) for row in other.X])
        return cls(name, data.wavenumber, data.X[first], standardized(foreign))

    @cached_property
    def noise(self) -> float:
        """Standard deviation of white noise with the third differences of the spectra."""
        return float(1.4826 * np.median(np.abs(np.diff(self.X, 3, axis=1))) / np.sqrt(20))

    def split(self, n_good: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Return at most `n_good` spectra to learn from, and at most 20 others, at least 10."""
        X = rng.permutation(self.X)
        n = min(n_good, len(X) - MIN_TEST)
        return X[:n], X[n:][:N_TEST]


def some_channels(p: int, rng: np.random.Generator) -> int:
    """Return 1 to 5 % of a number of channels."""
    return max(1, round(rng.uniform(0.01, 0.05) * p))


def spike(x: NDArray, product: Product, rng: np.random.Generator) -> NDArray:
    """Add or subtract 3 to 10 noise levels in one to three neighbouring channels."""
    width = rng.integers(1, 4)
    start = rng.integers(len(x) - width + 1)
    x[start : start + width] += rng.choice([-1, 1]) * rng.uniform(3, 10) * product.noise
    return x


def dead(x: NDArray, product: Product, rng: np.random.Generator) -> NDArray:
    """Let 1 to 5 % of the channels, a block, read what the channel before it reads."""
    width = some_channels(len(x), rng)
    start = rng.integers(1, len(x) - width + 1)
    x[start : start + width] = x[start - 1]
    return x


def saturated(x: NDArray, product: Product, rng: np.random.Generator) -> NDArray:
    """Cut off the highest 1 to 5 % of the channels."""
    return np.minimum(x, np.sort(x)[-some_channels(len(x), rng) - 1])


def interferent(x: NDArray, product: Product, rng: np.random.Generator) -> NDArray:
    """Add a Gaussian band of 1 to 5 % of the channels, 1 to 5 % of the deviation of a spectrum."""
    channel = np.arange(len(x))
    distance = (channel - rng.uniform(0, len(x))) / some_channels(len(x), rng)
    return x + rng.uniform(0.01, 0.05) * x.std() * np.exp(-0.5 * distance**2)


def foreign(x: NDArray, product: Product, rng: np.random.Generator) -> NDArray:
    """Return a spectrum of another product, with mean and deviation of this one."""
    return x.mean() + x.std() * product.foreign[rng.integers(len(product.foreign))]


KINDS: dict[str, Callable[[NDArray, Product, np.random.Generator], NDArray]] = {
    each.__name__: each for each in (spike, dead, saturated, interferent, foreign)
}


def hidden_in_turn(n_channels: int) -> Iterator[NDArray]:
    """Yield masks that together hide every channel once."""
    patch = np.arange(n_channels) // PATCH
    for turn in range(EVERY):
        yield patch % EVERY == turn


def fill_errors(Z: NDArray, fill: Callable[[NDArray], NDArray]) -> NDArray:
    """Return the errors (n, p) of channels filled in by a function of the mask."""
    errors = np.empty(Z.shape)
    for hidden in hidden_in_turn(Z.shape[1]):
        errors[:, hidden] = fill(hidden) - Z[:, hidden]
    return errors


@dataclass(frozen=True)
class Draw:
    """Good spectra to learn from, and others, good ones first and then damaged by every kind.

    All are standardized, (n, p). The damaged ones are the other good ones after the damage.
    """

    wavenumber: NDArray
    good: NDArray
    others: NDArray

    @classmethod
    def of(cls, product: Product, n_good: int, seed: int) -> "Draw":
        """Draw spectra and damage."""
        rng = np.random.default_rng([seed, n_good, *product.name.encode()])
        good, X = product.split(n_good, rng)
        damaged = [damage(x.copy(), product, rng) for damage in KINDS.values() for x in X]
        return cls(product.wavenumber, *map(standardized, (good, np.concatenate([X, damaged]))))

    def folds(self) -> Iterator[tuple[NDArray, NDArray]]:
        """Yield the good spectra without a fold, and the fold."""
        for fold in np.array_split(np.arange(len(self.good)), N_FOLDS):
            yield np.delete(self.good, fold, axis=0), self.good[fold]

    @cached_property
    def n_components(self) -> int:
        """Number of components with the least error of hidden patches in held-out good spectra."""
        errors = []
        for rest, fold in self.folds():
            fills = [
                np.sum((fill_by_pca(rest, fold, hidden) - fold[:, hidden]) ** 2, axis=(1, 2))
                for hidden in hidden_in_turn(fold.shape[1])
            ]
            errors.append(np.sum(fills, axis=0))
        n = min(map(len, errors))
        return 1 + int(np.argmin(np.sum([error[:n] for error in errors], axis=0)))

    @cached_property
    def pca_errors(self) -> tuple[NDArray, NDArray]:
        """Residuals of PCA of the others, and of the good spectra held out."""
        held_out = [residuals(rest, fold, self.n_components) for rest, fold in self.folds()]
        return residuals(self.good, self.others, self.n_components), np.concatenate(held_out)

    @cached_property
    def interpolation_errors(self) -> tuple[NDArray, NDArray]:
        """Errors of interpolated patches of the others and of the good spectra."""
        others, good = (
            fill_errors(Z, lambda hidden, Z=Z: interpolate_gaps(Z, hidden))
            for Z in (self.others, self.good)
        )
        return others, good

    @cached_property
    def regression_errors(self) -> tuple[NDArray, NDArray]:
        """Errors of patches by regression, of the others and of the good spectra held out."""
        others, good = np.empty(self.others.shape), np.empty(self.good.shape)
        for hidden in hidden_in_turn(self.good.shape[1]):
            ridge = HiddenRidge.fit(self.good, hidden)
            others[:, hidden] = ridge.predict(self.others) - self.others[:, hidden]
            good[:, hidden] = ridge.scale * ridge.held_out()
        return others, good

    def network_errors(self, network: FrozenNetwork) -> tuple[NDArray, NDArray]:
        """Errors of patches by a network, of the others and of the good spectra."""
        Z = np.concatenate([self.others, self.good])
        spectra = to_spectra(Z, [self.wavenumber], np.zeros(len(Z), dtype=int))
        module, batch = network.on("cpu"), spectra.batch(torch.arange(len(Z)))
        usable, errors = module.patch_valid(batch["valid"]), np.zeros(Z.shape)
        turn_of = torch.arange(usable.shape[1]) % EVERY
        with torch.inference_mode():
            for turn in range(EVERY):
                views = Views(module, batch | {"mask": usable & (turn_of == turn)})
                found = to_array(views.reconstruction - batch["values"])
                errors = np.where(to_array(views.hidden), found, errors)
        return errors[: len(self.others)], errors[len(self.others) :]


def residuals(good: NDArray, Z: NDArray, n_components: int) -> NDArray:
    """Return what the components of good spectra leave of others."""
    pca = PCA(min(n_components, len(good) - 1)).fit(good)
    return Z - pca.inverse_transform(pca.transform(Z))


def total(errors: NDArray, of_good: NDArray) -> NDArray:
    """Return the sum of the squared errors (n, p) of every spectrum."""
    return np.sum(errors**2, axis=1)


def relative(errors: NDArray, of_good: NDArray) -> NDArray:
    """Return the largest ratio of a squared error to its mean over good spectra."""
    size = np.mean(of_good**2, axis=0)
    return np.max(errors**2 / np.maximum(size, TINY * size.mean()), axis=1)


def domain(draw: Draw, network) -> NDArray:
    """Return the score of `ApplicabilityDomain`: T2, Q or channel residual, relative to its limit.

    The largest of the three counts.
    """
    return -fitted_domain(draw, FALSE_ALARMS).score_samples(draw.others)


def t2_and_q(draw: Draw, network) -> NDArray:
    """Return T2 or Q over its limit, whichever is larger."""
    # The level at which two limits alone have the rate of false alarms.
    of_two = fitted_domain(draw, 1 - (1 - FALSE_ALARMS) ** 1.5)
    return relative_t2_and_q(of_two, draw.others).max(axis=0)


def fitted_domain(draw: Draw, false_alarms: float) -> ApplicabilityDomain:
    """Return an `ApplicabilityDomain` of the good spectra."""
    n_components = min(draw.n_components, len(draw.good) - 2)
    return ApplicabilityDomain(PCA(n_components), confidence_level=1 - false_alarms).fit(draw.good)


def relative_t2_and_q(domain: ApplicabilityDomain, X: NDArray) -> NDArray:
    """Return T2 and Q of spectra over their limits, (2, n)."""
    found = domain.statistics(X)
    return np.stack(
        [
            found.hotelling_t2 / domain.hotelling_t2_limit_,
            found.q_residuals / domain.q_residuals_limit_,
        ]
    )


METHODS: dict[str, Callable[[Draw, FrozenNetwork | None], NDArray]] = {
    "Q of PCA": lambda draw, network: total(*draw.pca_errors),
    "T2 and Q of PCA": t2_and_q,
    "T2, Q and channel residual": domain,
    "residual of PCA, relative": lambda draw, network: relative(*draw.pca_errors),
    "regression, relative": lambda draw, network: relative(*draw.regression_errors),
    "interpolation, relative": lambda draw, network: relative(*draw.interpolation_errors),
    "network": lambda draw, network: total(*draw.network_errors(network)),
    "network, relative": lambda draw, network: relative(*draw.network_errors(network)),
}


def figures(scores: NDArray) -> dict[str, float]:
    """Return area under the ROC curve and fraction found, by kind, of the scores of a draw."""
    good, *damaged = scores.reshape(1 + len(KINDS), -1)
    limit, is_damaged = np.quantile(good, 1 - FALSE_ALARMS), np.repeat([0, 1], len(good))
    result = {}
    for kind, own in zip(KINDS, damaged, strict=True):
        result[f"{kind}_auc"] = float(roc_auc_score(is_damaged, np.r_[good, own]))
        result[f"{kind}_found"] = float(np.mean(own > limit))
    return result

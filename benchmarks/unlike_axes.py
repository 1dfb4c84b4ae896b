"""Pairs of instruments with unlike axes that measured no sample in common.

The pairs are sugarcane handhelds, and the real sets of development.py measured again by a
simulated instrument with fewer channels over a smaller range. Each instrument measured one half of
the training samples, and only those of the source have reference values. The classical methods get
first derivatives with the target interpolated at the source's channels; networks get the spectra of
each instrument on its own axis, after SNV.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from benchmarks.bench_transfer import (
    HANDHELDS,
    SUGARCANE_PROPERTIES,
    Task,
    first_derivative,
    half_of_samples,
    on_source_axis,
    split,
)
from benchmarks.development import replicated, second_instrument, single_instrument_sets
from skspektron import SNV, SpektronEmbedder, transfer
from skspektron.model_selection import stack_instruments
from skspektron.transfer._adaptation._target_axis import InterpolateTokens, token_weights

CUT, DENSITY = (0.0, 0.1), (0.4, 0.8)  # of the range at either end; channels over those of the real


@dataclass(frozen=True)
class Pair:
    """Axis in nm and spectra (n, p) of source and target, and the task on the source's axis."""

    task: Task
    spectra: dict[str, tuple[NDArray, NDArray]]

    @classmethod
    def of(cls, label: str, spectra: dict, y: NDArray, ids: NDArray) -> "Pair":
        """Return a pair; source and target are the first and the second name of `spectra`."""
        return cls(on_source_axis(label, spectra, y, ids), spectra)

    def shared(self) -> dict[str, tuple[NDArray, NDArray]]:
        """Return the spectra within the range of both instruments, on their own axes."""
        low = max(axis.min() for axis, _ in self.spectra.values())
        high = min(axis.max() for axis, _ in self.spectra.values())
        inside = {k: (axis >= low) & (axis <= high) for k, (axis, _) in self.spectra.items()}
        return {k: (axis[inside[k]], X[:, inside[k]]) for k, (axis, X) in self.spectra.items()}


def pairs() -> Iterator[Pair]:
    """Yield all pairs with unlike axes, each with one property."""
    yield from sugarcane_pairs()
    yield from simulated_pairs()


def sugarcane_pairs() -> Iterator[Pair]:
    """Yield both directions of all pairs of unlike handhelds."""
    data = np.load(Path(os.environ["SKSPEKTRON_DATA"]) / "sugarcane_chaix.npz")
    axes = {name: data[f"wavelengths_{name}"] for name in HANDHELDS}
    models = {name: name.split("_")[0] for name in HANDHELDS}
    unlike = [pair for pair in permutations(HANDHELDS, 2) if models[pair[0]] != models[pair[1]]]
    for i, pair in enumerate(unlike):
        name = SUGARCANE_PROPERTIES[i % len(SUGARCANE_PROPERTIES)]
        known = np.isfinite(data[name])
        spectra = {key: (axes[key], data[f"X_{key}"][known]) for key in pair}
        label = f"sugarcane/{'-'.join(pair)}/{name}"
        yield Pair.of(label, spectra, data[name][known], np.flatnonzero(known))


def simulated_pairs() -> Iterator[Pair]:
    """Yield both directions between real instruments and simulated ones with another axis."""
    for seed, (data, wavelength, X, properties) in enumerate(single_instrument_sets()):
        rng = np.random.default_rng(seed)
        low, high = wavelength[0], wavelength[-1]
        axis = np.linspace(
            low + rng.uniform(*CUT) * (high - low),
            high - rng.uniform(*CUT) * (high - low),
            round(rng.uniform(*DENSITY) * len(wavelength)),
        )
        other = PchipInterpolator(wavelength, second_instrument(X, 1.0, seed), axis=1)(axis)
        spectra = {"real": (wavelength, replicated(X, seed)), "simulated": (axis, other)}
        for pair, (name, y) in zip(permutations(spectra), [*properties.items()] * 2, strict=False):
            own = {key: spectra[key] for key in pair}
            yield Pair.of(f"{data}/{'-'.join(pair)}/{name}", own, y, np.arange(len(X)))


def derivatives(pair: Pair, weights) -> NDArray:
    """Return first derivatives on the axis of the source."""
    return first_derivative(pair.task.X)


def own_axes(pair: Pair, weights):
    """Return the spectra on the merged axis, NaN where an instrument has no channel."""
    ids = np.arange(len(pair.task.y) // 2)
    rows = {key: (X, None, ids) for key, (_, X) in pair.spectra.items()}
    axes = {key: axis for key, (axis, _) in pair.spectra.items()}
    return stack_instruments(rows, wavelength=axes)[0]


def embedders(pair: Pair, weights, pooling: str) -> Iterator[tuple[SpektronEmbedder, NDArray]]:
    """Yield the fitted embedder of each instrument's own axis, and its embeddings after SNV."""
    for axis, X in pair.shared().values():
        model = SpektronEmbedder(weights, wavelength=axis, device="cpu", pooling=pooling)
        yield model, model.fit_transform(SNV().fit_transform(X))


def tokens(pair: Pair, weights) -> NDArray:
    """Return embeddings, those of the target interpolated at the tokens of the source."""
    (source, Z), (target, Z_target) = embedders(pair, weights, "tokens")
    to_source = InterpolateTokens(token_weights(source, target))
    return np.concatenate([Z, to_source.transform(Z_target)])


def mean_tokens(pair: Pair, weights) -> NDArray:
    """Return the mean token of every spectrum."""
    return np.concatenate([Z for _, Z in embedders(pair, weights, "mean")])


@dataclass(frozen=True)
class Method:
    """A class in `skspektron.transfer` with parameters, its input, and the weights it uses."""

    estimator: str
    rows: Callable[..., Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""  # "masked", which fill in channels, or "small"


METHODS = {
    "interpolation": Method("NoTransfer", derivatives),
    "mean-centring": Method("MeanCentredTransfer", derivatives),
    "CORAL": Method("CORALTransfer", derivatives),
    "TTT": Method("TTTTransfer", own_axes, {"align": "mean", "device": "cpu"}, "masked"),
    "tokens, mean-centring": Method("MeanCentredTransfer", tokens, weights="small"),
    "tokens, CORAL": Method("CORALTransfer", tokens, weights="small"),
    "mean token, mean-centring": Method("MeanCentredTransfer", mean_tokens, weights="small"),
}


def error(pair: Pair, method: Method, weights, seed: int) -> float:
    """Return the RMSEP on one split, in standard deviations of the test values."""
    task = pair.task
    train, test = split(task, seed)
    train = half_of_samples(other=True)(task, train, seed)
    model = getattr(transfer, method.estimator)(
        source=task.source, target=task.target, n_transfer=0, random_state=seed, **method.parameters
    )
    if method.rows is own_axes:
        model.set_params(weights=weights)
    known = {"instrument": task.instrument[train], "sample_id": task.sample_id[train]}
    X = method.rows(pair, weights)
    take = X.take if hasattr(X, "columns") else X.__getitem__
    y_pred = model.fit(take(train), task.y[train], **known).predict(take(test))
    return float(np.sqrt(np.mean((np.ravel(y_pred) - task.y[test]) ** 2)) / task.y[test].std())

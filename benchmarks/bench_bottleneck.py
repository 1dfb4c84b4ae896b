"""Probe the chemistry and the instrument part of the latent of a bottleneck network.

Simulated instruments measure the same samples; SNV removes most of the light scatter, which differs
between measurements. A network is trained on half of the samples, on all instruments, with the
objectives "masked" and "bottleneck". Probes are fitted on the latents of these samples and scored
on the other half: a classifier of the instrument (accuracy; chance is one over the number of
instruments) and a ridge regression of the concentrations (the smallest R2). Zero-shot: a ridge
regression on source latents predicts target spectra, compared with PLS on the spectra without
transfer and with mean-centring (mean R2 over the concentrations).

    python -m benchmarks.bench_bottleneck --output benchmarks/results/bottleneck.csv
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.sidecar import PACKAGES, record_run
from skspektron._bridge import to_array, to_spectra, to_tensor
from skspektron.datasets import make_instruments
from skspektron.foundation import Architecture, SpektronEmbedder, SpektronPretrainer
from skspektron.metrics import r2
from skspektron.preprocessing import SNV
from skspektron.transfer import MeanCentredTransfer, NoTransfer

N_SAMPLES = 400
WAVELENGTH = np.linspace(1100, 2498, 128)
PROBES = {
    "logistic": LogisticRegression(max_iter=3000),
    "mlp": MLPClassifier((32,), max_iter=1000, random_state=0),
    "mlp_standardised": make_pipeline(
        StandardScaler(), MLPClassifier((32,), max_iter=1000, random_state=0)
    ),
}
COLUMNS = (
    "n_instruments",
    "seed",
    "steps",
    "d_latent",
    "chance",
    *PROBES,
    "instrument_part",
    "r2_concentrations",
    "r2_zero_shot",
    "r2_no_transfer",
    "r2_mean_centring",
)


def simulate(n_instruments: int, seed: int):
    """Return spectra of all instruments, their names, samples and concentrations, stacked."""
    names = [chr(ord("a") + i) for i in range(n_instruments)]
    data = make_instruments(
        N_SAMPLES, names, wavelength=WAVELENGTH, n_components=3, spread=0.3, random_state=seed
    )
    X = SNV().fit_transform(np.concatenate([data.X[name] for name in names]))
    sample_id = np.tile(np.arange(N_SAMPLES), n_instruments)
    return X, np.repeat(names, N_SAMPLES), sample_id, np.tile(data.y, (n_instruments, 1))


def pretrain(X, instrument, sample_id, *, steps: int, d_latent: int, batch_size: int):
    """Return a pretrainer with a bottleneck, fitted without reference values."""
    architecture = Architecture(
        patch_length=8,
        d_model=64,
        d_state=64,
        n_layers=2,
        latent="vib",
        d_latent=d_latent,
        d_instrument=16,
    )
    pretrainer = SpektronPretrainer(
        architecture,
        objectives={"masked": 1.0, "bottleneck": 1.0},
        wavelength=WAVELENGTH,
        max_steps=steps,
        batch_size=batch_size,
        learning_rate=3e-3,
        report_every=steps,
        random_state=0,
    )
    return pretrainer.fit(X, instrument=instrument, sample_id=sample_id)


def parts(pretrainer: SpektronPretrainer, X) -> tuple[np.ndarray, np.ndarray]:
    """Return the chemistry part and the instrument part of the latents."""
    embedder = SpektronEmbedder(
        pretrainer, wavelength=WAVELENGTH, pooling="latent", n_layers=None, device="cpu"
    )
    chemistry = embedder.fit_transform(X)
    # The public interface returns the chemistry part only.
    spectra = to_spectra(X, [embedder.wavenumber_], np.zeros(len(X), dtype=int))
    network = pretrainer.network_.on("cpu")
    latent = network(**spectra.batch(to_tensor(np.arange(len(X)), np.int64))).latent
    return chemistry, to_array(latent.instrument.mean)


def zero_shot(Z, X, y, instrument, sample_id, seen) -> dict[str, float]:
    """Return R2 for held-out samples on the second instrument, calibrated on the first."""
    source, target = np.unique(instrument)[:2]
    fitted, tested = seen & (instrument == source), ~seen & (instrument == target)
    train = seen & np.isin(instrument, [source, target])
    metadata = {"instrument": instrument[train], "sample_id": sample_id[train]}
    scores: dict[str, list[float]] = {
        "r2_zero_shot": [],
        "r2_no_transfer": [],
        "r2_mean_centring": [],
    }
    for values in y.T:
        ridge = RidgeCV(np.logspace(-6, 3, 10)).fit(Z[fitted], values[fitted])
        scores["r2_zero_shot"].append(r2(values[tested], ridge.predict(Z[tested])))
        for name, method in {
            "r2_no_transfer": NoTransfer,
            "r2_mean_centring": MeanCentredTransfer,
        }.items():
            model = method(source=source, target=target, n_transfer=0)
            model.fit(X[train], values[train], **metadata)
            scores[name].append(r2(values[tested], model.predict(X[tested])))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def measure(n_instruments: int, seed: int, *, steps: int, d_latent: int, batch_size: int) -> dict:
    """Return one row of the table."""
    X, instrument, sample_id, y = simulate(n_instruments, seed)
    seen = sample_id < N_SAMPLES // 2
    X = (X - X[seen].mean(axis=0)) / X[seen].std(ddof=0)
    pretrainer = pretrain(
        X[seen],
        instrument[seen],
        sample_id[seen],
        steps=steps,
        d_latent=d_latent,
        batch_size=batch_size * n_instruments,
    )
    Z, Z_instrument = parts(pretrainer, X)

    def accuracy(probe, part):
        return clone(probe).fit(part[seen], instrument[seen]).score(part[~seen], instrument[~seen])

    def ridge_r2(values):
        ridge = RidgeCV(np.logspace(-6, 3, 10)).fit(Z[seen], values[seen])
        return r2(values[~seen], ridge.predict(Z[~seen]))

    return {
        "n_instruments": n_instruments,
        "seed": seed,
        "steps": steps,
        "d_latent": d_latent,
        "chance": 1 / n_instruments,
        **{name: accuracy(probe, Z) for name, probe in PROBES.items()},
        "instrument_part": accuracy(PROBES["logistic"], Z_instrument),
        "r2_concentrations": min(map(ridge_r2, y.T)),
        **zero_shot(Z, X, y, instrument, sample_id, seen),
    }


def main(arguments: Sequence[str]) -> None:
    """Run the simulations and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-instruments", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--d-latent", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=64, help="spectra per instrument")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    record_run(options.output, arguments, (*PACKAGES, "torch"), is_only=True)
    sizes = {name: getattr(options, name) for name in ("steps", "d_latent", "batch_size")}
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for n_instruments in options.n_instruments:
            for seed in options.seeds:
                row = measure(n_instruments, seed, **sizes)
                writer.writerow({k: f"{v:.4g}" for k, v in row.items()})
                file.flush()
                print({k: round(float(v), 3) for k, v in row.items()})


if __name__ == "__main__":
    main(sys.argv[1:])

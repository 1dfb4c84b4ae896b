"""Transfer a moisture calibration from one NIR instrument to another, and compare six methods.

The calibration is made on instrument m5 and transferred to mp6. Held-out samples are predicted from
their mp6 spectra in three folds, which share no sample with the training rows. With n transfer
samples, a method may use n samples measured on both instruments.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import sklearn
from chemotools.derivative import SavitzkyGolay
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

from skspektron.datasets import fetch_corn, make_instruments
from skspektron.metrics import bias, r2, rmsep
from skspektron.model_selection import TransferGroupKFold, stack_instruments
from skspektron.transfer import (
    LoRATransfer,
    MeanCentredTransfer,
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    SlopeBiasTransfer,
)

SOURCE, TARGET = "m5", "mp6"
N_TRANSFER = (0, 5, 10, 20)
METHODS = ("no transfer", "mean-centring", "slope/bias", "PDS", "NAR", "LoRA")


def load(simulate):
    """Return corn spectra, or simulated ones if the file is not available."""
    if not simulate:
        try:
            return fetch_corn(), "corn, moisture in % by mass"
        except OSError as error:
            print(f"The corn spectra are not available, so instruments are simulated: {error}")
    bunch = make_instruments(80, (SOURCE, TARGET), random_state=0)
    return bunch, f"simulated, mass fraction of {bunch.target_names[0]}"


def make_models(n_transfer, wavelength):
    """Return a model for each of METHODS; each uses at most `n_transfer` standards."""
    common = {"source": SOURCE, "target": TARGET, "n_transfer": n_transfer}

    def classical(transfer):  # PLS with cross-validated components on first derivatives
        return make_pipeline(SavitzkyGolay(window_length=11, polyorder=2), transfer)

    models = (
        classical(NoTransfer(**common)),
        classical(MeanCentredTransfer(**common)),
        classical(SlopeBiasTransfer(**common)),
        classical(PDSTransfer(**common)),
        classical(NARTransfer(**common)),
        LoRATransfer(**common, wavelength=wavelength, random_state=0),
    )
    return dict(zip(METHODS, models, strict=True))


def cross_validate(model, X, y, instrument, sample_id):
    """Return reference values and predictions of every sample, on the target instrument."""
    cv = TransferGroupKFold(3, target=TARGET, shuffle=True, random_state=0)
    y_true, y_pred = [], []
    for train, test in cv.split(X, y, instrument=instrument, sample_id=sample_id):
        metadata = {"instrument": instrument[train], "sample_id": sample_id[train]}
        model.fit(X[train], y[train], **metadata)
        y_true.append(y[test])
        y_pred.append(model.predict(X[test]))
    return np.concatenate(y_true), np.concatenate(y_pred)


def draw(results, title, path):
    """Save RMSEP against the number of standards."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return print("No figure: matplotlib is missing. Install it with pip install matplotlib.")
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(method for method, _ in results):
        axes.plot(N_TRANSFER, [results[name, n][0] for n in N_TRANSFER], "o-", label=name)
    axes.set(title=title, xlabel="standards", xticks=N_TRANSFER)
    axes.set(ylabel=f"RMSEP on {TARGET}", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=150)
    print(f"Figure: {path}")


def main(argv):
    """Compare the methods, print the table, save the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("quickstart.png"), help="the figure")
    parser.add_argument("--simulate", action="store_true", help="do not look for the corn file")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    args = parser.parse_args(argv)

    data, title = load(args.simulate)
    rows = {name: (data.X[name], data.y[:, 0], data.sample_id) for name in (SOURCE, TARGET)}
    models = {n: make_models(n, data.wavelength) for n in N_TRANSFER}

    print(f"{title}: {SOURCE} -> {TARGET}")
    results = {}
    with sklearn.config_context(enable_metadata_routing=True):  # pipelines route metadata
        grid = [(name, n) for name in args.methods for n in N_TRANSFER]
        for name, n in tqdm(grid, unit="fit"):
            y_true, y_pred = cross_validate(models[n][name], *stack_instruments(rows))
            results[name, n] = tuple(metric(y_true, y_pred) for metric in (rmsep, r2, bias))
    print(f"{'method':<14} {'n_transfer':>10} {'RMSEP':>9} {'R2':>8} {'bias':>9}")
    for (name, n), (error, determination, offset) in results.items():
        print(f"{name:<14} {n:>10} {error:>9.4f} {determination:>8.3f} {offset:>9.4f}")
    draw(results, title, args.output)


if __name__ == "__main__":
    main(sys.argv[1:])

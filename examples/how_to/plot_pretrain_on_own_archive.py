"""
Pretrain on an archive of your own
==================================

A laboratory has years of spectra, and reference values for few of them. A network can be pretrained
on all of them by reconstruction of hidden patches. The spectra stay in files, so an archive may be
larger than the memory. The settings here are for a run of one minute; the last section lists what
to change for a real run.

Takes about 120 seconds on two cores.
"""

# %%
# Files on disk
# -------------
# One file for each instrument, day or campaign, written by ``numpy.savez``: the spectra `X`, their
# axis (`wavelength` in nm or `wavenumber` in cm-1) and, where they are known, `instrument` and
# `sample_id`. Files may have different axes. `~skspektron.preprocessing.SNV` is applied before
# writing, because the network learns the scale of its training spectra. NaN marks channels that
# were not measured.

import tempfile
from pathlib import Path

import numpy as np

from skspektron import SNV
from skspektron.datasets import SpektraArchive, make_instruments

folder = tempfile.TemporaryDirectory()
wavelength = np.arange(1100.0, 2500.0, 10.0)
years = make_instruments(400, ("A", "B"), wavelength=wavelength, random_state=0)
for name, spectra in years.X.items():
    np.savez(
        Path(folder.name) / f"{name}.npz",
        X=SNV().fit_transform(spectra),
        wavelength=wavelength,
        instrument=name,
        sample_id=years.sample_id,
    )
archive = SpektraArchive(folder.name)
print(archive)

# %%
# Pretrain
# --------
# Pass the archive to `fit` in place of an array; each batch reads only its own rows. With
# `checkpoint`, an interrupted run continues when the same lines are executed again.

from skspektron import SpektronPretrainer

pretrainer = SpektronPretrainer(
    "tiny",
    max_steps=1000,
    warmup_steps=50,
    learning_rate=1e-2,
    report_every=50,
    checkpoint=Path(folder.name) / "run.safetensors",
    random_state=0,
)
pretrainer.fit(archive)

# %%
# Check what it has learnt
# ------------------------
# `history_` contains the error at hidden channels and two baselines: the mean spectrum and linear
# interpolation across the gap. A curve that stays at one of the baselines has learnt nothing; one
# that still falls at the end needs more steps.

import matplotlib.pyplot as plt

steps = [record["step"] for record in pretrainer.history_]
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, style in {"masked_mse": "o-", "interpolation_mse": "--", "mean_mse": ":"}.items():
    ax.semilogy(steps, [record[name] for record in pretrainer.history_], style, label=name)
ax.set(xlabel="Step", ylabel="Squared error of hidden channels")
ax.legend()
last = pretrainer.history_[-1]
print(f"error relative to the mean spectrum: {last['masked_mse'] / last['mean_mse']:.2f}")

# %%
# Save and use it
# ---------------
# The file contains weights, axis and history, and no executable code. An embedder reads it by its
# path, for spectra on any axis. Forty labelled samples calibrate, forty others are the test set.

from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron import SpektronEmbedder
from skspektron.metrics import rmsep

weights = Path(folder.name) / "our_spectra.safetensors"
pretrainer.save(weights, corpus=["simulated instruments A and B"])

new = make_instruments(80, ("A",), wavelength=wavelength, random_state=1)
X, y = new.X["A"], new.y[:, 0]
embedder = SpektronEmbedder(weights, wavelength=wavelength)
for name, steps in {"SNV": [SNV()], "SNV and network": [SNV(), embedder]}.items():
    model = make_pipeline(*steps, PLSRegression(8)).fit(X[:40], y[:40])
    print(f"{name:<16} RMSEP {rmsep(y[40:], model.predict(X[40:])):.4f}")

# %%
# Compare results with and without the network, as here, before you rely on it: reconstruction of
# hidden patches is not calibration, and a network trained for one minute is no better than SNV
# alone.
#
# Embed the archive
# -----------------
# `~skspektron.foundation.embed_archive` writes the embeddings of all spectra to a file without
# holding spectra or embeddings in memory, in parallel with `n_jobs`, and continues an interrupted
# run.

from skspektron.foundation import embed_archive

embedder.set_params(pooling="mean").fit(archive.read(range(10)))
embeddings = embed_archive(embedder, archive, Path(folder.name) / "embeddings.npy")
print(embeddings.shape, embeddings.dtype)

# %%
# For a real run
# --------------
# - ``"small"`` or ``"calibration"`` instead of ``"tiny"``, and 5 000 steps or more, until the curve
#   is flat. It is worthwhile for tens of thousands of spectra, not for a few hundred.
# - `batch_size` of 64 to 512, `micro_batch_size` if a batch does not fit into memory,
#   ``ema_decay=0.999``.
# - `n_iter_no_change` stops early on held-out samples; ``verbose=1`` shows progress.
# - Several GPUs: the same script, started by ``torchrun`` (:doc:`/how_to_many_machines`).
# - With labels: ``objectives={"masked": 1.0, "complement": 1.0}`` and `y`
#   (:doc:`/network_pretrain`).

folder.cleanup()

"""
Pretrain on an archive of your own
==================================

A laboratory has years of spectra and reference values for few of them. A network can learn from the
rest what its spectra look like: patches are hidden, and it fills them in. Spectra stay in files, so
that an archive may be larger than the memory. The settings here are for a minute; the last section
says what to change for a real run.

Takes about 120 seconds on two cores.
"""

# %%
# Files on disk
# -------------
# One file for each instrument, day or campaign, written by ``numpy.savez``: the spectra `X`, their
# axis (`wavelength` in nm or `wavenumber` in cm-1) and, where they are known, `instrument` and
# `sample_id`. Files may differ in their axes. `~skspektron.preprocessing.SNV` is applied before
# writing: a network learns the scale that it is shown. NaN marks channels that were not measured.

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
# The archive goes to `fit` in place of an array; a batch reads its own rows and nothing else. With
# `checkpoint`, a run that was interrupted goes on when the same lines are run again.

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
# Has it learnt anything?
# -----------------------
# `history_` has the error at hidden channels beside the two things it must beat: the mean spectrum,
# and a straight line across the gap. A curve that stays at either of them has learnt nothing; one
# that still falls at the end wants more steps.

import matplotlib.pyplot as plt

steps = [record["step"] for record in pretrainer.history_]
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, style in {"masked_mse": "o-", "interpolation_mse": "--", "mean_mse": ":"}.items():
    ax.semilogy(steps, [record[name] for record in pretrainer.history_], style, label=name)
ax.set(xlabel="Step", ylabel="Squared error of hidden channels")
ax.legend()
last = pretrainer.history_[-1]
print(f"share of the mean spectrum's error: {last['masked_mse'] / last['mean_mse']:.2f}")

# %%
# Save it, and use it
# -------------------
# The file holds weights, axis and history, and nothing that could run. An embedder reads it by its
# path, on any axis. `y` of forty labelled samples calibrates, forty others test.

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
# Compare as here, with and without the network, before you rely on it: filling in hidden patches is
# not calibrating, and a network of a minute is no better than SNV alone.
#
# Embed the archive
# -----------------
# `~skspektron.foundation.embed_archive` writes the embeddings of all its spectra to a file without
# holding either in memory, in parallel with `n_jobs`, and goes on where it was interrupted.

from skspektron.foundation import embed_archive

embedder.set_params(pooling="mean").fit(archive.read(range(10)))
embeddings = embed_archive(embedder, archive, Path(folder.name) / "embeddings.npy")
print(embeddings.shape, embeddings.dtype)

# %%
# For a real run
# --------------
# - ``"small"`` or ``"calibration"`` instead of ``"tiny"``, and 5 000 steps or more: until the
#   curve is flat. Tens of thousands of spectra are worth it; a few hundred are not.
# - `batch_size` of 64 to 512, `micro_batch_size` where a batch does not fit, ``ema_decay=0.999``.
# - `n_iter_no_change` holds samples out and stops by itself; ``verbose=1`` shows progress.
# - Several GPUs: the same script, started by ``torchrun`` (:doc:`/how_to_many_machines`).
# - With labels: ``objectives={"masked": 1.0, "calibration": 1.0}`` and `y` (:doc:`/network`).

folder.cleanup()

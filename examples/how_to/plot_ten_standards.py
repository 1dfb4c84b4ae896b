"""
A new instrument and ten standards
==================================

There is a calibration on the old instrument, and a new one has arrived. Ten of the calibration
samples can be measured on it. Which ten, which method, and how far can its predictions be trusted?

Takes about 60 seconds on two cores.
"""

# %%
# The situation
# -------------
# Two simulated instruments. 80 samples with reference values were measured on the old one. 40
# more samples come later, on the new one only; their reference values are used at the very end,
# to check.

import matplotlib.pyplot as plt
import numpy as np
from chemotools.derivative import SavitzkyGolay
from sklearn.base import clone

from skspektron.datasets import make_instruments
from skspektron.inspection import PredictionDisplay
from skspektron.metrics import rmsep
from skspektron.model_selection import TransferGroupKFold, kennard_stone, stack_instruments
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import (
    EnsembleTransfer,
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    TargetOnly,
)

wavelength = np.arange(1100.0, 2500.0, 20.0)
lab = make_instruments(120, ("old", "new"), wavelength=wavelength, random_state=2)
y = 100 * lab.y[:, 0]  # % by mass
shuffled = np.random.default_rng(0).permutation(120)
calibration, later = shuffled[:80], shuffled[80:]

# %%
# Choose the ten
# --------------
# `~skspektron.model_selection.kennard_stone` orders samples from the edge of the cloud of spectra
# inwards: few samples span much, of the spectra if not of the property. A random draw spans less,
# but says honestly how large errors are, because new samples are drawn like that too. Prediction
# intervals need such a draw, so we take it.

at_the_edge = calibration[kennard_stone(lab.X["old"][calibration])[:10]]
at_random = np.random.default_rng(1).choice(calibration, 10, replace=False)
for name, ids in {"Kennard-Stone": at_the_edge, "random": at_random}.items():
    print(f"{name:<14} {y[ids].min():.1f} to {y[ids].max():.1f} %, deviation {y[ids].std():.2f}")

# %%
# Measure them on the new instrument, and stack
# ---------------------------------------------
# One row a spectrum. Rows of one sample are found by its id, never by their position.

derivative = SavitzkyGolay(window_length=5, polyorder=2, mode="interp")


def stack(X):
    """Stack the calibration samples on the old and the ten standards on the new instrument."""
    rows = {"old": calibration, "new": at_random}
    return stack_instruments({name: (X[name][ids], y[ids], ids) for name, ids in rows.items()})


first = {name: derivative.fit_transform(X) for name, X in lab.X.items()}

# %%
# Compare methods by what they have not seen
# ------------------------------------------
# `~skspektron.model_selection.TransferGroupKFold` holds out standards, with all their rows, and
# scores them as the new instrument measured them: here two in each of five folds, so that a
# method has eight. ``n_transfer=None`` means every standard there is. Ten errors tell a bad
# method from a good one, not two good ones from each other; between those, :doc:`/benchmark`
# chooses.

common = {"source": "old", "target": "new", "n_transfer": None}
methods = {
    "no transfer": (NoTransfer(**common), first),
    "new calibration": (TargetOnly(**common), first),
    "PDS": (PDSTransfer(**common), first),
    "NAR": (NARTransfer(**common), first),
    "ensemble": (EnsembleTransfer(**common, wavelength=wavelength), lab.X),
}
cv = TransferGroupKFold(n_splits=5, target="new", shuffle=True, random_state=0)
for name, (method, X) in methods.items():
    rows, values, instrument, sample_id = stack(X)
    errors = []
    for train, test in cv.split(rows, values, instrument=instrument, sample_id=sample_id):
        metadata = {"instrument": instrument[train], "sample_id": sample_id[train]}
        model = clone(method).fit(rows[train], values[train], **metadata)
        errors.extend(model.predict(rows[test]) - values[test])
    print(
        f"{name:<16} RMSECV {np.sqrt(np.mean(np.square(errors))):.3f} % from {len(errors)} errors"
    )

# %%
# Fit, with intervals
# -------------------
# `~skspektron.reliability.ConformalTransfer` leaves each standard out once more and sees how far
# off it is (:doc:`/intervals`). ``confidence_level=0.9`` takes at least nine standards.

rows, values, instrument, sample_id = stack(lab.X)
model = ConformalTransfer(EnsembleTransfer(**common, wavelength=wavelength), confidence_level=0.9)
model.fit(rows, values, instrument=instrument, sample_id=sample_id)
y_pred, intervals = model.predict_interval(lab.X["new"][later])
for predicted, (low, high) in zip(y_pred[:3], intervals[:3], strict=True):
    print(f"{predicted:.2f} %, from {low:.2f} to {high:.2f} %")

# %%
# What the reference values say later
# -----------------------------------
# On the left the old calibration as it is, on the right the transferred one with its intervals.
# The box counts how many reference values they hold.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
untouched = NoTransfer(**common).fit(rows, values, instrument=instrument, sample_id=sample_id)
for ax, shown, title in zip(axes, (untouched, model), ("before", "after"), strict=True):
    PredictionDisplay.from_estimator(shown, lab.X["new"][later], y[later], unit="%", ax=ax)
    ax.set_title(title)
plt.show()
print(f"RMSEP {rmsep(y[later], y_pred):.3f} %, intervals {np.diff(intervals).mean():.2f} % wide")

# %%
# How to read it
# --------------
# An interval is for one new sample, and nine in ten of them hold on average over laboratories
# that draw their standards as you did; in one laboratory with ten standards it may be eight in
# ten, or all. They are as wide as the largest errors of the ten make them, so that one bad
# standard widens all of them: look at it before you trust it.
#
# What it cannot do, and what to do next
# --------------------------------------
# Samples of another kind than the standards are not covered;
# `~skspektron.reliability.ApplicabilityDomain` tells them. Were the ten at the edge, intervals
# would be of another size (:doc:`/intervals` has how often they hold then). With ten more
# standards intervals become narrower and their promise more even:
# `~skspektron.model_selection.transfer_curve` shows what more standards are worth. When the
# instrument drifts, see :doc:`plot_drifting_instrument`.

"""
A new instrument and ten standards
==================================

There is a calibration for the old instrument, and a new instrument has arrived. Ten of the
calibration samples can be measured on it. Which ten, with which method, and how reliable are the
predictions?

Takes about 60 seconds on two cores.
"""

# %%
# The data
# --------
# Two simulated instruments. 80 samples with reference values were measured on the old one. 40 more
# samples are measured later, on the new one only; their reference values are used only at the end,
# to check the predictions.

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
# Select the ten standards
# ------------------------
# `~skspektron.model_selection.kennard_stone` orders samples from the edge of the spectra to the
# centre: a few samples span a wide range of the spectra, though not always of the property. A
# random draw spans less, but its errors are representative, because new samples are drawn in the
# same way. Prediction intervals need such a draw, so it is used here.

at_the_edge = calibration[kennard_stone(lab.X["old"][calibration])[:10]]
at_random = np.random.default_rng(1).choice(calibration, 10, replace=False)
for name, ids in {"Kennard-Stone": at_the_edge, "random": at_random}.items():
    print(f"{name:<14} {y[ids].min():.1f} to {y[ids].max():.1f} %, deviation {y[ids].std():.2f}")

# %%
# Measure them on the new instrument, and stack
# ---------------------------------------------
# One row per spectrum. Rows of one sample are paired by its id, never by their position.

derivative = SavitzkyGolay(window_length=5, polyorder=2, mode="interp")


def stack(X):
    """Stack the calibration samples on the old and the ten standards on the new instrument."""
    rows = {"old": calibration, "new": at_random}
    return stack_instruments({name: (X[name][ids], y[ids], ids) for name, ids in rows.items()})


first = {name: derivative.fit_transform(X) for name, X in lab.X.items()}

# %%
# Compare methods by cross-validation
# -----------------------------------
# `~skspektron.model_selection.TransferGroupKFold` holds out standards, with all their rows, and
# scores them as measured on the new instrument: here two in each of five folds, so that eight are
# left for a method. ``n_transfer=None`` uses every standard. Ten errors separate a bad method from
# a good one, but not two good ones from each other; for those, see :doc:`/benchmark`.

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
# `~skspektron.reliability.ConformalTransfer` holds out each standard once and uses the errors
# (:doc:`/intervals`). ``confidence_level=0.9`` needs at least nine standards.

rows, values, instrument, sample_id = stack(lab.X)
model = ConformalTransfer(EnsembleTransfer(**common, wavelength=wavelength), confidence_level=0.9)
model.fit(rows, values, instrument=instrument, sample_id=sample_id)
y_pred, intervals = model.predict_interval(lab.X["new"][later])
for predicted, (low, high) in zip(y_pred[:3], intervals[:3], strict=True):
    print(f"{predicted:.2f} %, from {low:.2f} to {high:.2f} %")

# %%
# Check with the later reference values
# -------------------------------------
# On the left the untransferred calibration, on the right the transferred one with its intervals.
# The box counts the reference values within their interval.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
untouched = NoTransfer(**common).fit(rows, values, instrument=instrument, sample_id=sample_id)
for ax, shown, title in zip(axes, (untouched, model), ("before", "after"), strict=True):
    PredictionDisplay.from_estimator(shown, lab.X["new"][later], y[later], unit="%", ax=ax)
    ax.set_title(title)
plt.show()
print(f"RMSEP {rmsep(y[later], y_pred):.3f} %, intervals {np.diff(intervals).mean():.2f} % wide")

# %%
# Interpretation
# --------------
# An interval is for one new sample. Nine in ten contain the reference value on average over
# laboratories that draw their standards in this way; in one laboratory with ten standards it may be
# eight in ten, or all. Their width depends on the largest errors of the ten, so one bad standard
# widens all of them: inspect it before you use the intervals.
#
# Limitations and next steps
# --------------------------
# Samples of another kind than the standards are not covered;
# `~skspektron.reliability.ApplicabilityDomain` detects them. With standards from the edge of the
# spectra, the intervals would have another width (:doc:`/intervals` gives their coverage). With ten
# more standards the intervals become narrower, and their coverage varies less between laboratories;
# `~skspektron.model_selection.transfer_curve` shows the effect of more standards on the error. For
# an instrument that drifts, see :doc:`plot_drifting_instrument`.

"""
Missing channels
================

A part of the detector array has failed. New spectra lack sixty channels, in the middle of a band,
and the calibration needs all of them. Spectra from before the failure are complete. Can the
channels be filled in, and what does it cost?

Takes about 10 seconds on two cores.
"""

# %%
# The data
# --------
# Sixty simulated samples with reference values were measured before the failure. A hundred new ones
# are measured after it: NaN marks channels that are missing.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronImputer
from skspektron.metrics import rmsep
from skspektron.preprocessing import SNV

lab = make_instruments(160, ("lab",), random_state=0)
X, y = lab.X["lab"], 100 * lab.y[:, 0]  # % by mass
X_old, y_old, X_complete, y_new = X[:60], y[:60], X[60:], y[60:]
dead = slice(260, 320)
X_new = X_complete.copy()
X_new[:, dead] = np.nan

# %%
# Fill in
# -------
# With complete spectra in ``fit``, `SpektronImputer` predicts the missing channels from the others.
# ``method="interpolation"`` uses nothing but the channels around the gap.

imputer = SpektronImputer().fit(X_old)
alone = SpektronImputer(method="interpolation").fit(X_old)
print(f"filled in by: {imputer.method_}, from {imputer.n_complete_} complete spectra")

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
around = slice(200, 380)
ax.plot(lab.wavelength[around], X_complete[0, around], color="0.7", linewidth=4, label="measured")
for name, model, style in (("interpolation", alone, ":"), ("spectra", imputer, "-")):
    filled = model.transform(X_new[:1])[0, around]
    ax.plot(lab.wavelength[around], filled, "k" + style, label=f"filled in by {name}")
ax.set_xlabel("wavelength, nm")
ax.set_ylabel("absorbance")
ax.legend()
plt.show()

# %%
# The imputer also hides blocks of channels in the complete spectra, each of which is held out. The
# root mean squared errors are in absorbance.

for name, error in imputer.held_out_errors_.items():
    print(f"{name:<15} {error:.5f}")

# %%
# What the calibration makes of it
# --------------------------------
# RMSEP on the new samples, with the spectra as they should have been, with filled ones, and with a
# new calibration that does without the missing channels. That calibration needs the reference
# values again, which is not always possible.


def predict(X_train, X_test):
    """Return predictions of a calibration on `X_train`."""
    calibration = make_pipeline(SNV(), PLSRegression(8, scale=False)).fit(X_train, y_old)
    return calibration.predict(X_test).ravel()


few = SpektronImputer().fit(X_old[::12])
cases = {
    "complete spectra": predict(X_old, X_complete),
    "interpolation": predict(X_old, alone.transform(X_new)),
    f"from {few.n_complete_} spectra": predict(X_old, few.transform(X_new)),
    f"from {imputer.n_complete_} spectra": predict(X_old, imputer.transform(X_new)),
    "without the channels": predict(
        np.delete(X_old, dead, axis=1), np.delete(X_complete, dead, axis=1)
    ),
}
for name, y_pred in cases.items():
    print(f"{name:<22} RMSEP {rmsep(y_new, y_pred):.3f} %")

# %%
# Interpretation
# --------------
# Interpolation across a band ruins the prediction. Channels that are predicted from complete
# spectra of the same product cost little, and no more than a calibration without them: what they
# contain is, for the most part, in other channels too. They add no information.
#
# Limitations
# -----------
# A compound that is not in the complete spectra and absorbs at the missing channels is not found.
# Check new spectra with `~skspektron.reliability.ApplicabilityDomain` before they are filled in,
# on the channels that are measured. Where no complete spectra exist, trust interpolation
# only in gaps that are narrower than the bands.

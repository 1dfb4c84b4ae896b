"""
Move a PLS model from other software
====================================

A moisture calibration was made years ago in other software, and all that is left of it is what
that software exports: one coefficient a wavelength, and an intercept. A new instrument has
come, ten samples were measured on both, and the new instrument's software wants a vector of
coefficients too. Neither spectra nor reference values of the old calibration are needed.

Takes about 20 seconds on two cores.
"""

# %%
# What there is
# -------------
# Two simulated instruments stand for the old and the new one; forty samples were measured on
# both, and ten of them are the standards. The old calibration is made here by a PLS regression,
# and written as a table that any spreadsheet can write: a heading with the unit of the axis, a row
# for the intercept, and one row a channel.
#
# ``random_state=1`` draws two instruments that differ much: the old calibration misses by 0.027 on
# the new one. With 0, 2, 3 and 4 it misses by 0.003 to 0.032 before and by 0.001 to 0.004 after the
# transfer; with 0 the two were alike from the start, and nothing is gained.

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.frozen import FrozenEstimator

from skspektron.datasets import make_instruments
from skspektron.io import LinearCalibration
from skspektron.metrics import bias, rmsep
from skspektron.model_selection import stack_instruments
from skspektron.transfer import PDSTransfer

history = make_instruments(100, ("old", "new"), random_state=1)
X_then, y_then = history.X["old"][:60], history.y[:60, 0]
pls = PLSRegression(8, scale=False).fit(X_then, y_then)
intercept = float(pls.predict(np.zeros((1, 700)))[0])

folder = TemporaryDirectory()
exported = Path(folder.name) / "moisture_old.csv"
rows = ["wavelength (nm),moisture", f"intercept,{intercept!r}"]
channels = zip(history.wavelength.tolist(), pls.coef_[0].tolist(), strict=True)
rows += [f"{nm!r},{coef!r}" for nm, coef in channels]
exported.write_text("\n".join(rows) + "\n")
print("\n".join(rows[:4]))

# %%
# Read it
# -------
# :class:`~skspektron.io.LinearCalibration` refuses a table with a gap, a NaN or an axis that turns
# back. The result is a scikit-learn regressor that is fitted already. Check it on a spectrum whose
# prediction the other software has printed: another treatment of the spectra, reflectance instead
# of absorbance say, shows here and nowhere else.

old = LinearCalibration.from_csv(exported)
X_old, X_new, y = history.X["old"][60:], history.X["new"][60:], history.y[60:, 0]
ids = history.sample_id[60:]
print(f"on the old instrument: RMSEP {rmsep(y, old.predict(X_old)):.4f}")
print(f"on the new instrument: RMSEP {rmsep(y, old.predict(X_new)):.4f}")

# %%
# Move it
# -------
# ``FrozenEstimator`` keeps the calibration as it is. Ten samples measured on both instruments are
# the standards. Their reference values are not known: the rows of the old instrument bear its own
# predictions, because a source row must bear a value. ``trained_on=[]`` says that the calibration
# was made on none of these samples.

standards = np.arange(10)
X, y_rows, instrument, sample_id = stack_instruments(
    {
        "old": (X_old[standards], old.predict(X_old[standards]), ids[standards]),
        "new": (X_new[standards], np.full(10, np.nan), ids[standards]),
    }
)
transfer = PDSTransfer(
    FrozenEstimator(old), source="old", target="new", n_transfer=None, trained_on=[]
)
transfer.fit(X, y_rows, instrument=instrument, sample_id=sample_id)

# %%
# Write it for the new instrument
# -------------------------------
# Piecewise direct standardization weighs and adds channels, and so does PLS: both together are
# one vector again. ``from_estimator`` finds it, compares it with the transfer on random spectra and
# on those it is given, and refuses what is no vector (SNV, for one), with the step's name.

new = LinearCalibration.from_estimator(
    transfer,
    X_new,
    wavelength=history.wavelength,
    target_names=["moisture"],
    target_units=["mass fraction"],
)
new.to_csv(Path(folder.name) / "moisture_new.csv")
new.to_json(Path(folder.name) / "moisture_new.json")

again = LinearCalibration.from_csv(Path(folder.name) / "moisture_new.csv")
test = np.arange(10, 40)
print(f"largest difference: {abs(again.predict(X_new) - transfer.predict(X_new)).max():.1e}")
for name, model in {"as it was": old, "moved": again}.items():
    y_pred = model.predict(X_new[test])
    print(f"{name:<10} RMSEP {rmsep(y[test], y_pred):.4f}  bias {bias(y[test], y_pred):+.4f}")

# %%
# The two vectors
# ---------------
# The moved coefficients are those of the old calibration as the new instrument's channels carry
# them: shifted, broadened, scaled. A vector of another shape altogether, much rougher than the old
# one, would mean that noise of the standards was taken for a difference of the instruments.

fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(history.wavelength, old.coef_, "k--", linewidth=1, label="old instrument")
ax.plot(history.wavelength, new.coef_, color="#0072B2", label="new instrument")
ax.set(xlabel="wavelength (nm)", ylabel="coefficient (mass fraction per absorbance)")
ax.legend(frameon=False)
plt.show()

# %%
# What it cannot do
# -----------------
# A vector does not say when not to trust it: keep the spectra of the calibration where you can, and
# see :class:`~skspektron.reliability.ApplicabilityDomain`. Where the other software treats spectra
# by SNV first, its coefficients belong behind that step: move
# ``FrozenEstimator(make_pipeline(SNV(), old))``. The result is then no vector, and is kept with
# joblib.

folder.cleanup()

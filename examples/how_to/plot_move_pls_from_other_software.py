"""
Move a PLS model from other software
====================================

A moisture calibration was made years ago in other software, and only its export remains: one
coefficient for each wavelength, and an intercept. A new instrument has arrived, ten samples were
measured on both, and the software of the new instrument needs a vector of coefficients too. Neither
spectra nor reference values of the old calibration are needed.

Takes about 20 seconds on two cores.
"""

# %%
# The data
# --------
# Two simulated instruments represent the old and the new one; forty samples were measured on both,
# and ten of them are the standards. The old calibration is made here by a PLS regression, and
# written as a table that any spreadsheet can write: a heading with the unit of the axis, a row for
# the intercept, and one row for each channel.
#
# ``random_state=1`` draws two instruments that differ strongly: the RMSEP of the old calibration on
# the new one is 0.027. With 0, 2, 3 and 4 it is 0.003 to 0.032 before and 0.001 to 0.004 after the
# transfer; with 0 the two are similar from the start, and nothing is gained.

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
# :class:`~skspektron.io.LinearCalibration` refuses a table with a gap, a NaN or an axis that is not
# monotonic. The result is a fitted scikit-learn regressor. Compare its prediction for one spectrum
# with that of the other software: a different treatment of the spectra, such as reflectance instead
# of absorbance, is only visible here.

old = LinearCalibration.from_csv(exported)
X_old, X_new, y = history.X["old"][60:], history.X["new"][60:], history.y[60:, 0]
ids = history.sample_id[60:]
print(f"on the old instrument: RMSEP {rmsep(y, old.predict(X_old)):.4f}")
print(f"on the new instrument: RMSEP {rmsep(y, old.predict(X_new)):.4f}")

# %%
# Transfer it
# -----------
# ``FrozenEstimator`` keeps the calibration unchanged. Ten samples measured on both instruments are
# the standards. Their reference values are not known, but source rows need a value, so they get the
# predictions of the old calibration. ``trained_on=[]`` states that the calibration was made on none
# of these samples.

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
# Piecewise direct standardization and PLS are both linear, so together they are one vector again.
# ``from_estimator`` computes it, compares its predictions with those of the transfer on random
# spectra and on the given ones, and refuses steps that are not linear (such as SNV), by name.

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
for name, model in {"old": old, "transferred": again}.items():
    y_pred = model.predict(X_new[test])
    print(f"{name:<11} RMSEP {rmsep(y[test], y_pred):.4f}  bias {bias(y[test], y_pred):+.4f}")

# %%
# The two vectors
# ---------------
# The new coefficients are those of the old calibration in the channels of the new instrument:
# shifted, broadened, scaled. A vector of a very different shape, much rougher than the old one,
# would indicate that noise of the standards was taken for a difference between the instruments.

fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(history.wavelength, old.coef_, "k--", linewidth=1, label="old instrument")
ax.plot(history.wavelength, new.coef_, color="#0072B2", label="new instrument")
ax.set(xlabel="wavelength (nm)", ylabel="coefficient (mass fraction per absorbance)")
ax.legend(frameon=False)
plt.show()

# %%
# Limitations
# -----------
# A vector does not show when its predictions are unreliable: keep the spectra of the calibration
# where you can, and see :class:`~skspektron.reliability.ApplicabilityDomain`. If the other software
# applies SNV first, its coefficients apply to SNV spectra: transfer
# ``FrozenEstimator(make_pipeline(SNV(), old))``. The result is not a vector, and is saved with
# joblib.

folder.cleanup()

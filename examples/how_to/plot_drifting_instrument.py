"""
An instrument that drifts
=========================

A lamp ages, a grating warms up, a window gets dusty: the spectra of an instrument change a little
every week, and predictions go wrong before anybody notices. Reference values that would
show it come late and cost money. The spectra themselves come every day.

:class:`~skspektron.reliability.ApplicabilityDomain` watches them, and says when the calibration no
longer knows what it is shown. Ten samples that were kept, measured again, then bring it back.

Takes about 40 seconds on two cores.
"""

# %%
# An instrument, and what happens to it
# -------------------------------------
# The instrument is simulated, and so is its drift: every week its wavelength scale moves by
# 0.03 nm, and the ageing lamp bends the baseline and takes 0.1 % of the signal. Eighty samples
# make the calibration, PLS behind SNV. Twenty routine samples come every week. Whenever a sample
# is put into the cup again, it scatters light a little differently; SNV, which looks at one
# spectrum at a time, takes most of that off and is applied to all spectra at once.

import numpy as np
from sklearn.cross_decomposition import PLSRegression

from skspektron import SNV
from skspektron.datasets import make_instruments

N_WEEKS, N_ROUTINE = 16, 20
n_samples = 80 + N_ROUTINE * (N_WEEKS + 1)
lab = make_instruments(n_samples, ("then", "later"), distortion=0, random_state=4)
y, bend = lab.y[:, 0], np.linspace(-1, 1, len(lab.wavelength)) ** 2


def measure(samples, week):
    """Return spectra, behind SNV, of samples put into the cup again after weeks of drift."""
    X = lab.X["later"][samples]
    moved = [np.interp(lab.wavelength + 0.03 * week, lab.wavelength, x) for x in X]
    return SNV().fit_transform((1 - 0.001 * week) * np.array(moved) + 0.0005 * week * bend)


X_cal, y_cal = SNV().fit_transform(lab.X["then"][:80]), y[:80]
routine = [slice(80 + N_ROUTINE * week, 100 + N_ROUTINE * week) for week in range(N_WEEKS + 1)]
calibration = PLSRegression(8).fit(X_cal, y_cal)

# %%
# Watching the spectra
# --------------------
# The domain is fitted to the calibration's own spectra. Of every week's spectra it tells
# Hotelling's T2, how far a sample is from the average in what the calibration knows, and Q,
# how much of the spectrum it does not know. Five spectra in a hundred are outside when
# nothing is wrong. Of twenty, more than four are outside by chance in less than one week in a
# hundred: that is the alarm.

from scipy.stats import binom

from skspektron.reliability import ApplicabilityDomain

domain = ApplicabilityDomain(calibration, confidence_level=0.95).fit(X_cal, y_cal)
weeks = [domain.statistics(measure(rows, week)) for week, rows in enumerate(routine)]
n_outside = np.array([np.count_nonzero(~week.inside) for week in weeks])
allowed = int(binom.ppf(0.99, N_ROUTINE, 0.05))
alarm = int(np.argmax(n_outside > allowed))
print("outside in each week:", *n_outside)
print(f"alarm in week {alarm}: {n_outside[alarm]} of {N_ROUTINE} outside, {allowed} allowed")

# %%
# Because this is a simulation, the error of the predictions is known as well. In a laboratory it
# is not: the two upper panels are all there is to look at.

import matplotlib.pyplot as plt

from skspektron.metrics import rmsep


def error(model, week):
    """Return RMSEP of a week's routine samples."""
    return rmsep(y[routine[week]], np.ravel(model.predict(measure(routine[week], week))))


errors = [error(calibration, week) for week in range(N_WEEKS + 1)]
figure, axes = plt.subplots(3, 1, figsize=(7, 7), sharex=True, layout="constrained")
for ax, name, limit in (
    (axes[0], "hotelling_t2", domain.hotelling_t2_limit_),
    (axes[1], "q_residuals", domain.q_residuals_limit_),
):
    for week, found in enumerate(weeks):
        ax.plot([week] * N_ROUTINE, found[name], "o", color="0.4", markersize=3)
    ax.axhline(limit, color="black", linestyle="--", label="limit")
    ax.axvline(alarm, color="#D55E00", linestyle=":", label="alarm")
    ax.set_yscale("log")
axes[0].set(ylabel="Hotelling's T²")
axes[0].legend(loc="upper left", fontsize="small")
axes[1].set(ylabel="Q residuals")
axes[2].plot(errors, "s-", color="#0072B2")
axes[2].axvline(alarm, color="#D55E00", linestyle=":")
_ = axes[2].set(xlabel="Week", ylabel="RMSEP (not known)", ylim=(0, None))

# %%
# Bringing the calibration back
# -----------------------------
# Ten of the calibration samples were kept in a closed jar. They are measured again
# in the last week. The instrument of today is the target, that of week 0 the source; no sample is
# analysed again. The transfer works behind SNV too: before it, the ten standards would have to
# teach it how they lay in the cup on both occasions.

from skspektron import PDSTransfer, stack_instruments
from skspektron.model_selection import kennard_stone

kept = kennard_stone(X_cal)[:10]
rows = {
    "then": (X_cal, y_cal, np.arange(80)),
    "now": (measure(kept, N_WEEKS), y_cal[kept], kept),
}
X_rows, y_rows, instrument, sample_id = stack_instruments(rows)
transfer = PDSTransfer(calibration, source="then", target="now", n_transfer=10)
transfer.fit(X_rows, y_rows, instrument=instrument, sample_id=sample_id)

# %%
# Predicted against reference values of the last week's samples, by the old calibration and by the
# transferred one. The drift shows as a bias; with the transfer the points are back at the 1:1 line.

from skspektron.inspection import PredictionDisplay

X_last, y_last = measure(routine[-1], N_WEEKS), y[routine[-1]]
figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, name, model in ((axes[0], "drifted", calibration), (axes[1], "transferred", transfer)):
    PredictionDisplay.from_estimator(model, X_last, y_last, unit="g/g", ax=ax)
    ax.set_title(f"Week {N_WEEKS}, {name}")

print(f"RMSEP in week 0: {errors[0]:.2g}, in week {N_WEEKS}: {errors[-1]:.2g},")
print(f"with ten samples measured again: {error(transfer, N_WEEKS):.2g}")

# %%
# Watching on
# -----------
# What the transfer leaves of the drift is in every spectrum from now on. Here that is little, and
# the old limits go on serving. Where they shut out many spectra of good samples, new
# ones come from routine spectra behind the transfer, which need no reference values; here
# forty, measured beside the kept samples.

from sklearn.frozen import FrozenEstimator

seen = transfer.transform(np.concatenate([measure(rows, N_WEEKS) for rows in routine[-3:-1]]))
renewed = ApplicabilityDomain(FrozenEstimator(transfer.estimator_)).fit(seen)
for name, watch in (("old", domain), ("renewed", renewed)):
    n = np.count_nonzero(~watch.statistics(transfer.transform(X_last)).inside)
    print(f"{name} limits: {n} of {N_ROUTINE} outside")

# %%
# What this cannot do
# -------------------
# T2 and Q see a change of the spectra, not an error of the predictions. A drift in a direction
# that the calibration ignores raises the alarm for nothing; one that looks like more of the
# analyte does not raise it. A control sample with a known value, measured every week, sees the
# latter. A new kind of sample raises the same alarm as a drift: look at what changed before
# transferring.

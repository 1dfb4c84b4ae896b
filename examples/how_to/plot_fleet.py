"""
Three old instruments and a new one
===================================

Three sites have measured the same property for years, each with an instrument of another make and
with few samples of its own. A fourth instrument is bought. This guide calibrates on the rows of all
three, transfers that calibration to the new instrument with ten standards, and compares it with the
calibrations of single sites.

Takes about 15 seconds on two cores.
"""

# %%
# The data
# --------
# Each site measured and analysed 12 samples of its own, and 12 more were sent around in a ring
# test. Ten of these are also measured on the new instrument: the standards. 40 other samples,
# measured on the new instrument, are the test set. Every instrument has an axis of its own, and all
# spectra are simulated.

import matplotlib.pyplot as plt
import numpy as np

from skspektron.datasets import make_instruments
from skspektron.model_selection import stack_instruments

axes = {
    "north": np.arange(1100.0, 2300.0, 8.0),
    "south": np.arange(1050.0, 2200.0, 10.0),
    "west": np.arange(1150.0, 2400.0, 7.0),
    "new": np.arange(1000.0, 2250.0, 9.0),
}
ring, test_samples = np.arange(12), np.arange(48, 88)
measured = {
    "north": np.r_[ring, 12:24],
    "south": np.r_[ring, 24:36],
    "west": np.r_[ring, 36:48],
    "new": np.r_[ring[:10], test_samples],
}


def measure(seed):
    """Return stacked rows of four instruments, and which of them are test rows."""
    lab = make_instruments(88, tuple(axes), n_components=8, wavelength=axes, random_state=seed)
    y = 100 * lab.y[:, 0]  # % by mass
    rows = stack_instruments(
        {name: (lab.X[name][of], y[of], of) for name, of in measured.items()}, wavelength=axes
    )
    return *rows, np.isin(rows[3], test_samples)


X, y, instrument, sample_id, is_test = measure(seed=0)
print(X.shape, {name: int((instrument == name).sum()) for name in axes})

# %%
# ``stack_instruments`` places the rows on one merged axis, with NaN where an instrument does not
# measure, and ``sample_id`` says which rows are the same sample.
#
# All of them as sources
# ----------------------
# ``source=`` takes a list. The calibration is fitted to the rows of all three, at the channels of
# the first within the range that all instruments cover; the rows of the others are interpolated.
# Each standard gives difference spectra of all pairs of instruments that measured it: three between
# an old and the new instrument, three between two old ones. NAR penalizes all of them.

from skspektron.transfer import NARTransfer

old = ["north", "south", "west"]
model = NARTransfer(source=old, target="new", n_transfer=10)
train = ~is_test
model.fit(X[train], y[train], instrument=instrument[train], sample_id=sample_id[train])
ends = X.columns[model.source_channels_[[0, -1]]]
print(f"sources {model.source_}, target {model.target_!r}, {ends[0]} to {ends[-1]}")

# %%
# The fitted model predicts spectra of every instrument, if it is given their labels: those of an
# old one by the calibration of all three, those of the new one by the transferred calibration.

some = np.r_[12:14, 36:38, 60:62, len(X) - 2 : len(X)]
predicted = model.predict(X.iloc[some], instrument=instrument[some])
for name, value, reference in zip(instrument[some], predicted, y[some], strict=True):
    print(f"{name:<6} predicted {value:5.2f} %, reference {reference:5.2f} %")

# %%
# One source, or all
# ------------------
# The same for six fleets of other instruments and products, and for each site alone.

from skspektron.metrics import rmsep

errors = np.empty((6, 4))
for seed, of_fleet in enumerate(errors):
    X, y, instrument, sample_id, is_test = measure(seed)
    train = ~is_test
    for k, source in enumerate([*old, old]):
        each = NARTransfer(source=source, target="new", n_transfer=10)
        each.fit(X[train], y[train], instrument=instrument[train], sample_id=sample_id[train])
        of_fleet[k] = rmsep(y[is_test], each.predict(X[is_test]))

alone, together = errors[:, :3], errors[:, 3]
ratio = np.exp(np.log(together / np.exp(np.log(alone).mean(axis=1))).mean())
print(f"RMSEP of all sources over that of one: {ratio:.2f} (geometric mean of 6 fleets)")
print("better than the mean site:", int((together < alone.mean(axis=1)).sum()), "of 6")
print("better than the best site:", int((together < alone.min(axis=1)).sum()), "of 6")
print("worse than the worst site:", int((together > alone.max(axis=1)).sum()), "of 6")

# %%
figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
fleets = np.arange(1, 7)
for k, (name, marker) in enumerate(zip(old, "osv", strict=True)):
    ax.plot(fleets, alone[:, k], marker, color="0.6", label=f"{name} alone")
ax.plot(fleets, together, "D", color="#0072B2", label="all three")
ax.set(xlabel="fleet", ylabel="RMSEP, % by mass", ylim=(0, None), xticks=fleets)
ax.legend(ncols=2)
figure.show()

# %%
# Interpretation
# --------------
# In five of six fleets, the rows of all three sites give a lower error than those of one site do on
# average, and in two a lower one than the best site. Before the new instrument has reference
# values, nobody knows which site is the best. The calibration has three times the samples, and has
# learnt from the old instruments how instruments differ.
#
# Which instruments to use is a parameter like any other. With a few dozen samples that the new
# instrument has measured and the laboratory has analysed, search over lists, as
# ``GridSearchCV(NARTransfer(target="new"), {"source": ["north", ["north", "south"], old]})``, with
# the folds of :class:`~skspektron.model_selection.TransferGroupKFold`, which hold out a sample on
# all instruments.
#
# Limitations
# -----------
# The reference values of the sites must agree: a bias of one laboratory enters the calibration, and
# the ring test is the way to find it. Nothing is extrapolated, so an instrument with a narrow range
# narrows that of all; omit it if it lacks the bands that matter. The more samples each site has of
# its own, and the more alike the instruments are, the less the others add.

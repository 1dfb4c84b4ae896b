"""
Ten minutes on corn
===================

A laboratory has a calibration for moisture on its NIR instrument *m5*. It buys a second one,
*mp6*, and wants the same calibration to work there. Eighty samples of corn were measured on both,
so that the ways of doing this can be compared. All classes follow scikit-learn: fit, predict,
pipelines, searches.

The spectra are downloaded once (or read from the folder that ``SKSPEKTRON_DATA`` names). Where
that fails, simulated instruments take their place, and the numbers differ from those in the text.

Takes about 120 seconds on two cores.
"""

# %%
# Two instruments, the same samples
# ---------------------------------
# `~skspektron.datasets.fetch_corn` returns the spectra of each instrument, 80 samples by 700
# channels, and four properties. The two instruments measure different spectra of the same samples.

import matplotlib.pyplot as plt
import numpy as np

from skspektron.datasets import fetch_corn, make_instruments

try:
    corn = fetch_corn()
except OSError:
    print("The corn spectra could not be downloaded: the instruments are simulated.")
    corn = make_instruments(80, ("m5", "mp6"), random_state=0)
    corn.y = 100 * corn.y  # mass fraction to percent
moisture = corn.y[:, 0]
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, style in {"m5": "-", "mp6": "--"}.items():
    ax.plot(corn.wavelength, corn.X[name].mean(axis=0), style, label=name)
ax.set(xlabel="Wavelength, nm", ylabel="Mean absorbance")
ax.legend()

# %%
# A calibration, and its error on the other instrument
# ----------------------------------------------------
# `~skspektron.preprocessing.SNV` removes the scatter, and PLS predicts moisture. The last 20
# samples are held out, on both instruments.

from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron import SNV
from skspektron.metrics import rmsep

calibration = make_pipeline(SNV(), PLSRegression(10, scale=False))
calibration.fit(corn.X["m5"][:60], moisture[:60])
for name in ("m5", "mp6"):
    error = rmsep(moisture[60:], calibration.predict(corn.X[name][60:]))
    print(f"RMSEP on {name:<4} {error:.2f} % moisture")
print(f"standard deviation of the 20 reference values {moisture[60:].std(ddof=1):.2f} %")

# %%
# On the new instrument the error is larger than the standard deviation of the samples: predicting
# their mean would be better. The calibration has to be transferred.
#
# Stacked rows
# ------------
# A transfer takes the rows of both instruments, stacked. Each row has the name of its instrument
# and the id of the physical sample: rows of one sample are paired by their id, in any order.

from skspektron import stack_instruments

X, y, instrument, sample_id = stack_instruments(
    {name: (corn.X[name], moisture, corn.sample_id) for name in ("m5", "mp6")}
)
X.shape, np.unique(instrument)

# %%
# A split without leakage
# -----------------------
# An ordinary split puts a sample on both sides: once as measured on m5 and once as measured on mp6.
# `~skspektron.model_selection.TransferShuffleSplit` keeps all rows of a sample on one side, and
# tests on rows of the target only.

from skspektron.model_selection import TransferShuffleSplit

metadata = {"instrument": instrument, "sample_id": sample_id}
cv = TransferShuffleSplit(n_splits=4, target="mp6", test_size=20, random_state=0)
splits = list(cv.split(X, y, **metadata))
train, test = splits[0]
print(len(train), "training rows,", len(test), "test rows of", np.unique(instrument[test]))

# %%
# Transfer it with ten standards
# ------------------------------
# Standards are samples measured on both instruments. A transfer contains the calibration that it
# transfers, and selects `n_transfer` standards among the training samples.
# `~skspektron.transfer.PDSTransfer` maps spectra of mp6 to those of m5.
# `~skspektron.transfer.EnsembleTransfer` is a weighted average of ridge calibrations, one set per
# preprocessing; the weights come from cross-validation.

from skspektron.transfer import EnsembleTransfer, NoTransfer, PDSTransfer

here = {"source": "m5", "target": "mp6"}
methods = {
    "no transfer": NoTransfer(calibration, **here),
    "PDS": PDSTransfer(calibration, **here),
    "ensemble": EnsembleTransfer(wavelength=corn.wavelength, **here),
}
rows = {name: value[train] for name, value in metadata.items()}
for name, method in methods.items():
    method.set_params(n_transfer=10).fit(X[train], y[train], **rows)
    print(f"{name:<12} RMSEP {rmsep(y[test], method.predict(X[test])):.2f} % moisture")

# %%
# `summary` of a fitted transfer lists what it used: the rows and channels of each instrument, the
# settings that cross-validation chose, and the standards with their weights.

methods["PDS"].summary()

# %%
# How many standards?
# -------------------
# One split is not enough for a comparison. `~skspektron.model_selection.TransferCurveDisplay`
# repeats it over the splits, for several numbers of standards. The horizontal line is a new
# calibration with all 60 labels on mp6. Lines are medians, bands quartiles.

from skspektron.model_selection import TransferCurveDisplay
from skspektron.transfer import TargetOnly

display = TransferCurveDisplay.from_estimators(
    {name: methods[name] for name in ("PDS", "ensemble")},
    X,
    y,
    **metadata,
    n_transfer=[2, 5, 10, 30],
    cv=splits,
    recalibration=TargetOnly(calibration, **here, n_transfer=None),
)
display.ax_.set_ylabel("RMSEP, % moisture")
_ = display.ax_.set_ylim(bottom=0)
# sphinx_gallery_thumbnail_number = 2

# %%
# Twenty held-out samples and four splits are still few, as the bands show. `n_transfer` is a
# parameter like any other, so a search can choose it. The best mean score may be best by chance;
# `~skspektron.model_selection.fewest_within_one_se` takes the fewest standards within one standard
# error of it. If it takes the largest number tried, the error is still decreasing, or the splits
# are too few to decide.

from sklearn.model_selection import GridSearchCV

from skspektron.model_selection import fewest_within_one_se

search = GridSearchCV(
    PDSTransfer(calibration, **here),
    {"n_transfer": [2, 5, 10, 20, 30]},
    scoring="neg_root_mean_squared_error",
    cv=splits,
    refit=fewest_within_one_se,
)
search.fit(X, y, **metadata)
taken = search.best_params_["n_transfer"]
sizes, scores = (search.cv_results_[key] for key in ("param_n_transfer", "mean_test_score"))
for n, score in zip(sizes, scores, strict=True):
    print(f"{n:>2} standards: RMSEP {-score:.3f}{' (taken)' if n == taken else ''}")

# %%
# A pretrained network in the pipeline
# ------------------------------------
# `~skspektron.foundation.SpektronEmbedder` computes features of a spectrum with a small pretrained
# network. It needs no training and no GPU. Use it after `SNV` and before PLS, and use the pipeline
# in any transfer.

from skspektron import SpektronEmbedder

embedding = make_pipeline(
    SNV(), SpektronEmbedder(wavelength=corn.wavelength), PLSRegression(10, scale=False)
)
embedding.fit(corn.X["m5"][:60], moisture[:60])
print(
    f"on m5:               RMSEP {rmsep(moisture[60:], embedding.predict(corn.X['m5'][60:])):.2f} %"
)
transfer = PDSTransfer(embedding, **here, n_transfer=10).fit(X[train], y[train], **rows)
print(f"PDS, ten standards:  RMSEP {rmsep(y[test], transfer.predict(X[test])):.2f} %")

# %%
# Compare these two errors with those above: on m5, SNV and PLS alone did better, and on mp6 the
# ensemble of `EnsembleTransfer`, which needs no network. :doc:`/evidence` describes where the
# embedding helps.
#
# How reliable is a prediction?
# -----------------------------
# Now the practical situation: 60 samples on m5, and only ten of them, drawn at random, measured and
# analysed on mp6. `~skspektron.reliability.ConformalTransfer` holds out each of the ten in turn and
# computes intervals from the errors: nine in ten new samples should be within theirs.

from skspektron import ConformalTransfer
from skspektron.inspection import PredictionDisplay

ten = np.random.default_rng(0).choice(np.unique(sample_id[train]), size=10, replace=False)
known = train[(instrument[train] == "m5") | np.isin(sample_id[train], ten)]
rows = {name: value[known] for name, value in metadata.items()}
model = ConformalTransfer(EnsembleTransfer(wavelength=corn.wavelength, **here))
model.fit(X[known], y[known], **rows)
y_pred, intervals = model.predict_interval(X[test])
inside = (intervals[:, 0] <= y[test]) & (y[test] <= intervals[:, 1])
print(f"{inside.sum()} of {len(test)} reference values are within their 90 % interval")
PredictionDisplay.from_estimator(model, X[test], y[test], unit="% moisture")

# %%
# Twenty samples cannot verify 90 %; :doc:`/intervals` has the coverage over many draws.
#
# When not to use a prediction
# ----------------------------
# An interval is valid for samples like those of the calibration.
# `~skspektron.reliability.ApplicabilityDomain` returns whether a spectrum is like them: Hotelling's
# T2 is large for a sample that is more extreme, Q for one with features that they do not have. Here
# a band that corn does not have is added to a spectrum of mp6.

from skspektron.reliability import ApplicabilityDomain

on_mp6 = instrument[train] == "mp6"
domain = ApplicabilityDomain(make_pipeline(SNV(), PLSRegression(5, scale=False)))
domain.fit(X[train][on_mp6], y[train][on_mp6])
strange = X[test][0] + 0.05 * np.exp(-0.5 * ((corn.wavelength - 1700) / 15) ** 2)
print("held-out samples inside:", int((domain.predict(X[test]) == 1).sum()), "of", len(test))
print("with a foreign band:", "inside" if domain.predict([strange])[0] == 1 else "outside")

# %%
# Next steps
# ----------
# :doc:`/which_method` helps to choose a transfer by the data that you have. The :doc:`how-to guides
# </auto_examples/how_to/index>` cover further cases: no standards, other axes, drift, lamps, other
# software.

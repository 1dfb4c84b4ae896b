"""
A classifier on another instrument
==================================

A classifier sorts samples by their spectra: within specification or not, one origin or another. It
was made on the old instrument, and is to work on the new one, which has measured ten of the
samples. What moves is the spectrum: a map from the new instrument to the old one is a transformer,
which goes before any classifier.

Takes about 12 seconds on two cores.
"""

# %%
# The data
# --------
# Two simulated instruments that measured the same 100 samples, of three varieties. Each variety is
# rich in one of three compounds: a sample belongs to the variety whose compound it has most of,
# relative to the mean of all. Some samples have much of two, and are hard to assign.
# `~skspektron.model_selection.stack_instruments` takes names of classes as it takes numbers. Ids of
# samples pair the rows of both instruments.

import matplotlib.pyplot as plt
import numpy as np

from skspektron.datasets import load_two_instruments
from skspektron.model_selection import TransferShuffleSplit, kennard_stone, stack_instruments

lab = load_two_instruments()
compounds = lab.y[:, [0, 1, 3]]
relative = (compounds - compounds.mean(axis=0)) / compounds.std(axis=0)
variety = np.array(["Alba", "Bruna", "Clara"])[np.argmax(relative, axis=1)]
X, y, instrument, sample_id = stack_instruments(
    {name: (spectra, variety, lab.sample_id) for name, spectra in lab.X.items()}
)
print({str(name): int(n) for name, n in zip(*np.unique(variety, return_counts=True), strict=True)})

# %%
# A split without leakage
# -----------------------
# A sample must not train and test, on whichever instrument it was measured.
# `~skspektron.model_selection.TransferShuffleSplit` keeps all rows of a sample on one side, and the
# test rows are those of the new instrument. Everything that learns is fitted inside a split: the
# classifier on rows of the old instrument, the map on ten standards among the training samples, and
# nothing on a test sample. `train_test_split` would put the rows of a sample on both sides.

cv = TransferShuffleSplit(n_splits=8, target="new", test_size=25, random_state=0)
splits = list(cv.split(X, y, instrument=instrument, sample_id=sample_id))


def standards(train, n):
    """Return the rows of `n` training samples on the new and on the old instrument."""
    old, new = (train[instrument[train] == name] for name in ("old", "new"))
    chosen = sample_id[old[kennard_stone(X[old])[:n]]]
    by_id = [rows[np.argsort(sample_id[rows])] for rows in (new, old)]
    return [rows[np.isin(sample_id[rows], chosen)] for rows in by_id]


# %%
# Classifiers and maps
# --------------------
# The first classifier is a logistic regression on preprocessed spectra. The second is PLS-DA [1]_:
# PLS regression of one indicator, 0 or 1, for each class; the class with the largest prediction is
# taken. Both are fitted on the old instrument and frozen: `FrozenEstimator` makes sure that nothing
# fits them again. The maps need no classes, only spectra of the standards on both instruments.

from chemotools.derivative import SavitzkyGolay
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from skspektron import SNV
from skspektron.transfer import DS, PDS


class PLSDA(ClassifierMixin, BaseEstimator):
    """PLS discriminant analysis: the class whose indicator is predicted largest."""

    def __init__(self, n_components=6):
        self.n_components = n_components

    def fit(self, X, y):
        """Regress the indicators of the classes on the spectra."""
        self.binarizer_ = LabelBinarizer().fit(y)
        self.classes_ = self.binarizer_.classes_
        self.pls_ = PLSRegression(self.n_components, scale=False)
        self.pls_.fit(X, self.binarizer_.transform(y))
        return self

    def predict(self, X):
        """Return the names of the classes."""
        return self.classes_[np.argmax(self.pls_.predict(X), axis=1)]


derivative = SavitzkyGolay(window_length=15, polyorder=2, deriv=1)
classifiers = {
    "logistic regression": make_pipeline(
        SNV(), derivative, StandardScaler(), LogisticRegression(C=10, max_iter=500)
    ),
    "PLS-DA": make_pipeline(SNV(), derivative, PLSDA()),
}
maps = {"no map": None, "DS": DS(), "PDS": PDS(window_length=21)}

# %%
# Accuracy on the new instrument
# ------------------------------
# The last column is a new classifier, fitted on all 75 training samples as the new instrument
# measured them.

from sklearn.base import clone

scores = {}
for train, test in splits:
    old, new = (train[instrument[train] == name] for name in ("old", "new"))
    on_new, on_old = standards(train, 10)
    for name, classifier in classifiers.items():
        frozen = FrozenEstimator(clone(classifier).fit(X[old], y[old]))
        for kind, spectral_map in maps.items():
            model = frozen
            if spectral_map is not None:
                model = make_pipeline(clone(spectral_map).fit(X[on_new], X[on_old]), frozen)
            scores.setdefault((name, kind), []).append(model.score(X[test], y[test]))
        recalibrated = clone(classifier).fit(X[new], y[new])
        scores.setdefault((name, "new classifier"), []).append(recalibrated.score(X[test], y[test]))

columns = [*maps, "new classifier"]
print(f"{'accuracy':<22}" + "".join(f"{kind:>15}" for kind in columns))
for name in classifiers:
    print(f"{name:<22}" + "".join(f"{np.mean(scores[name, kind]):>15.2f}" for kind in columns))

# %%
# PLS-DA in any transfer
# ----------------------
# PLS-DA is a regression with several targets, so every transfer method carries it, also those that
# map no spectra: `y` is the matrix of indicators, and the class is that of the largest prediction.
# A transfer chooses its standards and its settings itself.

from skspektron.transfer import NARTransfer, NoTransfer

indicators = LabelBinarizer().fit_transform(y).astype(float)
names = LabelBinarizer().fit(y).classes_
calibration = make_pipeline(SNV(), derivative, PLSRegression(6, scale=False))
for method in (NoTransfer, NARTransfer):
    accuracy = []
    for train, test in splits:
        model = method(calibration, source="old", target="new", n_transfer=10)
        labels = {"instrument": instrument[train], "sample_id": sample_id[train]}
        model.fit(X[train], indicators[train], **labels)
        taken = names[np.argmax(model.predict(X[test]), axis=1)]
        accuracy.append(np.mean(taken == y[test]))
    print(f"{method.__name__:<12} accuracy {np.mean(accuracy):.2f}")

# %%
# How wrong are the mistakes?
# ---------------------------
# Accuracy counts each mistake once. The confusion matrix of the last split shows which they are.

from sklearn.metrics import ConfusionMatrixDisplay

figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained", sharey=True)
fitted = make_pipeline(PDS(window_length=21).fit(X[on_new], X[on_old]), frozen)
for ax, title, classifier in zip(axes, ("no map", "PDS"), (frozen, fitted), strict=True):
    predicted = classifier.predict(X[test])
    ConfusionMatrixDisplay.from_predictions(y[test], predicted, ax=ax, colorbar=False, cmap="Greys")
    ax.set_title(f"PLS-DA, {title}")
plt.show()

# %%
# Interpretation
# --------------
# Without a map, logistic regression assigns half of the samples correctly and PLS-DA no more than
# chance, a third. With ten standards, either map brings logistic regression close to a new
# classifier that knows the varieties of 75 samples on the new instrument. PLS-DA is the weaker
# classifier on both instruments, and a map cannot make it better than it was. `NARTransfer`, which
# recalibrates it on the old spectra with a penalty on the differences of the standards, keeps as
# much of it as a new one. All figures are means over eight splits of 100 samples, with a standard
# error of about 0.03: differences below twice that are not differences between methods.
#
# Limitations
# -----------
# Standards must cover what varies among the samples of all classes: a map that is learnt from one
# class extrapolates to the others. Classes with different variation, such as a foreign material
# that no standard has, are not mapped reliably; `~skspektron.reliability.ApplicabilityDomain` on
# the mapped spectra shows part of them. Probabilities of a frozen classifier are those of the old
# instrument: check them on samples of known variety,
# measured on the new one, before a threshold rests on them.
#
# References
# ----------
# .. [1] Barker & Rayens, J. Chemom. 17 (2003) 166-173.

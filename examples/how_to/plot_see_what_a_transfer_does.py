"""
See what a transfer does
========================

RMSEP shows that a transfer works, but not what it does. This guide draws the spectra, the embedding
of the network, the predictions, the applicability domain of the calibration, and the network
itself. Every figure takes one line, and every display has its axes as `ax_`, so it can be part of a
figure of your own.

Takes about 60 seconds on two cores.
"""

# %%
# Two instruments
# ---------------
# The instruments are simulated. Sixty samples were measured on both, and ten of them become
# standards. Forty others, which the transfer has not used, are drawn. Forty more are routine
# samples measured on the new instrument only.

from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron import SNV, PDSTransfer, stack_instruments
from skspektron.datasets import make_instruments

lab = make_instruments(140, ("old", "new"), random_state=3)
X, y, instrument, sample_id = stack_instruments(
    {name: (X, lab.y[:, 0], lab.sample_id) for name, X in lab.X.items()}
)
known, others = sample_id <= 60, (sample_id > 60) & (sample_id <= 100)
training = {"instrument": instrument[known], "sample_id": sample_id[known]}
test = {"instrument": instrument[others], "sample_id": sample_id[others]}

calibration = make_pipeline(SNV(), PLSRegression(8))
pds = PDSTransfer(calibration, source="old", target="new", n_transfer=10)
pds.fit(X[known], y[known], **training)

# %%
# The spectra
# -----------
# The upper panel shows the mean spectrum of the forty samples on the old instrument, on the new
# one, and after PDS. The lower panel shows the remaining difference: the line is the mean, the band
# the range over the samples. The band does not vanish, because a sample scatters light differently
# each time it is presented, which no transfer can know. Draw samples that are not standards, since
# standards are reproduced better than other samples; the title gives the number of standards among
# them.

from skspektron.inspection import TransferSpectraDisplay

display = TransferSpectraDisplay.from_estimator(pds, X[others], **test, wavelength=lab.wavelength)
print(f"RMS difference: {display.rms_before_:.3f} before, {display.rms_after_:.3f} after")

# %%
# With standards and a map alone, pass arrays instead:
# ``TransferSpectraDisplay(X_old, X_new, pds_map.transform(X_new), wavelength=...)``.
#
# The embedding
# -------------
# A `LoRATransfer` leaves the spectra unchanged and adapts the network that embeds them. Both panels
# show the same two principal components; the lines connect the two spectra of a sample. The
# variation common to both instruments lies along the second component. The title gives the distance
# between the instruments in all dimensions, relative to the mean distance of a sample from the
# average of all.

from skspektron import LoRATransfer, SpektronEmbedder
from skspektron.inspection import EmbeddingDisplay

embedded = make_pipeline(
    SNV(), SpektronEmbedder(wavelength=lab.wavelength), PLSRegression(8, scale=False)
)
lora = LoRATransfer(embedded, source="old", target="new", max_epochs=10, random_state=0)
lora.fit(X[known], y[known], **training)
_ = EmbeddingDisplay.from_estimator(lora, X[others], **test)

# %%
# A transfer that maps spectra can be drawn with any transformer applied to its output, such as the
# same embedding before adaptation.

_ = EmbeddingDisplay.from_estimator(pds, X[others], **test, features=lora.estimator_[:2])

# %%
# The predictions
# ---------------
# Points along a line of their own, off the dashed line, indicate an offset or a wrong slope, which
# a few reference values can correct. Scattered points cannot be corrected in this way. Without and
# with transfer:

import matplotlib.pyplot as plt

from skspektron.inspection import PredictionDisplay

X_new, y_new = X[others & (instrument == "new")], y[others & (instrument == "new")]
figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, name, model in ((axes[0], "Without", pds.estimator_), (axes[1], "With", pds)):
    PredictionDisplay.from_estimator(model, X_new, y_new, unit="g/g", ax=ax)
    ax.set_title(f"{name} transfer")

# %%
# For a `ConformalTransfer`, the same line also draws the prediction intervals.
#
# The applicability domain
# ------------------------
# Hotelling's T2 and Q of the forty samples, computed by the calibration after PDS. The limits come
# from the routine samples of the new instrument, which have no reference values. A band that no
# sample has was added to one spectrum: it is outside, and the panel on the right shows the error of
# its prediction.

import numpy as np
from sklearn.frozen import FrozenEstimator

from skspektron.inspection import InfluenceDisplay
from skspektron.reliability import ApplicabilityDomain

X_strange = X_new.copy()
X_strange[7] += 0.05 * np.exp(-(((lab.wavelength - 1720) / 20) ** 2) / 2)
domain = ApplicabilityDomain(FrozenEstimator(pds.estimator_))
domain.fit(pds.transform(lab.X["new"][100:]))
print("outside of 40:", (domain.predict(pds.transform(X_new)) == -1).sum())
_ = InfluenceDisplay.from_estimator(
    domain, pds.transform(X_strange), y_new, sample_id=np.arange(61, 101), unit="g/g"
)

# %%
# The network
# -----------
# The filters of its first layer: the resonances of the oscillators, as poles in the upper panel and
# as gain in the lower one. Frequencies are in cycles per token; the upper axis converts them to nm.

from skspektron.inspection import FilterDisplay, ReconstructionDisplay

_ = FilterDisplay.from_estimator(lora.estimator_[1], layer=0)

# %%
# The reconstruction of a spectrum with a third of its channels hidden, by the weights "masked",
# which were trained for this. The title compares the error with those of linear interpolation
# across every gap and of the mean of all forty spectra. The network corrects the interpolation. The
# spectra of this product, which it has not seen, are so similar that their mean is hard to improve
# on.

X_snv = SNV().fit_transform(X_new)
masked = SpektronEmbedder("masked", wavelength=lab.wavelength).fit(X_snv)
_ = ReconstructionDisplay.from_estimator(masked, X_snv, n_spectra=2, random_state=0)

# %%
# Limitations
# -----------
# Two components are a small part of an embedding, and small differences between spectra may matter
# much for the calibration. No figure replaces RMSEP on samples that neither the calibration nor the
# transfer has seen.

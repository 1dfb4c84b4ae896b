"""
See what a transfer does
========================

A transferred calibration is a number that got smaller. This page draws what is behind it: the
spectra, the embedding of the network, the predictions, the distance from what the calibration
knows, and the network itself. Every drawing takes one line, and all return their axes, `ax_`, so
that they go into a figure of your own.

Takes about 60 seconds on two cores.
"""

# %%
# Two instruments
# ---------------
# The instruments are simulated. Sixty samples were measured on both, ten of them become standards;
# forty others, unknown to the transfer, are what the drawings are of. Forty more that only the new
# instrument has measured are its routine.

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
# Above, the mean spectrum of the forty samples on the old instrument, on the new one, and as PDS
# turns the latter into the former. Below, what is left between them: the line is the mean, the
# band the range over the samples. The band does not vanish: each time a sample
# is presented, it scatters light anew, and no transfer knows how. Draw samples that are no
# standards, since those are reproduced better than any other; the title counts them.

from skspektron.inspection import TransferSpectraDisplay

display = TransferSpectraDisplay.from_estimator(pds, X[others], **test, wavelength=lab.wavelength)
print(f"RMS difference: {display.rms_before_:.3f} before, {display.rms_after_:.3f} after")

# %%
# Whoever holds only standards and a pure map passes arrays instead:
# ``TransferSpectraDisplay(X_old, X_new, pds_map.transform(X_new), wavelength=...)``.
#
# The embedding
# -------------
# A `LoRATransfer` leaves the spectra as they are and changes the network that embeds them. Both
# panels show the same two principal components. What the instruments have in common lies along
# the second one; the lines join the two spectra of a sample. The title tells how far apart they
# are in all dimensions, 1 being as far as a sample is from the average of all.

from skspektron import LoRATransfer, SpektronEmbedder
from skspektron.inspection import EmbeddingDisplay

embedded = make_pipeline(
    SNV(), SpektronEmbedder(wavelength=lab.wavelength), PLSRegression(8, scale=False)
)
lora = LoRATransfer(embedded, source="old", target="new", max_epochs=10, random_state=0)
lora.fit(X[known], y[known], **training)
_ = EmbeddingDisplay.from_estimator(lora, X[others], **test)

# %%
# A transfer that maps spectra is drawn behind any transformer, such as that same embedding
# as it was before.

_ = EmbeddingDisplay.from_estimator(pds, X[others], **test, features=lora.estimator_[:2])

# %%
# The predictions
# ---------------
# Points off the dashed line but along a line of their own are an offset or a wrong slope, which a
# few reference values correct. Points that scatter are not helped by that. Without
# transfer and with it:

import matplotlib.pyplot as plt

from skspektron.inspection import PredictionDisplay

X_new, y_new = X[others & (instrument == "new")], y[others & (instrument == "new")]
figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, name, model in ((axes[0], "Without", pds.estimator_), (axes[1], "With", pds)):
    PredictionDisplay.from_estimator(model, X_new, y_new, unit="g/g", ax=ax)
    ax.set_title(f"{name} transfer")

# %%
# With `ConformalTransfer` around the transfer, the same line draws its prediction intervals too.
#
# What the calibration knows
# --------------------------
# Hotelling's T2 and Q of the forty samples, as the calibration sees them behind PDS. The limits
# come from the routine of the new instrument, which has no reference values. To one spectrum
# a band was added that no sample has: it is outside, and its prediction, on the right, says why
# that matters.

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
# What its first layer lets pass: the resonances of its oscillators, as poles above and as gain
# below. Frequencies are cycles per token; the upper axis translates them into nm.

from skspektron.inspection import FilterDisplay, ReconstructionDisplay

_ = FilterDisplay.from_estimator(lora.estimator_[1], layer=0)

# %%
# And what it makes of a spectrum of which a third is hidden. The weights "masked" were trained for
# this. The title compares the error with that of a straight line across every gap and of the mean
# of all forty spectra. The network does better than the line: it knows what bands look like. It
# does not know this product, whose spectra are so much alike that their mean is hard to beat.

X_snv = SNV().fit_transform(X_new)
masked = SpektronEmbedder("masked", wavelength=lab.wavelength).fit(X_snv)
_ = ReconstructionDisplay.from_estimator(masked, X_snv, n_spectra=2, random_state=0)

# %%
# What pictures cannot do
# -----------------------
# Two components are a small part of an embedding, and small differences between spectra may
# matter much where the calibration looks. No picture replaces RMSEP on samples that neither
# the calibration nor the transfer has seen.

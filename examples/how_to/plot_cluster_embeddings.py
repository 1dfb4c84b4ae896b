"""
Sort spectra into kinds without labels
======================================

A folder of old spectra often holds several products, and nobody wrote down which is which. Before
one calibration is made for all of them, sort them: `~skspektron.cluster.CosineKMeans` and
`~skspektron.cluster.VonMisesFisherMixture` group rows by direction, here those of the pretrained
network's embeddings.

Takes about 30 seconds on two cores.
"""

# %%
# The situation
# -------------
# One simulated spectrometer measured 60, 40, 30 and 20 samples of four products, each a mixture of
# its own five compounds. The names of the products are kept aside, to judge the clusters by.

import numpy as np

from skspektron.datasets import make_instruments

sizes = (60, 40, 30, 20)
labs = [make_instruments(n, ("bench",), random_state=kind) for kind, n in enumerate(sizes)]
X = np.vstack([lab.X["bench"] for lab in labs])
product = np.repeat(np.arange(4), sizes)

# %%
# Embed, then centre
# ------------------
# All NIR spectra look alike, and so do their embeddings: before centring, they point the same way
# and no angle between them says much. Ten principal components keep what differs.

from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron import SNV, SpektronEmbedder

embedder = SpektronEmbedder("small", wavelength=labs[0].wavelength, pooling="mean")
embed = make_pipeline(SNV(), embedder, StandardScaler(), PCA(10))
Z = embed.fit_transform(X)

# %%
# How many kinds?
# ---------------
# ``n_clusters="auto"`` draws the inertia, the sum of 1 - cos between rows and their centres, for
# 1 to 12 clusters and takes the elbow. The mixture is fitted once for each number and compared by
# its BIC, the lower the better.

from sklearn.metrics import adjusted_rand_score

from skspektron.cluster import CosineKMeans, VonMisesFisherMixture

elbow = CosineKMeans("auto", random_state=0).fit(Z)
counts = range(1, 9)
mixtures = [VonMisesFisherMixture(k, n_init=2, random_state=0).fit(Z) for k in counts]
bic = [mixture.bic(Z) for mixture in mixtures]
print(f"elbow: {elbow.n_clusters_} clusters, BIC: {counts[np.argmin(bic)]}, in truth: 4")

# %%
# The elbow is right here, and BIC takes as many as it is offered. Neither need be right, so look at
# both curves. The elbow is where the large steps end: a small product hardly moves the sum and is
# easily missed. BIC counts what it takes to describe the density: a product whose spectra spread
# along a line, and not evenly about their mean, is described better by several components, and
# becomes several clusters. A BIC that keeps falling says that no number of round clusters fits.

import matplotlib.pyplot as plt

COLOURS, MARKERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), "os^D"
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(range(1, 13), elbow.inertia_curve_, marker=MARKERS[0], color=COLOURS[0])
left.axvline(elbow.n_clusters_, color="0.4", linestyle="--", label="elbow")
left.set(xlabel="Number of clusters", ylabel="Inertia, sum of 1 - cos")
left.legend()
right.plot(counts, bic, marker=MARKERS[1], color=COLOURS[1])
right.set(xlabel="Number of components", ylabel="BIC")

# %%
# When the number is known
# ------------------------
# The adjusted Rand index is 1 when clusters and products agree, and about 0 for clusters drawn by
# lot. SNV and principal components alone, without the network, are the comparison that an embedding
# has to stand.

raw = make_pipeline(SNV(), PCA(10)).fit_transform(X)
for name, rows in (("embedding", Z), ("SNV alone", raw)):
    for model in (CosineKMeans(4, random_state=0), VonMisesFisherMixture(4, random_state=0)):
        agreement = adjusted_rand_score(product, model.fit_predict(rows))
        print(f"{name}, {type(model).__name__}: {agreement:.2f}")

# %%
# Products and clusters in the first two components: a marker is a product, a colour a cluster.

clusters = CosineKMeans(4, random_state=0).fit_predict(Z)
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for kind in range(4):
    here = product == kind
    colours = [COLOURS[cluster] for cluster in clusters[here]]
    ax.scatter(*Z[here, :2].T, c=colours, marker=MARKERS[kind], label=f"product {kind}")
ax.set(xlabel="Component 1", ylabel="Component 2")
ax.legend()
plt.show()

# %%
# What it cannot do
# -----------------
# Clusters follow whatever differs most. With a second instrument among the spectra that may be the
# instrument, and within one product it may be moisture: only a person can say which clusters are
# kinds. The products simulated here have different compounds and are far apart. Where SNV alone
# does as well, the embedding is not needed.

"""
Group spectra without labels
============================

An archive of spectra often contains several products without a record of which is which. Before
one calibration is made for all of them, group them: `~skspektron.cluster.CosineKMeans` and
`~skspektron.cluster.VonMisesFisherMixture` cluster rows by direction, here the embeddings of the
pretrained network.

Takes about 30 seconds on two cores.
"""

# %%
# The data
# --------
# One simulated spectrometer measured 60, 40, 30 and 20 samples of four products, each a mixture of
# five compounds of its own. The product names are used only to evaluate the clusters.

import numpy as np

from skspektron.datasets import make_instruments

sizes = (60, 40, 30, 20)
labs = [make_instruments(n, ("bench",), random_state=kind) for kind, n in enumerate(sizes)]
X = np.vstack([lab.X["bench"] for lab in labs])
product = np.repeat(np.arange(4), sizes)

# %%
# Embed, then centre
# ------------------
# NIR spectra are similar to each other, and so are their embeddings: without centring, all point in
# nearly the same direction, and the angles between them carry little information. Ten principal
# components keep the differences.

from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron import SNV, SpektronEmbedder

embedder = SpektronEmbedder("small", wavelength=labs[0].wavelength, pooling="mean")
embed = make_pipeline(SNV(), embedder, StandardScaler(), PCA(10))
Z = embed.fit_transform(X)

# %%
# How many clusters?
# ------------------
# ``n_clusters="auto"`` computes the inertia, the sum of 1 - cos between rows and their centres, for
# 1 to 12 clusters and takes the elbow. The mixture is fitted for each number of components and
# compared by BIC; lower is better.

from sklearn.metrics import adjusted_rand_score

from skspektron.cluster import CosineKMeans, VonMisesFisherMixture

elbow = CosineKMeans("auto", random_state=0).fit(Z)
counts = range(1, 9)
mixtures = [VonMisesFisherMixture(k, n_init=2, random_state=0).fit(Z) for k in counts]
bic = [mixture.bic(Z) for mixture in mixtures]
print(f"elbow: {elbow.n_clusters_} clusters, BIC: {counts[np.argmin(bic)]}, true number: 4")

# %%
# The elbow is right here, and BIC takes the largest number offered. Neither is reliable in general,
# so look at both curves. The elbow is where the large steps end: a small product hardly changes the
# sum and is easily missed. BIC measures the fit of the density: a product whose spectra spread
# along a line, and not evenly about their mean, is described better by several components, and
# becomes several clusters. A BIC that keeps falling means that no number of round clusters fits.

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
# With a known number of clusters
# -------------------------------
# The adjusted Rand index is 1 when clusters and products agree, and about 0 for random clusters.
# SNV and principal components, without the network, are the baseline.

raw = make_pipeline(SNV(), PCA(10)).fit_transform(X)
for name, rows in (("embedding", Z), ("SNV alone", raw)):
    for model in (CosineKMeans(4, random_state=0), VonMisesFisherMixture(4, random_state=0)):
        agreement = adjusted_rand_score(product, model.fit_predict(rows))
        print(f"{name}, {type(model).__name__}: {agreement:.2f}")

# %%
# Products and clusters in the first two components: the marker is the product, the colour the
# cluster.

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
# Limitations
# -----------
# Clusters follow the largest differences. With spectra of a second instrument these may be the
# differences between the instruments, and within one product the moisture; whether clusters are
# products has to be judged by a person. The simulated products have different compounds and are far
# apart. Where SNV alone does as well, the embedding is not needed.

from ._cosine_kmeans import CosineKMeans as CosineKMeans
from ._von_mises_fisher import VonMisesFisherMixture as VonMisesFisherMixture

from ._architecture import Architecture as Architecture
from ._embed_archive import embed_archive as embed_archive
from ._embedder import SpektronEmbedder as SpektronEmbedder
from ._imputer import SpektronImputer as SpektronImputer
from ._pretrainer import SpektronPretrainer as SpektronPretrainer
from ._regressor import SpektronRegressor as SpektronRegressor
from ._weights import describe_weights as describe_weights

"""The pretrained network as estimators."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_architecture": ["Architecture"],
        "_embedder": ["SpektronEmbedder"],
        "_pretrainer": ["SpektronPretrainer"],
        "_regressor": ["SpektronRegressor"],
        "_weights": ["describe_weights"],
    },
)

"""Carry a calibration from a source instrument to a target instrument."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_lora": ["LoRATransfer"],
        "_mean_centred": ["MeanCentredTransfer"],
        "_no_transfer": ["NoTransfer"],
        "_pds": ["PDS"],
        "_pds_transfer": ["PDSTransfer"],
        "_pooled": ["PooledTransfer"],
        "_slope_bias": ["SlopeBiasTransfer"],
        "_target_only": ["TargetOnly"],
    },
)

"""Carry a calibration from a source instrument to a target instrument."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_cca": ["CCAMap"],
        "_cca_transfer": ["CCATransfer"],
        "_coral": ["CORALTransfer"],
        "_dipls": ["DIPLSTransfer"],
        "_ds": ["DS"],
        "_ds_transfer": ["DSTransfer"],
        "_ensemble": ["EnsembleTransfer"],
        "_epo": ["EPO"],
        "_epo_transfer": ["EPOTransfer"],
        "_fno": ["FNO"],
        "_fno_transfer": ["FNOTransfer"],
        "_lora": ["LoRATransfer"],
        "_mean_centred": ["MeanCentredTransfer"],
        "_nar": ["NARTransfer"],
        "_no_transfer": ["NoTransfer"],
        "_pds": ["PDS"],
        "_pds_transfer": ["PDSTransfer"],
        "_pfce": ["PFCETransfer"],
        "_pooled": ["PooledTransfer"],
        "_slope_bias": ["SlopeBiasTransfer"],
        "_sst": ["SST"],
        "_sst_transfer": ["SSTTransfer"],
        "_target_only": ["TargetOnly"],
        "_ttt": ["TTTTransfer"],
    },
)

"""Calibration transfer and a foundation model of vibrational spectra, for scikit-learn."""

import lazy_loader as lazy

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules=[
        "datasets",
        "foundation",
        "inspection",
        "metrics",
        "model_selection",
        "preprocessing",
        "transfer",
    ],
    submod_attrs={
        "foundation": ["SpektronEmbedder", "SpektronPretrainer"],
        "model_selection": ["TransferGroupKFold", "stack_instruments", "transfer_curve"],
        "preprocessing": ["SNV"],
        "transfer": ["LoRATransfer", "PDSTransfer"],
    },
)

"""Figures of merit of a calibration, each with its denominator."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_figures": ["bias", "r2", "rmsep", "rpd", "rpiq", "sep", "slope"],
        "_report": ["transfer_report"],
    },
)

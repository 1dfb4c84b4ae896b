"""Public spectra, and simulated instruments."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_archive": ["SpektraArchive"],
        "_corn": ["fetch_corn"],
        "_instruments": ["make_instruments"],
        "_tablets": ["fetch_tablets"],
    },
)

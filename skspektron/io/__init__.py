"""Read spectra and calibrations of other software, and write calibrations for it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

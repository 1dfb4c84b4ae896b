"""See what a transfer does, how far predictions can be trusted, and inside a network."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

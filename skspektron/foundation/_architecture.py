"""The sizes of a network, public where networks are trained."""

from .._nn.architecture import Architecture

__all__ = ["Architecture"]

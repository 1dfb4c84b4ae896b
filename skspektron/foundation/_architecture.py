"""Public name of the dataclass that describes a network."""

from .._nn.architecture import Architecture

__all__ = ["Architecture"]

"""Tokenizers and positional encodings."""

from torch import nn

from ..architecture import Architecture
from .beside import TokensBeside
from .convolution import ConvolutionTokens
from .patch import PatchTokens
from .positions import LearnedPosition, SinusoidalPosition, WavelengthEncoding
from .wavelet import WaveletTokens

TOKENIZERS = {
    "patch": lambda a, width: PatchTokens(a.patch_length, width),
    "raw": lambda a, width: ConvolutionTokens(width, kernel_length=a.kernel_length),
    "wavelet": lambda a, width: WaveletTokens(width),
}
POSITIONS = {
    "continuous": lambda a: WavelengthEncoding(a.d_model),
    "learned": lambda a: LearnedPosition(a.n_tokens(a.n_channels), a.d_model),
    "sinusoidal": lambda a: SinusoidalPosition(a.d_model),
}


def make_tokens(architecture: Architecture) -> nn.Module:
    """Return the module that maps spectra (B, n), one tensor per input, to tokens (B, N, D)."""
    inputs, make = architecture.inputs, TOKENIZERS[architecture.tokenizer]
    parts = [make(architecture, architecture.d_model // len(inputs)) for _ in inputs]
    return parts[0] if len(parts) == 1 else TokensBeside(parts)


def make_position(architecture: Architecture) -> nn.Module:
    """Return the module that encodes the positions of tokens."""
    return POSITIONS[architecture.position](architecture)

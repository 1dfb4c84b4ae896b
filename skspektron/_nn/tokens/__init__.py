"""Tokenizers and positional encodings."""

from torch import nn

from ..architecture import Architecture
from .convolution import ConvolutionTokens
from .patch import PatchTokens
from .positions import LearnedPosition, SinusoidalPosition, WavelengthEncoding
from .wavelet import WaveletTokens

TOKENIZERS = {
    "patch": lambda a: PatchTokens(a.patch_length, a.d_model),
    "raw": lambda a: ConvolutionTokens(a.d_model, kernel_length=a.kernel_length),
    "wavelet": lambda a: WaveletTokens(a.d_model),
}
POSITIONS = {
    "continuous": lambda a: WavelengthEncoding(a.d_model),
    "learned": lambda a: LearnedPosition(a.n_tokens(a.n_channels), a.d_model),
    "sinusoidal": lambda a: SinusoidalPosition(a.d_model),
}


def make_tokens(architecture: Architecture) -> nn.Module:
    """Return the module that maps spectra (B, n) to tokens (B, N, D)."""
    return TOKENIZERS[architecture.tokenizer](architecture)


def make_position(architecture: Architecture) -> nn.Module:
    """Return the module that encodes the positions of tokens."""
    return POSITIONS[architecture.position](architecture)

"""Latents, decoders and prediction heads."""

from torch import nn

from ..architecture import Architecture
from .decoders import CorrectionDecoder, GridDecoder, LatentDecoder
from .latents import BottleneckLatent, PlainLatent, SphereLatent

LATENTS = {
    "plain": lambda a: PlainLatent(a.d_model),
    "sphere": lambda a: SphereLatent(a.d_model, a.d_latent),
    "vib": lambda a: BottleneckLatent(a.d_model, a.d_latent, a.d_instrument),
}
DECODERS = {
    "linear": lambda a: nn.Linear(a.d_model, a.window[0]),
    "correction": lambda a: CorrectionDecoder(a.d_model, a.window[0]),
    "latent": lambda a: LatentDecoder(
        a.d_model if a.latent == "plain" else a.d_latent,
        a.n_channels,
        d_hidden=a.d_decoder,
        dropout=a.dropout,
    ),
    "grid": lambda a: GridDecoder(
        a.d_model,
        n_heads=a.n_heads,
        d_feedforward=a.d_feedforward,
        n_layers=a.n_decoder_layers,
        dropout=a.dropout,
    ),
}


def make_latent(architecture: Architecture) -> nn.Module:
    """Return the module that maps pooled tokens (B, D) to a latent."""
    return LATENTS[architecture.latent](architecture)


def make_decoder(architecture: Architecture) -> nn.Module:
    """Return the module that reconstructs spectra."""
    return DECODERS[architecture.decoder](architecture)

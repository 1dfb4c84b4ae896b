"""Architectures that users select by name."""

from .architecture import Architecture

PRESETS = {
    "tiny": Architecture(patch_length=8, d_model=16, d_state=16, n_layers=1),
    "small": Architecture(),
    # Architecture of the weights `small`.
    "calibration": Architecture(
        tokenizer="raw",
        normalize="snv+derivative",
        kernel_length=31,
        patch_length=8,
        d_model=16,
        d_state=32,
        n_layers=1,
    ),
    "base": Architecture(
        d_model=256,
        d_state=256,
        n_experts=4,
        n_attention_layers=2,
        n_heads=8,
        d_feedforward=512,
        cls_token=True,
        domain_token=True,
    ),
    # Sizes of the published systems; see docs/network_architecture.md.
    "spektron": Architecture(
        tokenizer="raw",
        patch_length=3,
        d_model=256,
        d_state=128,
        cls_token=True,
        domain_token=True,
        n_experts=4,
        n_attention_layers=2,
        n_heads=8,
        d_feedforward=1024,
        d_expert=512,
        latent="vib",
        d_latent=128,
        d_instrument=64,
        dropout=0.05,
    ),
    "panchromatic": Architecture(
        patch_length=32,
        normalize="median",
        backbone="transformer",
        d_model=512,
        n_layers=6,
        n_heads=8,
        d_feedforward=2048,
        decoder="grid",
        n_decoder_layers=6,
    ),
    "chemomae": Architecture(
        tokenizer="raw",
        kernel_length=1,
        patch_length=8,
        position="learned",
        cls_token=True,
        backbone="transformer",
        d_model=256,
        n_layers=4,
        n_heads=4,
        d_feedforward=1024,
        mask_mode="drop",
        latent="sphere",
        d_latent=64,
        decoder="latent",
        d_decoder=256,
        dropout=0.1,
    ),
}


def resolve_architecture(architecture: str | Architecture) -> Architecture:
    """Return the architecture of a preset, or `architecture` itself."""
    return PRESETS[architecture] if isinstance(architecture, str) else architecture

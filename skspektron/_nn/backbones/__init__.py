"""Blocks that map tokens (B, L, D) to tokens of the same shape."""

from torch import nn

from ..architecture import Architecture
from .convolution import ConvolutionBlock
from .dlinoss import DLinOSSBlock
from .experts import Experts
from .mamba import MambaBlock
from .s4d import S4DBlock
from .transformer import TransformerBlock


def _dlinoss(a: Architecture, index: int) -> nn.Module:
    """Return a D-LinOSS block."""
    return DLinOSSBlock(
        a.d_model,
        a.d_state,
        bidirectional=a.bidirectional,
        dropout=a.dropout,
        damping=a.damping,
        stability=a.stability,
    )


def _mamba(a: Architecture, index: int) -> nn.Module:
    """Return a Mamba block."""
    return MambaBlock(
        a.d_model, d_state=a.d_state, bidirectional=a.bidirectional, dropout=a.dropout
    )


def _s4d(a: Architecture, index: int) -> nn.Module:
    """Return an S4D block."""
    return S4DBlock(a.d_model, a.d_state, bidirectional=a.bidirectional, dropout=a.dropout)


def _transformer(a: Architecture, index: int) -> nn.Module:
    """Return a transformer block."""
    return TransformerBlock(
        a.d_model, n_heads=a.n_heads, d_feedforward=a.d_feedforward, dropout=a.dropout
    )


def _cnn(a: Architecture, index: int) -> nn.Module:
    """Return the convolution block at `index`, whose dilation is 2**index."""
    return ConvolutionBlock(a.d_model, dilation=2**index, dropout=a.dropout)


BACKBONES = {
    "dlinoss": _dlinoss,
    "mamba": _mamba,
    "s4d": _s4d,
    "transformer": _transformer,
    "cnn": _cnn,
}


def make_blocks(a: Architecture) -> nn.ModuleList:
    """Return the blocks of a network: backbone, experts, attention."""
    blocks = [BACKBONES[a.backbone](a, index) for index in range(a.n_layers)]
    if a.n_experts:
        blocks.append(
            Experts(
                a.d_model,
                a.d_expert or a.d_feedforward,
                n_experts=a.n_experts,
                n_active=min(a.n_active_experts, a.n_experts),
                kan=a.kan,
                dropout=a.dropout,
            )
        )
    blocks += [_transformer(a, index) for index in range(a.n_attention_layers)]
    return nn.ModuleList(blocks)

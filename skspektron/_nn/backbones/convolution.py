"""Convolution block."""

from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4  # hidden width of the pointwise layers over d_model, as in [1]


class ConvolutionBlock(nn.Module):
    """Depthwise convolution along the tokens, then pointwise layers, as in ConvNeXt [1]_.

    With dilations of 1, 2, 4, ..., the receptive field doubles with every block. The norm
    precedes the convolution, so that unusable tokens can be set to zero, like the padding.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    kernel_length : int, default=7
        Number of tokens under the kernel.
    dilation : int, default=1
        Distance between the tokens under the kernel.
    dropout : float
        Fraction of activations set to zero in training.

    References
    ----------
    .. [1] Liu, Mao, Wu et al., arXiv:2201.03545 (2022).
    """

    def __init__(self, d_model: int, *, kernel_length: int = 7, dilation: int = 1, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.filter = nn.Conv1d(
            d_model, d_model, kernel_length, padding="same", dilation=dilation, groups=d_model
        )
        self.widen = nn.Linear(d_model, EXPANSION * d_model)
        self.narrow = nn.Linear(EXPANSION * d_model, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, usable: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape; tokens where `usable` is 0 are zeros."""
        y = self.filter((self.norm(x) * usable).mT).mT  # (B, L, D)
        return x + self.dropout(self.narrow(self.dropout(F.gelu(self.widen(y)))))

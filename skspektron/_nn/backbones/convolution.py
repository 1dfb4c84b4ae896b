"""Convolutional layer along the tokens."""

from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4  # neurons per channel of the pointwise layers, as published


class ConvolutionBlock(nn.Module):
    """Mix each channel over neighbouring tokens, then the channels of each token [1]_.

    A stack whose dilations are 1, 2, 4, ... doubles its reach with every layer. The norm
    stands before the convolution, so that an absent token is a zero in it, as the border is.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    kernel_length : int, default=7
        Tokens under the kernel.
    dilation : int, default=1
        Step between the tokens under the kernel.
    dropout : float
        Share of the neurons and of the sum dropped in training.

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

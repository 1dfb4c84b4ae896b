"""The smallest network, and all weights of a pretrainer as one vector."""

import torch

from skspektron._nn.architecture import Architecture

SMALLEST = Architecture(patch_length=1, d_model=4, d_state=2, n_layers=1)


def weights(pretrainer):
    """Return the weights of a fitted pretrainer, in the order of their names."""
    return torch.cat([tensor.flatten() for tensor in pretrainer.network_.tensors().values()])

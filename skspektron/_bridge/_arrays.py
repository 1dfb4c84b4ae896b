"""Arrays as tensors, and tensors as arrays."""

import numpy as np
import torch
from numpy.typing import ArrayLike, DTypeLike
from torch import Tensor


def to_tensor(array: ArrayLike, dtype: DTypeLike = np.float32) -> Tensor:
    """Return an array as a tensor of a numpy `dtype` on the CPU."""
    return torch.from_numpy(np.asarray(array, dtype=dtype))


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor as an array on the CPU."""
    return tensor.detach().cpu().numpy()

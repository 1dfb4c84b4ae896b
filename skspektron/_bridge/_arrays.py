"""Single arrays as tensors, and tensors as arrays."""

import numpy as np
import torch
from torch import Tensor


def to_index(numbers: np.ndarray) -> Tensor:
    """Return whole numbers as an int64 tensor on the CPU."""
    return torch.from_numpy(np.asarray(numbers, dtype=np.int64))


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers as an array on the CPU."""
    return tensor.detach().cpu().numpy()


def to_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a float32 tensor on the CPU."""
    return torch.from_numpy(np.asarray(array, dtype=np.float32))

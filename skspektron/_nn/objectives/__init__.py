"""What pretraining minimises."""

from .registry import OBJECTIVES
from .task import PretrainingTask, masked_error

__all__ = ["OBJECTIVES", "PretrainingTask", "masked_error"]

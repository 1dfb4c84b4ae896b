"""Objectives of pretraining."""

from .masked import counted
from .registry import OBJECTIVES
from .task import PretrainingTask, masked_error

__all__ = ["OBJECTIVES", "PretrainingTask", "counted", "masked_error"]

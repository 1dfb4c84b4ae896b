"""Micro-batches whose gradients add up to that of the batch."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, Union

from torch import Tensor

Batch: TypeAlias = Mapping[str, Union[Tensor, "Batch"]]
Size: TypeAlias = Callable[[Batch], Tensor | float]


def n_rows(batch: Batch) -> int:
    """Return the number of rows: the length of the first tensor with dimensions."""
    return next(len(value) for value in batch.values() if isinstance(value, Tensor) and value.ndim)


def take_rows(batch: Batch, rows: slice) -> dict:
    """Return some rows of every tensor; tensors without dimensions are kept."""
    return {
        name: take_rows(value, rows)
        if isinstance(value, Mapping)
        else (value[rows] if value.ndim else value)
        for name, value in batch.items()
    }


def parts(
    batch: Batch, rows: range, micro_batch_size: int | None, size: Size
) -> Iterator[tuple[Batch, float]]:
    """Yield `rows` of a batch in parts, each with its fraction of the `size` of the batch.

    A loss is a mean over the `size` items of a batch (rows, hidden channels). The means of the
    parts, weighted by their fractions, add up to that of the batch. Empty parts are skipped.
    """
    length = micro_batch_size or len(rows)
    if n_rows(batch) == len(rows) <= length:
        yield batch, 1.0
        return
    whole = float(size(batch))
    for start in range(rows.start, rows.stop, max(length, 1)):
        part = take_rows(batch, slice(start, min(start + length, rows.stop)))
        # The mean of an empty batch is NaN, as without parts.
        fraction = float(size(part)) / whole if whole else math.nan
        if fraction:
            yield part, fraction

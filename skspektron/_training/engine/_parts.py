"""A batch in parts of some rows, whose gradients add up to that of the whole."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, Union

from torch import Tensor

Batch: TypeAlias = Mapping[str, Union[Tensor, "Batch"]]
Size: TypeAlias = Callable[[Batch], Tensor | float]


def n_rows(batch: Batch) -> int:
    """Return the number of rows: the length of the first tensor that has one."""
    return next(len(value) for value in batch.values() if isinstance(value, Tensor) and value.ndim)


def take_rows(batch: Batch, rows: slice) -> dict:
    """Return some rows of every tensor; one without dimensions belongs to all rows."""
    return {
        name: take_rows(value, rows)
        if isinstance(value, Mapping)
        else (value[rows] if value.ndim else value)
        for name, value in batch.items()
    }


def parts(
    batch: Batch, rows: range, micro_batch_size: int | None, size: Size
) -> Iterator[tuple[Batch, float]]:
    """Yield `rows` of a batch in parts, each with its share of the whole batch's `size`.

    A loss is a mean over the `size` things of a batch (rows, hidden channels): the means of
    the parts times their shares add up to the mean of the whole, whatever is in which part.
    Parts that average over nothing are left out.
    """
    length = micro_batch_size or len(rows)
    if n_rows(batch) == len(rows) <= length:
        yield batch, 1.0
        return
    whole = float(size(batch))
    for start in range(rows.start, rows.stop, max(length, 1)):
        part = take_rows(batch, slice(start, min(start + length, rows.stop)))
        # A batch of nothing has no mean: NaN, as if it were not cut.
        share = float(size(part)) / whole if whole else math.nan
        if share:
            yield part, share

"""Arrays and headers read from the bytes of a file, never larger than the file."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ByteOrder = Literal["<", ">"]


def read_array(raw: bytes, dtype: str, start: int, count: int) -> NDArray[np.float64]:
    """Return numbers of a file as float64 after checking that the file contains them."""
    end = start + count * np.dtype(dtype).itemsize
    if count < 1 or start < 0 or end > len(raw):
        raise ValueError(
            f"its header gives {count} numbers from byte {start} to {end}, the file has "
            f"{len(raw)} bytes. It is truncated or damaged: copy it from the instrument again."
        )
    return np.frombuffer(raw, dtype, count, start).astype(np.float64)


def read_record(
    raw: bytes, fields: Mapping[str, tuple[int, str]], start: int, size: int, order: ByteOrder
) -> np.void:
    """Return one header of `size` bytes; `fields` maps a name to its offset and type."""
    if start < 0 or start + size > len(raw):
        raise ValueError(
            f"a header ends at byte {start + size}, the file has {len(raw)} bytes. It is "
            "truncated or damaged: copy it from the instrument again."
        )
    offsets, formats = zip(*fields.values(), strict=True)
    layout = np.dtype(
        {"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": size}
    )
    record: np.void = np.frombuffer(raw, layout.newbyteorder(order), 1, start)[0]
    return record


def read_text(field: bytes) -> str:
    """Return the text before the first zero byte."""
    return field.split(b"\0", 1)[0].decode("latin-1").strip()

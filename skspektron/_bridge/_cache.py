"""Embeddings that the networks of a process have computed."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import RLock

import numpy as np


class EmbeddingCache:
    """Arrays by key, within a number of bytes; those used longest ago are removed first.

    All networks share one cache, so that adapted networks, of which a search makes many, do not
    each keep embeddings of their own. Threads may share it.
    """

    ENTRY_BYTES = 256  # of key, array object and dictionary entry, beside the values

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self._rows: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._n_bytes = 0
        self._lock = RLock()

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self._rows)

    @property
    def n_bytes(self) -> int:
        """Number of bytes in use."""
        return self._n_bytes

    def clear(self) -> None:
        """Remove all arrays."""
        with self._lock:
            self._rows.clear()
            self._n_bytes = 0

    def find(self, keys: Sequence[bytes]) -> dict[int, np.ndarray]:
        """Return the known arrays by their position among `keys`."""
        found = {}
        with self._lock:
            for position, key in enumerate(keys):
                row = self._rows.get(key)
                if row is not None:
                    self._rows.move_to_end(key)
                    found[position] = row
        return found

    def store(self, computed: Mapping[bytes, np.ndarray]) -> None:
        """Add copies of arrays."""
        with self._lock:
            for key, row in computed.items():
                if key not in self._rows:  # another thread may have computed it meanwhile
                    self._rows[key] = row.copy()  # a view would keep its batch in memory
                    self._n_bytes += row.nbytes + self.ENTRY_BYTES
            while self._n_bytes > self.max_bytes:
                _, row = self._rows.popitem(last=False)
                self._n_bytes -= row.nbytes + self.ENTRY_BYTES

"""Records of a run as a list, and as a log file written during the run."""

import json
import math
import os
from collections.abc import Sequence

from skorch.callbacks import Callback
from skorch.history import History

from ..._files import write_atomically


def records(
    history: History, names: Sequence[str], earlier: Sequence[dict[str, float]] = ()
) -> list[dict[str, float]]:
    """Return one dict per window: the records in `names`, and the seconds since the start.

    The records of `earlier` runs come first, and steps are counted from their last one.
    """
    lines, seconds = list(earlier), 0.0
    first = earlier[-1]["step"] if earlier else 0
    for window in history:
        seconds += window["dur"]
        line = {name: float(window[name]) for name in names} | {"seconds": seconds}
        lines.append(line | {"step": int(first + line["step"])} if "step" in line else line)
    return lines


class HistoryLog(Callback):
    """Append one JSON object per window to a file.

    When a run starts or resumes, the file is rewritten from the history, so that no line is
    duplicated or missing.

    Parameters
    ----------
    path : path-like
        The file, which is replaced if it exists. Values that are not finite are null.
    names : sequence of str
        Records that are written, in addition to the seconds.
    earlier : sequence of dict
        Records of earlier runs on the same network.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        names: Sequence[str],
        earlier: Sequence[dict[str, float]] = (),
    ):
        self.path, self.names, self.earlier = path, names, earlier

    def on_train_begin(self, net, **kwargs):
        """Write the windows of earlier runs and of the run that is resumed."""
        if net.processes.rank == 0:
            lines = records(net.history, self.names, self.earlier)
            write_atomically(self.path, "".join(map(_line, lines)).encode())

    def on_epoch_end(self, net, **kwargs):
        """Append the window."""
        if net.processes.rank == 0:
            with open(self.path, "a") as file:
                file.write(_line(records(net.history, self.names, self.earlier)[-1]))


def _line(record: dict[str, float]) -> str:
    """Return a record as a line of JSON, with null for NaN."""
    return json.dumps({k: v if math.isfinite(v) else None for k, v in record.items()}) + "\n"

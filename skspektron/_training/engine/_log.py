"""The records of a run, as a list and as a file that can be read while it runs."""

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
    """Return one dict a window: the records in `names`, and the seconds since the beginning.

    Steps go on where those of `earlier` runs end, whose records come first.
    """
    lines, seconds = list(earlier), 0.0
    first = earlier[-1]["step"] if earlier else 0
    for window in history:
        seconds += window["dur"]
        line = {name: float(window[name]) for name in names} | {"seconds": seconds}
        lines.append(line | {"step": int(first + line["step"])} if "step" in line else line)
    return lines


class HistoryLog(Callback):
    """Append one JSON object a window to a file.

    The history is what counts: where a run begins or resumes, the file is written anew from it,
    so that it has no line twice and none is missing, wherever an earlier run ended.

    Parameters
    ----------
    path : path-like
        The file; an older one is replaced. A figure that is not finite is null.
    names : sequence of str
        What is kept of a window, beside the seconds.
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
        """Write the windows of the run that is resumed."""
        if net.processes.rank == 0:
            lines = records(net.history, self.names, self.earlier)
            write_atomically(self.path, "".join(map(_line, lines)).encode())

    def on_epoch_end(self, net, **kwargs):
        """Append the window."""
        if net.processes.rank == 0:
            with open(self.path, "a") as file:
                file.write(_line(records(net.history, self.names, self.earlier)[-1]))


def _line(record: dict[str, float]) -> str:
    """Return a record as a line of JSON, which knows no NaN."""
    return json.dumps({k: v if math.isfinite(v) else None for k, v in record.items()}) + "\n"

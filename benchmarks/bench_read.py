"""Time `read_spectra` against `pandas.read_csv` on the same text files, in turns.

Files of 1000 spectra of 4200 channels: with six digits, with all digits of a float, with missing
values, with quoted ids, and with spectra in columns. The table has medians of CPU seconds, and
the ratio, which is at most 2. Both return the same numbers.

    python benchmarks/bench_read.py --rounds 5
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pandas as pd

from skspektron import read_spectra

KINDS = ("six digits", "all digits", "missing", "quoted ids", "columns")


def write_table(path: Path, kind: str, n_spectra: int, n_channels: int) -> None:
    """Write simulated spectra in rows, or in columns."""
    rng = np.random.default_rng(0)
    X = rng.random((n_spectra, n_channels))
    frame = pd.DataFrame(X if kind == "all digits" else X.round(6))
    frame.columns = [f"{4000 + 2 * i} cm-1" for i in range(n_channels)]
    if kind == "missing":
        frame = frame.mask(rng.random(X.shape) < 0.01)
    frame.insert(0, "sample_id", [f"S{i}" for i in range(n_spectra)])
    if kind == "columns":
        frame = frame.set_index("sample_id").T.rename_axis("wavenumber (cm-1)")
        frame = frame.set_index(frame.index.str.removesuffix(" cm-1"))
    quoting = 2 if kind == "quoted ids" else 0  # csv.QUOTE_NONNUMERIC
    frame.to_csv(path, index=kind == "columns", quoting=quoting)


def cpu_seconds(function: Callable, path: Path) -> float:
    """Return the CPU seconds of a call."""
    start = process_time()
    function(path)
    return process_time() - start


def main(argv: Sequence[str]) -> None:
    """Write the files, read them in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n-spectra", type=int, default=1000)
    parser.add_argument("--n-channels", type=int, default=4200)
    args = parser.parse_args(argv)
    print(f"{'file':<12} {'read_spectra':>13} {'pandas':>8} {'ratio':>6}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        for kind in KINDS:
            write_table(path, kind, args.n_spectra, args.n_channels)
            times = [
                [cpu_seconds(read, path) for read in (read_spectra, pd.read_csv)]
                for _ in range(args.rounds)
            ]
            ours, theirs = (median(column) for column in zip(*times, strict=True))
            print(f"{kind:<12} {ours:>13.3f} {theirs:>8.3f} {ours / theirs:>6.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

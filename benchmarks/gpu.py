"""Run everything that needs a GPU, each step in a process with a time limit, into one JSON.

`benchmarks/gpu.sh` installs what is missing and calls this. A step that fails or runs out of time
is reported as such; the others still run. The limits add up to less than eight minutes. On the CPU,
where sizes are small and the machine may be slow, they are longer.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from xml.etree import ElementTree

import torch

ROOT = Path(__file__).parents[1]
TAIL = 2000  # characters of the output of a step that failed
CPU_PATIENCE = 10  # factor of the limits on the CPU


@dataclass(frozen=True)
class Step:
    """A command, its time limit in seconds, the file that it writes and how to read that."""

    name: str
    arguments: tuple[str, ...]
    limit: float
    output: Path
    read: Callable[[Path], object]


def read_table(path: Path) -> list[dict]:
    """Return the rows of a CSV, with numbers as numbers."""
    with path.open(newline="") as file:
        return [{key: number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def number(text: str) -> float | str:
    """Return a number, or the text if it is none."""
    try:
        return float(text)
    except ValueError:
        return text


def read_tests(path: Path) -> dict:
    """Return the counts of pytest, and the names of the tests that failed."""
    [suite] = ElementTree.parse(path).getroot().iter("testsuite")
    counts = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    bad = [
        f"{case.get('classname')}.{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return {**counts, "failed": bad}


def read_json(path: Path) -> object:
    """Return the content of a JSON file."""
    return json.loads(path.read_text())


def marked_tests() -> list[str]:
    """Return the test files with tests marked `gpu`."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path) for path in files if "pytest.mark.gpu" in path.read_text()]


def steps(args: argparse.Namespace, folder: Path) -> list[Step]:
    """Return the steps, which write their results to a folder."""
    tests, dlinoss, network, pretraining = (
        folder / name for name in ("tests.xml", "dlinoss.csv", "network.csv", "pretraining.json")
    )
    device = ("--device", args.device)
    timed = (*device, "--rounds", str(args.rounds))
    models = ("--models", *args.models) if args.models else ()
    length = ("--max-length", str(args.max_length))
    pytest = ("pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", *marked_tests())
    base = ("--preset", args.preset, "--seconds", str(args.seconds), "--sets", str(args.sets))
    return [
        Step("tests", (*pytest, f"--junitxml={tests}"), 100, tests, read_tests),
        Step(
            "bench_dlinoss",
            ("benchmarks.bench_dlinoss", *timed, *length, "--output", str(dlinoss)),
            60,
            dlinoss,
            read_table,
        ),
        Step(
            "bench_network",
            ("benchmarks.bench_network", *timed, *models, "--output", str(network)),
            60,
            network,
            read_table,
        ),
        Step(
            "pretraining",
            ("benchmarks.bench_pretraining", *device, *base, "--output", str(pretraining)),
            args.seconds + 60,
            pretraining,
            read_json,
        ),
    ]


def run(step: Step, limit: float) -> dict:
    """Run a step; return its state, seconds and result, and the end of its output if it failed."""
    start = perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", *step.arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        )
        state, output = "done" if done.returncode == 0 else "failed", done.stdout
    except subprocess.TimeoutExpired as error:
        state, output = f"stopped after {limit:g} seconds", error.stdout or b""
    record = {"state": state, "seconds": round(perf_counter() - start, 1)}
    if step.output.exists():
        record["result"] = step.read(step.output)
    if state != "done":
        record["output"] = output.decode(errors="replace")[-TAIL:]
    return record


def machine(device: str) -> dict:
    """Return device, processor, versions and time."""
    is_gpu = device != "cpu"
    return {
        "device": torch.cuda.get_device_name(device) if is_gpu else "cpu",
        "cuda": torch.version.cuda if is_gpu else None,
        "processor": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__}
        | {name: version(name) for name in ("numpy", "scikit-learn", "skorch")},
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
    }


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line; the defaults are those of a GPU."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--device", default="cuda", help="cpu checks the script itself")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-length", type=int, default=8192, help="of bench_dlinoss")
    parser.add_argument("--models", nargs="+", help="of bench_network; default: all")
    parser.add_argument("--preset", default="base", help="preset to pretrain")
    parser.add_argument("--seconds", type=float, default=180.0, help="of pretraining")
    parser.add_argument("--sets", type=int, default=60, help="data sets to pretrain on")
    args = parser.parse_args(argv)
    if args.device != "cpu" and not torch.cuda.is_available():
        parser.error(f"torch {torch.__version__} finds no CUDA device. Pass --device cpu.")
    return args


def main(argv: Sequence[str]) -> int:
    """Run all steps, write the JSON, and return how many steps were not completed."""
    args = parse(argv)
    record = {"machine": machine(args.device), "arguments": list(argv[1:]), "steps": {}}
    factor = CPU_PATIENCE if args.device == "cpu" else 1
    with TemporaryDirectory() as folder:
        for step in steps(args, Path(folder)):
            print(f"{step.name} ...", end=" ", flush=True)
            record["steps"][step.name] = done = run(step, factor * step.limit)
            print(done["state"], f"{done['seconds']:g} s", flush=True)
            args.output.write_text(json.dumps(record, indent=2) + "\n")
    return sum(done["state"] != "done" for done in record["steps"].values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

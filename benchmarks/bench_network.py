"""Time the training step of the presets, and of the published code of one of them.

A step processes one batch in float32: mask patches, encode, reconstruct, backpropagate, clip the
gradients and update by AdamW, with the balance loss where the network has experts. The networks
take turns, after one round that is not timed. `spectra_per_second` follows from the wall time of
the median round, `cpu_seconds` is the time of all threads. Other processes affect the wall time;
`load` is the load average of the machine at the end.

`--published PATH` adds the network that the preset "spektron" reproduces: PATH is a folder with the
public code (the repository ktubhyam/Spektron), whose package is called `src` and requires einops.
Both are timed on the same spectra with dropout 0 and 0.05 in all layers.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_network.py \
        --output benchmarks/results/network.csv
"""

import argparse
import csv
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from torch import Tensor, nn

from skspektron._bridge import to_spectra, to_tensor
from skspektron._nn.objectives import PretrainingTask
from skspektron._nn.presets import PRESETS
from skspektron._training._pretraining import new_network
from skspektron._training.masked._batches import masked_batch

MASK_RATIO = 0.35
BALANCE = 0.01  # weight of the balance of experts, as published
MIN_SPEED = {"small": 300, "base": 40}  # spectra per second on two idle cores
MIN_SPEED_UP = {0.0: 2.0, 0.05: 2.0}  # of the preset over the published code, by dropout


@dataclass(frozen=True)
class Run:
    """A network and the size of its batches."""

    model: str
    n_channels: int
    batch: int
    dropout: float


PRESET_RUNS = (
    Run("tiny", 700, 64, 0.0),
    Run("small", 700, 64, 0.0),
    Run("base", 700, 64, 0.0),
    Run("spektron", 2048, 2, 0.05),
    Run("panchromatic", 700, 8, 0.0),
    Run("chemomae", 700, 16, 0.1),
)
COMPARED_RUNS = tuple(
    Run(model, 2048, 2, rate) for rate in MIN_SPEED_UP for model in ("spektron", "published")
)


def draw_spectra(run: Run) -> np.ndarray:
    """Return a batch of simulated spectra with 20 broad bands."""
    rng = np.random.default_rng(0)
    channel = np.linspace(0, 1, run.n_channels)
    bands = np.exp(-0.5 * ((channel - rng.uniform(size=(20, 1))) / 0.03) ** 2)
    return rng.uniform(size=(run.batch, 20)) @ bands


def our_network(run: Run, device: str) -> tuple[nn.Module, Callable[[int], Tensor]]:
    """Return the network of a preset, and a function that computes the loss of a step."""
    architecture = replace(PRESETS[run.model], dropout=run.dropout).for_channels(run.n_channels)
    network = new_network(architecture, seed=0)
    weights = {"masked": 1.0} | ({"balance": BALANCE} if architecture.n_experts > 1 else {})
    task = PretrainingTask(network, weights).to(device)
    axis = np.linspace(4000, 10000, run.n_channels)
    spectra = to_spectra(draw_spectra(run), [axis], np.zeros(run.batch, dtype=int))
    rows = torch.arange(run.batch)

    def loss(step: int) -> Tensor:
        batch = masked_batch(spectra, network, MASK_RATIO, 0, step, rows)
        losses = task(**{name: tensor.to(device) for name, tensor in batch.items()})
        return sum(weight * losses[name] for name, weight in weights.items())

    return task, loss


def published_network(run: Run, device: str) -> tuple[nn.Module, Callable[[int], Tensor]]:
    """Return the published network, and a function that computes the loss of a step."""
    from src.config import get_dlinoss_config
    from src.models.spektron import Spektron, SpektronForPretraining

    config = get_dlinoss_config()
    config.dlinoss.dropout = config.transformer.dropout = run.dropout
    torch.manual_seed(0)
    with redirect_stdout(StringIO()):
        network = SpektronForPretraining(Spektron(config), config).to(device)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = run.dropout
    network._current_step = config.pretrain.max_steps  # after the masked fraction has risen
    X = to_tensor(draw_spectra(run))

    def loss(step: int) -> Tensor:
        out = network(X.to(device))
        error = (out["reconstruction"] - out["target_patches"]).square()[..., 0]
        masked = (error * out["mask"]).sum() / out["mask"].sum()
        return masked + BALANCE * out["moe_loss"]

    return network, loss


def prepare(run: Run, device: str) -> tuple[Callable[[int], None], int]:
    """Return a function that takes an optimizer step, and the number of parameters."""
    make = published_network if run.model == "published" else our_network
    module, loss = make(run, device)
    module.train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, weight_decay=0.01)

    def step(index: int) -> None:
        optimizer.zero_grad()
        loss(index).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize(device)

    return step, sum(p.numel() for p in module.parameters())


def race(runs: Sequence[Run], rounds: int, device: str) -> list[dict]:
    """Return a row per network; they take turns, after one untimed round."""
    steps, sizes = zip(*(prepare(run, device) for run in runs), strict=True)
    times: list[list[tuple[float, float]]] = [[] for _ in runs]
    for index in range(rounds + 1):
        for step, own in zip(steps, times, strict=True):
            clock, cpu = perf_counter(), process_time()
            step(index)
            own.append((perf_counter() - clock, process_time() - cpu))
    return [row(*each) for each in zip(runs, sizes, times, strict=True)]


def row(run: Run, n_parameters: int, times: list[tuple[float, float]]) -> dict:
    """Return the CSV row of a network; the first round is not timed."""
    clock, cpu = (median(values) for values in zip(*times[1:], strict=True))
    return asdict(run) | {
        "n_parameters": n_parameters,
        "seconds": round(clock, 4),
        "cpu_seconds": round(cpu, 4),
        "spectra_per_second": round(run.batch / clock, 2),
    }


def report(rows: Sequence[dict]) -> str:
    """Return the table, and the speed-up of the preset over the published code."""
    lines = [
        f"{'model':<14} {'n':>5} {'batch':>5} {'dropout':>7} {'parameters':>10} "
        f"{'CPU, s':>8} {'a second':>9}"
    ]
    for each in rows:
        lines.append(
            f"{each['model']:<14} {each['n_channels']:>5} {each['batch']:>5} "
            f"{float(each['dropout']):>7.2f} {each['n_parameters']:>10} "
            f"{float(each['cpu_seconds']):>8.3f} {float(each['spectra_per_second']):>9.2f}"
        )
    lines += [
        f"spektron over published at dropout {rate}: {clock:.2f} by the clock, {cpu:.2f} in CPU"
        for rate, (clock, cpu) in speed_up(rows).items()
    ]
    return "\n".join(lines)


def speed_up(rows: Sequence[dict]) -> dict[float, tuple[float, float]]:
    """Return the speed-up of the preset over the published code, for every dropout."""
    seconds = {
        (each["model"], float(each["dropout"])): [
            float(each[name]) for name in ("seconds", "cpu_seconds")
        ]
        for each in rows
    }
    return {
        rate: tuple(t / o for t, o in zip(theirs, seconds["spektron", rate], strict=True))
        for (model, rate), theirs in seconds.items()
        if model == "published"
    }


def write(path: Path, rows: Sequence[dict], argv: Sequence[str], args: argparse.Namespace) -> None:
    """Write the table, and versions and hardware to a JSON file beside it."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    processor = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    if args.device != "cpu":
        processor = torch.cuda.get_device_name(args.device)
    note = {
        "arguments": shlex.join(argv).replace(str(args.published), "PATH"),
        "threads": args.threads,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "processor": processor,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("skspektron", "torch")},
    }
    path.with_name(path.name + ".json").write_text(json.dumps([note], indent=2) + "\n")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    models = [run.model for run in PRESET_RUNS]
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--published", type=Path, help="folder of the published code")
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of each network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or a CUDA device")
    parser.add_argument("--output", type=Path, help="CSV file")
    args = parser.parse_args(argv)
    if args.published and not (args.published / "src").is_dir():
        parser.error(f"{args.published} has no folder src. Pass the folder of the published code.")
    return args


def main(argv: Sequence[str]) -> None:
    """Time the networks and print the table."""
    args = parse(argv)
    torch.set_num_threads(args.threads)
    runs = [run for run in PRESET_RUNS if run.model in args.models]
    if args.published:
        sys.path.insert(0, str(args.published))
        runs = [run for run in runs if run.model != "spektron"] + list(COMPARED_RUNS)
    rows = race(runs, args.rounds, args.device)
    print(report(rows))
    if args.output:
        write(args.output, rows, argv, args)


if __name__ == "__main__":
    main(sys.argv[1:])

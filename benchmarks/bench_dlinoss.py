"""Time D-LinOSS against other algorithms for it and against other layers of equal width.

Times are forward plus backward in float32; the models take turns. The table has medians of the CPU
seconds of all threads, and the growth of the peak memory of a new process. `chunks` is the layer of
this package and `projections` its matrices B and C alone, a lower bound; `fft` computes the same
layer by the Fourier transform of its kernel, and `scan` by an associative scan of logarithmic depth
over pairs of a matrix and a state, with matrices shared by the batch. `complex scan` has complex B
and C, as published, and a matrix for each token of each spectrum, as torch's associative_scan
requires. Their equality is checked in float64 first. A block is norm, layer, GELU and gated linear
unit; the transformer layer has 4 times as many hidden units as its width.

With `--device cuda` times are wall-clock seconds, and memory is the peak that torch allocates.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_dlinoss.py \
        --output benchmarks/results/dlinoss.csv
"""

import argparse
import csv
import json
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter, process_time

import torch
from torch import Tensor, nn

from skspektron._nn.backbones.dlinoss import DLinOSS, DLinOSSBlock


@dataclass(frozen=True)
class Shape:
    """Sizes of a batch and of the layers that map it."""

    batch: int
    length: int
    d_model: int
    d_state: int


SHAPES = (Shape(64, 128, 128, 64), Shape(16, 2048, 256, 128), Shape(4, 8192, 256, 128))
RESULTS = Path(__file__).parent / "results" / "dlinoss.csv"
GROWTH = tuple(Shape(4, length, 256, 128) for length in (128, 256, 512, 1024, 2048))


class ScannedDLinOSS(DLinOSS):
    """The same layer by an associative scan."""

    shares_matrices = True  # over the batch

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        return self.positions(u @ self.B.T) @ self.C.T + self.D * u

    def positions(self, drive: Tensor) -> Tensor:
        """Return the positions (B, L, P) of all oscillators under their drive (B, L, P)."""
        alpha, rho, gain = (value.to(self.B.dtype) for value in self.recurrence())
        # IMEX with step 1: z = rho (z - A x + f), x = x + z, and rho A is alpha.
        step = torch.stack([rho, -alpha, rho, 1 - alpha])[:, None, None]  # (4, 1, 1, P)
        batch, length, _ = drive.shape
        step = step.expand(-1, 1 if self.shares_matrices else batch, length, -1)
        force = gain * drive
        n = self.n_forward
        forward = scan([*step[..., :n], *[force[..., :n]] * 2])[-1]
        backward = scan([*step[..., n:], *[force[..., n:].flip(1)] * 2])[-1]
        return torch.cat([forward, backward.flip(1)], dim=-1)


class ComplexScannedDLinOSS(ScannedDLinOSS):
    """The same with complex B and C, whose imaginary parts are initialized to zero."""

    shares_matrices = False

    def __init__(self, d_model: int, d_state: int):
        super().__init__(d_model, d_state)
        self.B_imaginary = nn.Parameter(torch.zeros_like(self.B))
        self.C_imaginary = nn.Parameter(torch.zeros_like(self.C))

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        drive = torch.complex(u @ self.B.T, u @ self.B_imaginary.T)
        x = self.positions(drive)
        return x.real @ self.C.T - x.imag @ self.C_imaginary.T + self.D * u


def scan(maps: list[Tensor]) -> list[Tensor]:
    """Compose the maps of all tokens from the left, time in dimension 1.

    A map (z, x) -> (a z + b x + f, c z + d x + g) is a, b, c, d, (1, L, P) or (B, L, P), and f, g.
    """
    length = maps[0].shape[1]
    if length == 1:
        return maps
    odd = scan(compose([m[:, : length - 1 : 2] for m in maps], [m[:, 1::2] for m in maps]))
    before, after = [m[:, : (length - 1) // 2] for m in odd], [m[:, 2::2] for m in maps]
    even = [
        torch.cat([m[:, :1], rest], 1) for m, rest in zip(maps, compose(before, after), strict=True)
    ]
    return [interleave(*pair) for pair in zip(even, odd, strict=True)]


def compose(first: list[Tensor], then: list[Tensor]) -> list[Tensor]:
    """Return the map that applies `first` and then `then`."""
    a, b, c, d, f, g = first
    A, B, C, D, F, G = then
    return [
        A * a + B * c,
        A * b + B * d,
        C * a + D * c,
        C * b + D * d,
        A * f + B * g + F,
        C * f + D * g + G,
    ]


def interleave(even: Tensor, odd: Tensor) -> Tensor:
    """Interleave the tokens at even and at odd positions along dimension 1."""
    n = odd.shape[1]
    pairs = torch.stack([even[:, :n], odd], 2).flatten(1, 2)
    return torch.cat([pairs, even[:, n:]], 1)


class FourierDLinOSS(DLinOSS):
    """The same layer as a convolution with its closed-form kernel."""

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        length, n = u.shape[1], self.n_forward
        r, theta = (value[:, None] for value in self.poles())
        k = torch.arange(length, device=u.device)
        kernel = (
            r**k * torch.sin((k + 1) * theta) / torch.sin(theta) * self.recurrence()[2][:, None]
        )
        response = torch.fft.rfft(kernel.to(u.dtype), n=2 * length)  # (P, K)
        # The time-reversed kernel has the conjugate spectrum.
        response = torch.cat([response[:n], response[n:].conj()])
        drive = torch.fft.rfft(self.B @ u.mT, n=2 * length)  # (B, P, K)
        x = torch.fft.irfft(drive * response, n=2 * length)[..., :length]
        return x.mT @ self.C.T + self.D * u


class Projections(DLinOSS):
    """The layer without its oscillators."""

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        drive = self.B @ u.reshape(-1, u.shape[-1]).T  # (P, B * L)
        return torch.addcmul((drive.T @ self.C.T).view(u.shape), self.D, u)


def transformer(d_model: int, d_state: int) -> nn.Module:
    """Return an encoder layer with heads of 64 channels."""
    return nn.TransformerEncoderLayer(
        d_model,
        d_model // 64,
        4 * d_model,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )


MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "layer: chunks": DLinOSS,
    "layer: projections": Projections,
    "layer: fft": FourierDLinOSS,
    "layer: scan": ScannedDLinOSS,
    "layer: complex scan": ComplexScannedDLinOSS,
    "block: chunks": lambda d_model, d_state: DLinOSSBlock(
        d_model, d_state, bidirectional=True, dropout=0.0
    ),
    "GRU": lambda d_model, d_state: nn.GRU(d_model, d_model, batch_first=True),
    "transformer": transformer,
}


def check_equal(shape: Shape, device: str = "cpu") -> None:
    """Check that all algorithms give the same values and gradients."""
    torch.manual_seed(0)
    layers = [
        MODELS[f"layer: {way}"](shape.d_model, shape.d_state).double().to(device)
        for way in ("chunks", "fft", "scan", "complex scan")
    ]
    u = torch.randn(shape.batch, shape.length, shape.d_model, dtype=torch.float64, device=device)
    for layer in layers:
        layer.load_state_dict(layers[0].state_dict(), strict=False)  # imaginary parts stay zero
    expected, *others = ([y := layer(u), *gradients(layer, y)] for layer in layers)
    for other in others:
        for a, b in zip(expected, other, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-7, atol=1e-7 * a.detach().abs().max().item())


def gradients(layer: DLinOSS, y: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients of the parameters that all algorithms share."""
    shared = (layer.nu, layer.phi, layer.B, layer.C, layer.D)
    return torch.autograd.grad(y.square().sum(), shared)


def prepare(name: str, shape: Shape, device: str) -> Callable[[], None]:
    """Return a function that runs one model forward and backward on one batch."""
    torch.manual_seed(0)
    module = MODELS[name](shape.d_model, shape.d_state).to(device)
    sizes = shape.batch, shape.length, shape.d_model
    u = torch.randn(sizes, device=device, requires_grad=True)
    usable = torch.ones(*sizes[:2], 1, device=device)
    arguments = (u, usable) if "block" in name else (u,)
    gradient = torch.randn(sizes, device=device)

    def run() -> None:
        y = module(*arguments)
        (y[0] if isinstance(y, tuple) else y).backward(gradient)
        module.zero_grad()
        u.grad = None
        if device != "cpu":
            torch.cuda.synchronize(device)

    return run


def clock(device: str) -> tuple[str, Callable[[], float]]:
    """Return the name and the function of the time that is measured on a device."""
    return ("cpu_seconds", process_time) if device == "cpu" else ("seconds", perf_counter)


def seconds_of(run: Callable[[], None], now: Callable[[], float]) -> float:
    """Return the time of one run; on the CPU that of all threads together."""
    start = now()
    run()
    return now() - start


def peak_growth(name: str, shape: Shape, n_threads: int) -> float:
    """Return the growth of the peak memory of this process in one run, in MiB."""
    torch.set_num_threads(n_threads)
    prepare(name, Shape(1, 16, shape.d_model, shape.d_state), "cpu")()  # loads the libraries
    run = prepare(name, shape, "cpu")
    before = getrusage(RUSAGE_SELF).ru_maxrss
    run()
    per_mib = 2**20 if sys.platform == "darwin" else 2**10
    return (getrusage(RUSAGE_SELF).ru_maxrss - before) / per_mib


def peak_allocated(name: str, shape: Shape, device: str) -> float:
    """Return the growth of the memory that torch has allocated on a GPU in one run, in MiB."""
    run = prepare(name, shape, device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20


def memory(shapes: Sequence[Shape], n_threads: int, device: str) -> dict[tuple[Shape, str], float]:
    """Return the growth of the peak of all models at all shapes.

    On the CPU each is measured in a process of its own.
    """
    grown = {}
    for name, shape in ((name, shape) for shape in shapes for name in MODELS):
        if device != "cpu":
            grown[shape, name] = peak_allocated(name, shape, device)
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            grown[shape, name] = pool.submit(peak_growth, name, shape, n_threads).result()
    return grown


def race(shape: Shape, rounds: int, device: str) -> dict[str, list[float]]:
    """Return the times of all models, run in turns after one round that is not timed."""
    runs = {name: prepare(name, shape, device) for name in MODELS}
    times: dict[str, list[float]] = {name: [] for name in MODELS}
    _, now = clock(device)
    for _ in range(rounds + 1):
        for name, run in runs.items():
            times[name].append(seconds_of(run, now))
    return {name: values[1:] for name, values in times.items()}


def report(rows: list[dict], time: str) -> str:
    """Return the table: time, ratio to chunks, growth from L / 2, peak memory."""
    lines = [f"{'B, L, D, P':<20} {'model':<19} {time:>11} {'ratio':>6} {'growth':>6} {'MiB':>6}"]
    seconds = {(*size_of(row), row["model"]): row[time] for row in rows}
    for row in rows:
        batch, length, *width = size = size_of(row)
        own = "layer: chunks" if row["model"].startswith("layer") else "block: chunks"
        half = seconds.get((batch, length / 2, *width, row["model"]))
        growth = f"{row[time] / half:.2f}" if half else ""
        ratio = row[time] / seconds[(*size, own)]
        lines.append(
            f"{', '.join(map(str, size)):<20} {row['model']:<19} {row[time]:>11.5f} "
            f"{ratio:>6.2f} {growth:>6} {row['memory_mib']:>6.0f}"
        )
    return "\n".join(lines)


def size_of(row: dict) -> tuple[int, ...]:
    """Return batch, length, width and number of oscillators of a row."""
    return tuple(int(row[field.name]) for field in fields(Shape))


def write(path: Path, rows: list[dict], argv: Sequence[str], args: argparse.Namespace) -> None:
    """Write the table, and versions and hardware to a JSON file beside it."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    versions = {package: version(package) for package in ("skspektron", "torch")}
    processor = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    if args.device != "cpu":
        processor = torch.cuda.get_device_name(args.device)
    run = {
        "arguments": shlex.join(argv),
        "threads": args.threads,
        "processor": processor,
        "versions": {"python": platform.python_version()} | versions,
    }
    path.with_name(path.name + ".json").write_text(json.dumps([run], indent=2) + "\n")


def read_rows(path: Path) -> list[dict]:
    """Return the rows of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="timed runs of each model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or a CUDA device")
    parser.add_argument("--max-length", type=int, default=8192, help="longest sequence")
    parser.add_argument("--output", type=Path, help="CSV file")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Check, measure memory, time, and print the table."""
    args = parse(argv)
    torch.set_num_threads(args.threads)
    shapes = [shape for shape in (*SHAPES, *GROWTH) if shape.length <= args.max_length]
    # Memory first: a new process inherits the peak of its parent.
    grown = memory(shapes, args.threads, args.device)
    check_equal(Shape(2, 301, 16, 12), args.device)
    rows, (time, _) = [], clock(args.device)
    for shape in shapes:
        for name, times in race(shape, args.rounds, args.device).items():
            measured = {
                time: round(median(times), 5),
                "memory_mib": round(grown[shape, name], 1),
            }
            rows.append({**asdict(shape), "model": name, **measured})
    print(report(rows, time))
    if args.output:
        write(args.output, rows, argv, args)


if __name__ == "__main__":
    main(sys.argv[1:])

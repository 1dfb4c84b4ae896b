"""The tables of the documentation that quote the benchmarks of the network, as Markdown."""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

from benchmarks import (
    bench_adapters,
    bench_bottleneck,
    bench_complement,
    bench_dlinoss,
    bench_inputs,
    bench_jobs,
    bench_masked,
)
from benchmarks import bench_embedding as embedding
from benchmarks.bench_embedding import geometric_mean, mean_ratios
from benchmarks.markdown import digits, markdown
from skspektron.foundation import describe_weights

RESULTS = Path(__file__).parent / "results"
Rows = list[dict[str, str]]
TOKENS = ("patch", "raw", "wavelet")
BACKBONES = {
    "dlinoss": "D-LinOSS",
    "mamba": "Mamba",
    "s4d": "S4D",
    "transformer": "transformer",
    "cnn": "CNN",
}
LAYERS = {
    "layer: chunks": "D-LinOSS layer, in chunks",
    "layer: projections": "its two projections alone (lower bound)",
    "layer: fft": "the same layer by FFT",
    "layer: scan": "by an associative scan, real, matrices shared",
    "layer: complex scan": "by an associative scan, complex, as published",
    "block: chunks": "D-LinOSS block",
    "GRU": "GRU",
    "transformer": "transformer layer",
}
PRESETS = {"chemomae": "chemomae (700 tokens)", "published": "published Spektron code"}
ADAPTED = {
    "`LoRATransfer`, default": "lora",
    "input term, no training": "lora, not trained",
    "no input term, no training": bench_adapters.NEITHER,
    "input term, 30 passes": bench_adapters.LONG,
}
UNLABELLED = {
    "`CORALTransfer`, derivatives": "coral",
    "`TTTTransfer`, default": "ttt, mean",
    '`align="tokens"`': "ttt, tokens",
    '`align="tokens"`, not trained': "ttt, tokens, not trained",
}
EMBEDDINGS = {  # features, number of components, scale
    "`small`, scaled": ("small", "chosen", "True"),
    "`small`, unscaled": ("small", "chosen", "False"),
    "`small`, 10 components": ("small", "10", "True"),
    "derivative, scaled": ("derivative", "chosen", "True"),
    "derivative, unscaled": ("derivative", "chosen", "False"),
    "random, scaled": ("random", "chosen", "True"),
    "random, unscaled": ("random", "chosen", "False"),
}
AT_FEW_LABELS = {name: EMBEDDINGS[name] for name in list(EMBEDDINGS)[:3]}
AT_FEW_LABELS |= {name: EMBEDDINGS[name] for name in list(EMBEDDINGS)[-2:]}
ON_THE_CARD = {  # features by their name on the card of the weights
    "`small`": "small",
    "the same with seed 1": "seed1",
    "the same with seed 2": "seed2",
    "the same, not trained": "random",
    "first derivative by Savitzky-Golay, 11 channels": "derivative",
}
RIVALS = {
    "`SNV -> PLS`, unscaled": ("plain", "False"),
    "derivative, scaled": ("derivative", "True"),
    "derivative, unscaled": ("derivative", "False"),
    "random, scaled": ("random", "True"),
    "random, unscaled": ("random", "False"),
}


@cache
def read(name: str) -> Rows:
    """Return the committed rows of a benchmark."""
    with (RESULTS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def in_pretraining(name: str) -> bool:
    """Return whether the shipped weights were trained on the spectra of a set."""
    file, array, _ = embedding.FILES[name]
    return any(file in source and array in source for source in describe_weights("small")["corpus"])


def below_the_sets(means: Mapping[str, float], repeats: Sequence[float]) -> dict[str, str]:
    """Return the summary lines below the sets for one column, by their title."""
    parts = {
        "geometric mean": means,
        "sets not in pretraining": {n: r for n, r in means.items() if not in_pretraining(n)},
        "without tecator": {n: r for n, r in means.items() if n != "tecator"},
    }
    lines = {title: f"{geometric_mean(r):.3f}" for title, r in parts.items()}
    return lines | {
        "lowest of a repeat": f"{min(repeats):.3f}",
        "highest of a repeat": f"{max(repeats):.3f}",
        "worst set": f"{max(means.values()):.2f}",
        "sets up to 1.02": str(sum(ratio <= 1.02 for ratio in means.values())),
        "sets below 1": str(sum(ratio < 1 for ratio in means.values())),
    }


def by_set_of_spectra(rows: Rows) -> str:
    """Return the error of PLS on embeddings over that on the spectra, set by set."""
    rows = [row for row in rows if row["fraction"] == "1.0"]
    means = mean_ratios(rows)
    columns = {key: means[(*key, "1.0")] for key in EMBEDDINGS.values()}
    lines = [
        [
            name,
            "yes" if in_pretraining(name) else "no",
            *(f"{c[name]:.2f}" for c in columns.values()),
        ]
        for name in embedding.FILES
    ]
    numbers = {row["repeat"] for row in rows}
    by_repeat = [mean_ratios([row for row in rows if row["repeat"] == n]) for n in numbers]
    below = [
        below_the_sets(ratios, [geometric_mean(each[(*key, "1.0")]) for each in by_repeat])
        for key, ratios in columns.items()
    ]
    lines += [[f"**{title}**", "", *(each[title] for each in below)] for title in below[0]]
    return markdown(["set", "spectra in pretraining", *EMBEDDINGS], lines)


def of_the_card(rows: Rows) -> str:
    """Return mean ratios, and of the worst set and the sets up to 1.02, by features and PLS."""
    means = mean_ratios([row for row in rows if row["fraction"] == "1.0"])
    settings = {
        "PLSRegression, 1 to 15 components by inner cross-validation": ("chosen", "True"),
        "PLSRegression(10)": ("10", "True"),
        "PLSRegression(scale=False), 1 to 15 components": ("chosen", "False"),
    }
    lines = []
    for label, features in ON_THE_CARD.items():
        found = [means[(features, *setting, "1.0")] for setting in settings.values()]
        lines.append([label, *(f"{geometric_mean(r):.3f} ({worst_of(r)})" for r in found)])
    return markdown(["between SNV and PLS", *settings], lines)


def worst_of(ratios: Mapping[str, float]) -> str:
    """Return the ratio of the worst set, and the number of sets up to 1.02."""
    return f"{max(ratios.values()):.2f}, {sum(ratio <= 1.02 for ratio in ratios.values())}"


def errors(rows: Rows, features: str, scale: str) -> dict[tuple, float]:
    """Return RMSEP with a chosen number of components by set, target and repeat."""
    column = "rmsep_plain" if features == "plain" else "rmsep"
    features = "small" if features == "plain" else features
    calibration = (features, "chosen", scale)
    chosen = [row for row in rows if (row["features"], row["pls"], row["scale"]) == calibration]
    return {(row["set"], row["target"], row["repeat"]): float(row[column]) for row in chosen}


def by_set(ours: Mapping[tuple, float], theirs: Mapping[tuple, float]) -> dict[str, float]:
    """Return the mean logarithm of the ratio of errors in the same folds, by set."""
    logs: dict[str, list[float]] = {}
    for key in sorted(ours.keys() & theirs.keys()):
        logs.setdefault(key[0], []).append(np.log(ours[key] / theirs[key]))
    return {name: float(np.mean(values)) for name, values in logs.items()}


def against(rows: Rows, features: str, scale: str) -> list[str]:
    """Return the comparison of the scaled embedding with an alternative in the same folds."""
    means = by_set(errors(rows, "small", "True"), errors(rows, features, scale))
    without = [mean for name, mean in means.items() if name != "tecator"]
    values = np.array(list(means.values()))
    return [
        f"{np.exp(values.mean()):.3f}",
        f"{np.exp(np.mean(without)):.3f}",
        str(np.sum(values < 0)),
        str(np.sum(values <= np.log(1.02))),
        f"{wilcoxon(values).pvalue:.1g}",
    ]


def rivals(rows: Rows) -> str:
    """Return the scaled embedding against its alternatives."""
    rows = [row for row in rows if row["fraction"] == "1.0"]
    lines = [[title, *against(rows, *rival)] for title, rival in RIVALS.items()]
    header = ["`small`, scaled, over", "mean", "without tecator", "better on", "up to 1.02", "p"]
    return markdown(header, lines)


def over_all_labels(rows: Rows, at_all: Rows, features: str) -> str:
    """Return the error at a fraction of the labels relative to `SNV -> PLS` with all."""
    logs = by_set(errors(rows, features, "True"), errors(at_all, "plain", "True"))
    return f"{np.exp(np.mean(list(logs.values()))):.2f}"


def fractions(rows: Rows) -> list[str]:
    """Return the fractions of the labels."""
    return sorted({row["fraction"] for row in rows})


def few_labels(rows: Rows) -> str:
    """Return the ratios with a fraction of the labels, and the errors over those with all.

    All lines rest on the repeats that every fraction has.
    """
    repeats = [{r["repeat"] for r in rows if r["fraction"] == f} for f in fractions(rows)]
    rows = [row for row in rows if row["repeat"] in set.intersection(*repeats)]
    means, lines = mean_ratios(rows), []
    at_all = [row for row in rows if row["fraction"] == "1.0"]
    for fraction in fractions(rows):
        own = [row for row in rows if row["fraction"] == fraction]
        ratios = [means[(*key, fraction)] for key in AT_FEW_LABELS.values()]
        cells = [f"{geometric_mean(r):.3f} ({sum(v <= 1.02 for v in r.values())})" for r in ratios]
        cells += [over_all_labels(own, at_all, features) for features in ("plain", "small")]
        lines.append([f"{100 * float(fraction):.0f} %", *cells])
    last = ["error of `SNV -> PLS`", "error of `small`"]
    return markdown(["labels", *AT_FEW_LABELS, *last], lines)


def adapted(rows: Rows) -> str:
    """Return the errors of adapted networks over those of the ensemble."""
    found = {line[:4]: f"{line[5]:.2f}" for line in bench_adapters.summary(rows)}
    columns = [(of, n) for of in ("simulated", "sugarcane") for n in bench_adapters.SIZES]
    methods = {**ADAPTED, **{f"{k}, alone": v + bench_adapters.ALONE for k, v in ADAPTED.items()}}
    lines = [
        [label.replace("`LoRATransfer`, default, alone", "default, alone")]
        + [found.get((of, n, "same", method), "") for of, n in columns]
        for label, method in methods.items()
    ]
    return markdown(["over `EnsembleTransfer`", *(f"{of}, {n}" for of, n in columns)], lines)


def without_standards(rows: Rows) -> str:
    """Return the errors without standards over those of mean-centring."""
    found = {line[:4]: f"{line[5]:.2f}" for line in bench_adapters.summary(rows)}
    columns = [(of, s) for of in ("simulated", "sugarcane") for s in bench_adapters.SAMPLES]
    lines = [
        [label, *(found[of, 0, samples, method] for of, samples in columns)]
        for label, method in UNLABELLED.items()
    ]
    header = ["over mean-centring of derivatives", *(f"{of}, {s}" for of, s in columns)]
    return markdown(header, lines)


def pretext(rows: Rows) -> str:
    """Return the errors on noise and on mixtures by tokens, hidden channels and backbone."""

    def cell(tokens: Sequence[str], decoder: str, backbone: str, column: str) -> str:
        own = [r for r in rows if (r["decoder"], r["backbone"]) == (decoder, backbone)]
        own = [r for r in own if r["tokenizer"] in tokens]
        values = sorted({f"{float(r[column]):.3f}" for r in own})
        layers = {int(r["n_layers"]) for r in own}
        depth = (
            f" ({max(layers)} layers)" if len(tokens) == 1 and max(layers, default=1) > 1 else ""
        )
        return "-".join(dict.fromkeys(values[:1] + values[-1:])) + depth

    lines = []
    kinds = [("noise, all three tokenizers", TOKENS, "nre_noise")]
    kinds += [(f"mixtures, {name}", (name,), "nre_learnability") for name in TOKENS]
    for hidden, decoders in (("token", ["linear"]), ("drop, latent / grid", ["latent", "grid"])):
        for label, tokens, column in kinds:
            cells = [[cell(tokens, d, b, column) for d in decoders] for b in BACKBONES]
            lines.append([label, hidden, *(" / ".join(filter(None, each)) for each in cells)])
    lines.sort(key=lambda line: not line[0].startswith("noise"))
    return markdown(["tokens", "hidden", *BACKBONES.values()], lines)


def training_speed(rows: Rows) -> str:
    """Return parameters and speed of the presets."""
    groups: dict[tuple, Rows] = {}
    for row in rows:
        groups.setdefault((row["model"], row["n_channels"], row["batch"]), []).append(row)
    lines = []
    for (model, channels, batch), own in groups.items():
        n = int(own[0]["n_parameters"])
        size = f"{n / 1e6:.2g} M" if n > 1e5 else f"{n / 1e3:.2g} k"
        rates = " / ".join(f"{float(row['dropout']):g}" for row in own)
        name = PRESETS.get(model, model) + (f", dropout {rates}" if len(own) > 1 else "")
        cpu, speed = (
            " / ".join(digits(float(row[column]), 2) for row in own)
            for column in ("cpu_seconds", "spectra_per_second")
        )
        lines.append([name, size, f"{channels}, {batch}", cpu, speed])
    header = ["preset", "parameters", "channels, batch", "CPU seconds per step"]
    return markdown([*header, "spectra per second"], lines)


def layers(rows: Rows) -> str:
    """Return the CPU seconds of layers at three sizes, and their memory at the second."""
    shapes = [(s.batch, s.length, s.d_model) for s in bench_dlinoss.SHAPES]
    found = {(bench_dlinoss.size_of(row)[:3], row["model"]): row for row in rows}
    lines = []
    for model, label in LAYERS.items():
        cells = [digits(float(found[shape, model]["cpu_seconds"]), 2) for shape in shapes]
        lines.append([label, *cells, f"{float(found[shapes[1], model]['memory_mib']):.0f}"])
    return markdown(["", *(" x ".join(map(str, shape)) for shape in shapes), "MiB"], lines)


def bottleneck(rows: Rows) -> str:
    """Return what probes recognize in the latents of a bottleneck."""
    columns = [*bench_bottleneck.PROBES, *bench_bottleneck.COLUMNS[-5:]]
    lines = [
        [f"{row['n_instruments']}, {row['seed']}", *(f"{float(row[c]):.2f}" for c in columns)]
        for row in rows
    ]
    header = ["instruments, seed", "logistic", "small network", "on standardized latents"]
    header += ["instrument part", "R2 of the worst concentration", "zero-shot R2", "no transfer"]
    return markdown([*header, "mean-centring"], lines)


def tables() -> dict[str, dict[str, str]]:
    """Return the tables of both pages by name."""
    return {
        "docs/evidence.md": {
            "adapted networks": adapted(read("adapters")),
            "without standards": without_standards(read("adapters")),
            **bench_jobs.tables({name: read(file) for name, file in bench_jobs.SOURCES.items()}),
            "hidden channels": bench_masked.table(read("masked")),
            "embedding": by_set_of_spectra(read("embedding")),
            "embedding and alternatives": rivals(read("embedding")),
            "few labels": few_labels(read("embedding")),
        },
        "docs/network_measurements.md": {
            "pretext": pretext(read("pretext")),
            "training speed": training_speed(read("network")),
            "layers": layers(read("dlinoss")),
            "inputs": bench_inputs.table(read("inputs")),
            "complement": bench_complement.table(read("complement")),
            "bottleneck": bottleneck(read("bottleneck")),
        },
    }

"""What pages say about the network: see claims.py."""

import math
import re
from functools import cache

import numpy as np

from benchmarks import (
    bench_adapters,
    bench_bottleneck,
    bench_calibration,
    bench_jobs,
    bench_masked,
)
from benchmarks import bench_complement as complement
from benchmarks import bench_embedding as embedding
from benchmarks import bench_inputs as inputs
from benchmarks import network_tables as network
from benchmarks.bench_network import speed_up
from benchmarks.claims import (
    DEVELOPED,
    FEW,
    SIX,
    UNSEEN,
    WORDS,
    between,
    claim,
    geometric,
    lead,
    percent,
    results,
    up,
)
from benchmarks.network_tables import RESULTS, read
from benchmarks.remake import SETS
from benchmarks.sidecar import read_runs

EVIDENCE, NETWORK = "docs/evidence.md", "docs/network_measurements.md"


# docs/evidence.md


@claim(
    EVIDENCE,
    SIX,
    "has the highest mean R2 on {} of the {} sets of the [benchmark](benchmark.md) with five and "
    "with ten standards, and is within {} of it on the sixth",
)
def ensemble_leads_on():
    leads = [min(lead(data, "ensemble", n) for n in FEW) for data in SETS]
    return [WORDS[sum(each >= 0 for each in leads)], WORDS[len(SETS)], up(-min(leads))]


def changes_by_lora() -> dict[str, list[float]]:
    """Return the mean differences of LoRA to the ensemble by set, with five and ten standards."""
    found = {}
    for data in SETS:
        n_repeats = 10 if data in ("corn", "tablets") else 2
        of_set = results(data, n_repeats)
        r2 = [[of_set.by_repeat(m, n) for m in ("lora", "ensemble")] for n in FEW]
        if all(value is not None for pair in r2 for value in pair):
            found[data] = [(one - other).mean() for one, other in r2]
    return found


@claim(
    EVIDENCE,
    SIX,
    "changes R2 by less than {} on {} sets, and by {} to {} on wet soil ({} tasks and {} repeats",
)
def network_in_the_ensemble():
    changes = changes_by_lora()
    soil = changes.pop("soil-moisture")
    bound = up(max(abs(value) for values in changes.values() for value in values))
    counts = WORDS[len(results("soil-moisture").tasks)], "two"
    return [bound, WORDS[len(changes)], *between(soil, ".2f"), *counts]


def small(fraction: str = "1.0", key: tuple = ("small", "chosen", "True")) -> dict[str, float]:
    """Return the mean ratio of features to PLS on the spectra, by set."""
    return embedding_means()[(*key, fraction)]


@cache
def embedding_means() -> dict[tuple, dict[str, float]]:
    """Return the mean ratios of all features."""
    return embedding.mean_ratios(read("embedding"))


DERIVATIVES = [("derivative", "chosen", scale) for scale in ("True", "False")]


@claim(
    EVIDENCE,
    "embedding",
    "the embedding before PLS lowers RMSEP by {} % on average over {} sets; a derivative by {} to "
    "{} %",
)
def embedding_lowers():
    own = geometric(small().values())
    others = sorted(int(percent(geometric(small(key=key).values()))) for key in DERIVATIVES)
    return [percent(own), str(len(small())), *map(str, others)]


@claim(
    EVIDENCE, "calibration", "`KernelEnsembleRegressor`, without a network, by {} % over {} sets"
)
def ensemble_over_snv_pls():
    found = bench_calibration.ratios(read("calibration"), "kernel ensemble", "SNV, PLS", "all")
    names = (*DEVELOPED, *UNSEEN)
    return [percent(geometric(found[name] for name in names)), str(len(names))]


@claim(
    EVIDENCE,
    "embedding",
    "RMSEP falls on {} of these {} sets; it rises by {} % on fresh meat and by at most {} % on any "
    "other",
)
def embedding_by_set():
    found = small()
    *_, second, worst = sorted(found, key=found.__getitem__)
    fallen = sum(value < 1 for value in found.values())
    bound = math.ceil(round(100 * (found[second] - 1), 6))
    assert worst == "fresh meat"
    return [str(fallen), str(len(found)), percent(found[worst]), str(bound)]


@claim(EVIDENCE, "corn tablets", "mean over tasks (corn: {}, tablets: {})")
def tasks_of_the_table():
    return [str(len(results(data).tasks)) for data in ("corn", "tablets")]


@claim(EVIDENCE, "corn", "better than NAR on average on every set**, by {} on corn")
def ensemble_over_nar():
    assert all(lead(data, "ensemble", n, ["nar"]) > 0 for data in SETS for n in FEW)
    gains = {f"{lead('corn', 'ensemble', n, ['nar']):.2f}" for n in FEW}
    return ["-".join(sorted(gains))]


@claim(EVIDENCE, "corn", "an R2 of {}, those of mp5 and mp6 with {} and {}")
def moisture_of_all_labels():
    def of(target):
        return results("corn").cell(
            "full-recalibration", "all", lambda task: task.endswith(f"-{target}/moisture")
        )

    return [of(name) for name in ("m5", "mp5", "mp6")]


@claim(
    EVIDENCE,
    "adapters",
    "fits the methods that change the network to {} development tasks, one split each: {} with a "
    "simulated second instrument, and {} pairs of sugarcane handhelds",
)
def adapted_tasks():
    tasks = {r["task"] for r in read("adapters") if not r["task"].startswith(bench_adapters.SPEED)}
    cane = sum(task.startswith("sugarcane") for task in tasks)
    return [str(len(tasks)), WORDS[len(tasks) - cane], WORDS[cane]]


@cache
def adapters() -> dict[tuple, float]:
    """Return the error over the reference by second instrument, standards, samples and method."""
    return {line[:4]: line[5] for line in bench_adapters.summary(read("adapters"))}


@claim(EVIDENCE, "adapters", "the ensemble by more than {} %")
def adapters_in_the_ensemble():
    found = [v for k, v in adapters().items() if k[1] and "alone" not in k[3] and k[0] != "speed"]
    return [str(math.ceil(round(100 * max(abs(value - 1) for value in found), 6)))]


@claim(EVIDENCE, "adapters", "The embedding alone is worse than the ensemble by {} % or more")
def embedding_alone():
    worse = min(value for key, value in adapters().items() if "alone" in key[3])
    return [str(math.floor(100 * (worse - 1)))]


@claim(EVIDENCE, "adapters", "takes {} seconds of CPU with 700 channels and {} with 2,151")
def seconds_of_lora():
    found = {row["task"]: float(row["cpu_seconds"]) for row in read("adapters")}
    return [f"{found[f'{bench_adapters.SPEED}/{n}']:.1f}" for n in bench_adapters.N_CHANNELS]


@cache
def jobs() -> dict[str, dict]:
    """Return the comparisons of methods with and without a network by job."""
    return dict(bench_jobs.comparisons({k: read(file) for k, file in bench_jobs.SOURCES.items()}))


def with_verdict(*titles: str) -> list[str]:
    """Return the verdict on a job and its ratios; it is won if one of the comparisons is."""
    verdicts = [bench_jobs.verdict(jobs()[title]) for title in titles]
    order = ("won", "open", "lost")
    ratios = [f"{jobs()[title]['ratio']:.2f}" for title in titles]
    return [min(verdicts, key=order.index), *ratios]


@claim(
    EVIDENCE,
    "jobs_damage",
    "**Finding damaged and foreign spectra: {}.** The best score by a network misses {}, {} and {} "
    "times as many damaged spectra as the best one without, with 5, 20 and 50 good spectra",
)
def missed_damage():
    return with_verdict(*(f"damage, {size} good spectra" for size in bench_jobs.SIZES))


@claim(
    EVIDENCE,
    "jobs_axes",
    "**Instruments on unlike axes without a common sample: {}.** The error of the best method with "
    "a network is {} times that of the best one without, and {} times on sugarcane alone",
)
def unlike_axes():
    return with_verdict("unlike axes, all pairs", "unlike axes, sugarcane")


@claim(
    EVIDENCE,
    "adapters",
    "**Transfer with standards: {}.** With 2, 5 and 10 standards, the best method with a network "
    "has {}, {} and {} times the error of `EnsembleTransfer`. Without standards, it has {} times "
    "the error of the best classical method if both instruments measured the same samples, and {} "
    "times if they measured others",
)
def transfer_with_standards():
    sizes = [f"{size} standards" for size in bench_adapters.SIZES]
    return with_verdict(*sizes, *(f"0 standards, {s} samples" for s in bench_adapters.SAMPLES))


@claim(
    EVIDENCE,
    "embedding",
    "RMSEP falls by {} % in the geometric mean over {} sets. It is lower on {} of them and at most "
    "{} % higher on {}. **One set, fresh meat, misses this aim** by {} points: {}",
)
def aim_of_the_embedding():
    found = small()
    worst = max(found, key=found.__getitem__)
    assert worst == "fresh meat"
    aim = 1.02
    counts = [sum(v < 1 for v in found.values()), sum(v <= aim for v in found.values())]
    return [
        *(percent(geometric(found.values())), str(len(found)), str(counts[0])),
        *(percent(aim), str(counts[1]), f"{100 * (found[worst] - aim):.0f}"),
        f"{found[worst]:.2f}",
    ]


@cache
def by_repeat() -> list[dict[str, float]]:
    """Return the mean ratio of the scaled embedding by set, for each repeat."""
    rows = [row for row in read("embedding") if row["fraction"] == "1.0"]
    rows = [row for row in rows if row["features"] == "small"]
    numbers = sorted({row["repeat"] for row in rows})
    key = ("small", "chosen", "True", "1.0")
    return [embedding.mean_ratios([r for r in rows if r["repeat"] == n])[key] for n in numbers]


@claim(
    EVIDENCE,
    "embedding",
    "barley between {} and {}, gasoline (60 samples) between {} and {}, the sugarcane handheld "
    "`MicroNIR1700_rep3` between {} and {}. Every single repeat has {} to {} sets above 1.02, and "
    "{} of the {} has none",
)
def repeats_of_the_embedding():
    names = ("barley", "gasoline", "cane MicroNIR1700_rep3")
    ranges = [between((ratios[name] for ratios in by_repeat()), ".2f") for name in names]
    above = [sum(value > 1.02 for value in ratios.values()) for ratios in by_repeat()]
    counts = [WORDS[min(above)], WORDS[max(above)], WORDS[above.count(0)], WORDS[len(above)]]
    return [*(value for each in ranges for value in each), *counts]


@claim(
    EVIDENCE,
    "embedding",
    "With unscaled columns {} sets are up to 1.02 and {} below 1; the worst, soil (`{}`), is {} % "
    "worse. With 10 components throughout, {} and {}; the worst, {}, is {} % worse",
)
def other_settings():
    cells = []
    for key in (("small", "chosen", "False"), ("small", "10", "True")):
        found = small(key=key)
        worst = max(found, key=found.__getitem__)
        counts = sum(v <= 1.02 for v in found.values()), sum(v < 1 for v in found.values())
        cells += [*map(str, counts), worst, percent(found[worst])]
    return cells


def at_all_labels() -> list:
    """Return the rows of the embedding with all labels."""
    return [row for row in read("embedding") if row["fraction"] == "1.0"]


@claim(
    EVIDENCE,
    "embedding",
    "untrained weights have {} of the error of `SNV -> PLS`. Training lowers theirs by {} %, which "
    "is not significant (p = {})",
)
def training_over_random():
    untrained = geometric(small(key=("random", "chosen", "True")).values())
    gain, *_, p = network.against(at_all_labels(), "random", "True")
    assert float(p) > 0.05
    return [f"{untrained:.3f}", percent(float(gain)), p]


@claim(
    EVIDENCE,
    "embedding",
    "is worse than the scaled embedding, by {} % with scaled columns and by {} % without ({} % and "
    "{} % without tecator)",
)
def derivative_over_embedding():
    scaled, unscaled = (
        network.against(at_all_labels(), "derivative", s) for s in ("True", "False")
    )
    worse = [float(found[i]) for i in (0, 1) for found in (scaled, unscaled)]
    return [f"{100 * (1 / ratio - 1):.0f}" for ratio in worse]


@claim(
    EVIDENCE,
    "embedding",
    "worse than PLS on {} of the {} sets, by up to {} %, and by {} % in the geometric mean (the "
    "first repeat)",
)
def from_scratch():
    found = small(key=("scratch", "none", "none"))
    worse = [value for value in found.values() if value > 1]
    return [
        str(len(worse)),
        str(len(found)),
        percent(max(worse)),
        percent(geometric(found.values())),
    ]


@claim(
    EVIDENCE,
    "embedding",
    "with {} % of the labels, the trained network has {} times the error of the untrained one (p = "
    "{})",
)
def training_with_few_labels():
    rows = [row for row in read("embedding") if row["fraction"] == "0.1"]
    ratio, *_, p = network.against(rows, "random", "True")
    return ["10", f"{float(ratio):.2f}", p]


@claim(EVIDENCE, "embedding", "the embedding is at {} and PLS on the spectra at {}")
def half_of_the_labels():
    at_all = [row for row in read("embedding") if row["fraction"] == "1.0"]
    half = [row for row in read("embedding") if row["fraction"] == "0.5"]
    return [network.over_all_labels(half, at_all, features) for features in ("small", "plain")]


@claim(EVIDENCE, "embedding", "without the two sets the mean is {}")
def not_in_pretraining():
    found = (v for name, v in small().items() if not network.in_pretraining(name))
    return [f"{geometric(found):.3f}"]


# docs/network.md and docs/network_measurements.md


@claim("docs/network.md", "embedding", "the embedder with PLS after SNV on {} data sets")
def sets_of_the_embedding():
    return [str(len(small()))]


@claim(NETWORK, "pretext", "or above the {} of linear interpolation")
def interpolation():
    [found] = {row["interpolation"] for row in read("pretext")}
    return [f"{float(found):.2f}"]


@claim(
    NETWORK,
    "network",
    "{} cores with other processes running (load average {}), full training step with the masked "
    "objective (and balance of experts), medians of {} interleaved rounds",
)
def machine_of_training():
    [run] = read_runs(RESULTS / "network.csv")
    rounds = re.findall(r"--rounds (\d+)", run["arguments"])
    return [WORDS[run["cores"]], f"{run['load']:.1f}", *rounds]


@claim(NETWORK, "dlinoss", "CPU seconds, medians of {} rounds")
def rounds_of_layers():
    [run] = read_runs(RESULTS / "dlinoss.csv")
    return re.findall(r"--rounds (\d+)", run["arguments"]) or ["5"]  # the default


@claim(
    EVIDENCE,
    "embedding",
    "of these, {} to {} have a given reference value in diesel and `nirsoil`",
)
def known_values():
    names = ("diesel", "nirsoil")
    return between((int(r["n_samples"]) for r in read("embedding") if r["set"] in names), "d")


@claim(
    NETWORK,
    "network",
    "the preset is {} times as fast as the published code with dropout {} and {} times as fast "
    "without dropout, in wall-clock and in CPU seconds",
)
def over_published():
    found = speed_up(read("network"))
    rates = sorted(found, reverse=True)
    by_rate = ({f"{value:.1f}" for value in found[rate]} for rate in rates)
    [first], [second] = by_rate
    return [first, f"{rates[0]:g}", second]


@claim(
    NETWORK,
    "dlinoss",
    "The layer is {} times as fast as the published scan and {} times as fast as an equally "
    "optimized scan of the same layer",
)
def layer_over_scans():
    seconds = layer_seconds()
    own = seconds["layer: chunks"]["16", "2048"]
    rivals = ("layer: complex scan", "layer: scan")
    return [f"{seconds[name]['16', '2048'] / own:.1f}" for name in rivals]


def layer_seconds() -> dict[str, dict[tuple[str, str], float]]:
    """Return the CPU seconds of every layer by batch and length."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for row in read("dlinoss"):
        own = found.setdefault(row["model"], {})
        own[row["batch"], row["length"]] = float(row["cpu_seconds"])
    return found


@claim(
    NETWORK,
    "dlinoss",
    "the block takes {} to {} times as long, and the transformer layer {} to {} times",
)
def growth():
    result = []
    for name in ("block: chunks", "transformer"):
        own = {
            int(length): v for (batch, length), v in layer_seconds()[name].items() if batch == "4"
        }
        result += between((own[n] / own[n // 2] for n in own if n // 2 in own), ".1f")
    return result


@cache
def read_by_network() -> dict[tuple, dict[str, float]]:
    """Return the mean ratios of the networks that differ in their normalization."""
    return inputs.mean_ratios(read("inputs"))


@claim(NETWORK, "inputs", "the geometric mean over {} sets from single instruments, {} of them")
def sets_of_inputs():
    [names] = {tuple(sorted(found)) for found in read_by_network().values()}
    return [str(len(names)), WORDS[sum(name.startswith("diesel") for name in names)]]


def of_inputs(normalize: str, *, steps="800", before="", scale="False", by="calibration") -> float:
    """Return the mean ratio of a network."""
    return geometric(read_by_network()[normalize, by, steps, before, scale].values())


@claim(
    NETWORK,
    "inputs",
    "networks that read a derivative have an error {} to {} % lower than with SNV alone if its "
    "size is that of the calibration",
)
def derivative_as_input():
    plain = of_inputs("snv")
    ratios = (of_inputs(name) / plain for name in ("derivative", "snv+derivative"))
    return between((100 * (1 - ratio) for ratio in ratios), ".0f")


@claim(NETWORK, "inputs", "they do worse on small sets: the worst is {}, with")
def worst_of_inputs():
    found = {k: v for k, v in read_by_network().items() if k[2] == "800" and k[4] == "True"}
    worst = {max(v, key=v.__getitem__) for k, v in found.items() if "derivative" in k[0]}
    return [", ".join(worst)]


@claim(
    NETWORK,
    "inputs",
    "Training lowers the error of a network that reads a derivative by {} % without scaling, and "
    "that of one that reads SNV by {} %",
)
def training_of_inputs():
    [gain] = {
        f"{100 * (1 - of_inputs(name, before=b) / of_inputs(name, before=b, steps='0')):.0f}"
        for name, b in (("derivative", ""), ("snv+derivative", ""), ("snv+derivative", "SNV"))
    }
    return [gain, f"{100 * (1 - of_inputs('snv') / of_inputs('snv', steps='0')):.0f}"]


@claim(
    NETWORK,
    "inputs",
    "has {} after SNV without scaling and {} with, and {} and {} without SNV. With one seed",
)
def shipped_in_inputs():
    return [
        f"{of_inputs('small', before=before, scale=scale, by=''):.3f}"
        for before in ("SNV", "")
        for scale in ("False", "True")
    ]


@cache
def beside_features() -> dict[tuple[str, str, str], float]:
    """Return the mean ratios of `bench_complement` by network, figure and number of samples."""
    found = complement.summary(read("complement"))
    return {(network, figure, size): mean for network, figure, _, size, mean, *_ in found}


@claim(
    NETWORK,
    "complement",
    "whose own views have {} of the error of PLS after SNV with all samples and {} with ten. As "
    "one more view it lowers the error by less than {} %",
)
def engine_beside_network():
    found = beside_features()
    gains = [100 * (1 - found["complement", "view", size]) for size in complement.SIZES]
    own = [f"{found['complement', 'engine', size]:.2f}" for size in complement.SIZES]
    assert min(gains) > 0
    return [*own, up(max(gains), 0)]


@claim(
    EVIDENCE,
    "complement",
    "as one more view on {} of {} sets, but by {} % on average (p = {}). PLS after SNV has {} "
    "times the error of the network as the only view, and {} times that of the closed-form views",
)
def network_at_ten_samples():
    lines = {line[:4]: line[4:] for line in complement.summary(read("complement"))}
    mean, _, better, p = lines["complement", "view", "engine", "10"]
    rows = [r for r in read("complement") if (r["network"], r["n_samples"]) == ("complement", "10")]
    n_sets = len({row["set"] for row in rows})
    over = [
        f"{1 / beside_features()['complement', name, '10']:.2f}" for name in ("alone", "engine")
    ]
    return [str(better), str(n_sets), f"{100 * (1 - mean):.1f}", f"{p:.3f}", *over]


@claim(NETWORK, "complement", "With PLS on scaled columns, the worst set is {}, with its few")
def worst_beside_features():
    rows = [row for row in read("complement") if row["n_samples"] == "all"]
    by_network = [
        complement.ratios([r for r in rows if r["network"] == name], "pls", "pls_plain")
        for name in ("complement", "small")
    ]
    [worst] = {max(found, key=found.__getitem__) for found in by_network}
    return [worst]


@claim(
    NETWORK,
    "bottleneck",
    "chance is {} with two instruments and {} with three",
)
def chance():
    found = {row["n_instruments"]: float(row["chance"]) for row in read("bottleneck")}
    return [f"{found[n]:.2f}" for n in "23"]


@claim(NETWORK, "bottleneck", "from the chemistry part more than {} points above chance")
def above_chance():
    rows = read("bottleneck")
    excess = (float(r[p]) - float(r["chance"]) for r in rows for p in bench_bottleneck.PROBES)
    return [str(math.ceil(100 * max(excess)))]


@claim(
    NETWORK,
    "bottleneck",
    "(zero-shot) is better than no transfer in all {} runs, and better than mean-centring in {}",
)
def zero_shot():
    rows = [{k: float(v) for k, v in row.items()} for row in read("bottleneck")]
    assert all(row["r2_zero_shot"] > row["r2_no_transfer"] for row in rows)
    better = sum(row["r2_zero_shot"] > row["r2_mean_centring"] for row in rows)
    return [WORDS[len(rows)], WORDS[better]]


@cache
def of_hidden() -> dict[tuple, tuple]:
    """Return the figures of a fill of hidden channels by sets, kind of gaps and fill."""
    return {row[:3]: row[3:] for row in bench_masked.summary(read("masked"))}


@claim(
    EVIDENCE,
    "masked",
    "A network leaves {} of the squared error of a line in patches and {} in blocks; "
    "`SpektronImputer`, without a network, leaves {} and {}. The average of both, weighted by "
    "their errors on blocks around a gap, leaves {} and {}",
)
def network_and_imputer():
    found = of_hidden()
    for kind in ("patches", "block"):
        assert found["held out", kind, "with"][0] >= found["held out", kind, "imputer"][0]
    return [
        f"{found['held out', kind, fill][0]:.2f}"
        for fill in ("dlinoss", "imputer", "with")
        for kind in ("patches", "block")
    ]


@claim(EVIDENCE, "masked", "The two seeds differ by {} at most")
def seeds_of_hidden():
    rows = [row for row in read("masked") if row["group"] != "reporting"]
    gaps = []
    for kind in ("patches", "block"):
        own = [row for row in rows if row["gaps"].startswith(kind)]
        means = [list(bench_masked.by_set(own, [f"dlinoss {seed}"]).values()) for seed in (0, 1)]
        gaps.append(abs(np.subtract(*(np.exp(np.mean(mean)) for mean in means))))
    return [f"{max(gaps):.2f}"]


@claim(
    EVIDENCE,
    "masked",
    "have the same errors with {} times the parameters and {} times the seconds",
)
def convolutions():
    [run] = read_runs(RESULTS / "masked.csv")
    sums = {
        (name, key): sum(each[key] for k, each in run["trainings"].items() if k.startswith(name))
        for name in ("cnn", "dlinoss")
        for key in ("n_parameters", "seconds")
    }
    return [f"{sums['cnn', key] / sums['dlinoss', key]:.1f}" for key in ("n_parameters", "seconds")]

"""What pages say about transfers, calibrations, intervals and gaps: see claims.py."""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from benchmarks import (
    bench_calibration,
    bench_domain,
    bench_gaussian,
    bench_imputer,
    bench_validation,
    damage,
    landing_figure,
    tables,
)
from benchmarks.bench_intervals import coverages
from benchmarks.bench_selection import gains as gains_of_order
from benchmarks.bench_transfer import wilcoxon_p
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
    mean,
    percent,
    results,
    up,
)
from benchmarks.network_tables import RESULTS, read
from benchmarks.remake import SETS
from benchmarks.sidecar import read_runs
from skspektron.validation._statistics import detectable_shift

README, BENCHMARK, CALIBRATION = "README.md", "docs/benchmark.md", "docs/calibration.md"
INTERVALS, TRANSFER = "docs/intervals.md", "docs/transfer.md"
MONITORING = "docs/monitoring.md"
VALIDATION = "docs/validation.md"
PREPROCESSING, WHICH = "docs/preprocessing.md", "docs/which_method.md"
LINEAR = ("nar", "epo", "pooled", "di-pls", "pfce-ns", "pfce-ss", "pfce-fs", "slope-bias")


# README.md and the landing page


def over_best_pls(names: Iterable[str]) -> list[str]:
    """Return the mean ratio of the ensemble to the best PLS, and the number of sets."""
    found = bench_calibration.ratios(read("calibration"), "kernel ensemble", "best PLS", "all")
    chosen = [found[name] for name in names]
    return [f"{geometric(chosen):.2f}", str(len(chosen))]


@claim(
    README,
    "calibration",
    "RMSEP is {} times that of the best PLS on the {} "
    "[sets of spectra](https://skspektron.readthedocs.io/en/latest/calibration.html) that it was "
    "developed on, and {} times on {} others",
)
def readme_calibration():
    return over_best_pls(DEVELOPED) + over_best_pls(UNSEEN)


@claim(
    "docs/index.md",
    "corn",
    "On corn with {} standards, the RMSEP of `EnsembleTransfer` is {} times that of full "
    "recalibration, that of `NARTransfer` {} times and that of `PDSTransfer` {} times. A new "
    "calibration on the {} standards alone has {} times that RMSEP, the untransferred calibration "
    "{} times (medians over these {} splits)",
)
def landing():
    ratios = landing_figure.read_ratios()
    fits = [("ensemble", 10), ("nar", 10), ("pds", 10), ("target-only", 10), ("no-transfer", 0)]
    one, two, three, four, five = (f"{np.median(ratios[fit]):.2f}" for fit in fits)
    n = WORDS[landing_figure.N_REPEATS]
    return ["ten", one, two, three, "ten", four, five, n]


@claim("docs/index.md", "corn", "Lines are medians over {} splits")
def landing_splits():
    return [WORDS[landing_figure.N_REPEATS]]


@claim(
    "docs/index.md",
    "corn",
    "the geometric mean of {} tasks ({} pairs of instruments, {} properties)",
)
def landing_tasks():
    tasks = [task.split("/") for task in results("corn").tasks]
    return [str(len(tasks)), *(str(len({task[i] for task in tasks})) for i in (1, 2))]


# docs/benchmark.md


def n_tasks(data: str) -> Callable[[], list[str]]:
    """Return a function that counts the tasks of a set."""
    return lambda: [str(len(results(data).tasks))]


for of_data, before in {
    "corn": "moisture, oil, protein, starch",
    "tablets": "published outliers removed",
    "sugarcane": "TS, CP, ADF, IVOMD",
    "alcohol": "ethanol, water, isopropanol",
    "soil-moisture": "total carbon",
    "cassava": "dry matter, carotenoids",
}.items():
    claim(BENCHMARK, of_data, f"{before} | {{}} |")(n_tasks(of_data))


@claim(
    BENCHMARK,
    SIX,
    "has the highest mean R2 on {}, {}, {}, {} and {} with five and with ten standards, and is "
    "within {} of it on {}, where most methods are at {}",
)
def ensemble_leads():
    leads = {data: min(lead(data, "ensemble", n) for n in FEW) for data in SETS}
    ahead = [tables.SHORT.get(data, data) for data in SETS if leads[data] >= 0]
    [trailing] = [data for data in SETS if leads[data] < 0]
    found = [results(trailing).cell(method, n) for method in tables.LABELS for n in FEW]
    return [*ahead, up(-leads[trailing]), trailing, max(filter(None, found), key=found.count)]


@claim(BENCHMARK, "tablets soil-moisture cassava", "standards come within {} of full recalibration")
def close_to_full():
    full = {
        d: mean(d, "full-recalibration", "all") for d in ("tablets", "soil-moisture", "cassava")
    }
    return [up(max(value - mean(data, "ensemble", "10") for data, value in full.items()))]


@claim(BENCHMARK, SIX, "the best of the methods that end as one linear model, or within {} of it")
def nar_among_linear():
    return [up(max(-lead(data, "nar", n, LINEAR) for data in SETS for n in FEW))]


@claim(BENCHMARK, "corn", "(DS on corn with five standards: {} and {})")
def ds_published():
    return [results("corn").cell(name, "5") for name in ("ds", "ds-published")]


@claim(BENCHMARK, "soil-moisture cassava", "DS and PDS is up to {} below that of mean-centring")
def below_an_offset():
    hard = ("soil-moisture", "cassava")
    lost = (mean(d, "mean-centring", "5") - mean(d, m, "5") for d in hard for m in ("ds", "pds"))
    return [f"{max(lost):.2f}"]


@claim(
    BENCHMARK,
    "threads",
    "The committed run had {} cores and a load of {}. `{}` has the largest ratio, {}, the ensemble "
    "{}",
)
def threads():
    [run] = read_runs(RESULTS / "threads.csv")
    ratios = {row["case"]: float(row["wall_ratio"]) for row in read("threads")}
    worst = max(ratios, key=ratios.__getitem__)
    ensemble = ratios["EnsembleTransfer"]
    return [
        WORDS[run["cores"]],
        f"{run['load']:.0f}",
        worst,
        f"{ratios[worst]:.2f}",
        f"{ensemble:.2f}",
    ]


@claim(BENCHMARK, "speed", "searches {} values of `n_transfer` in {} folds")
def searched():
    [run] = read_runs(RESULTS / "speed.csv")
    return [str(run["search"][name]) for name in ("values", "folds")]


@claim(BENCHMARK, "speed", "{} calibrations are fitted (one for each fold, one for the refit)")
def fitted():
    [run] = read_runs(RESULTS / "speed.csv")
    return [str(run["search"]["calibrations"])]


# docs/which_method.md and docs/recalibration.md


@claim(
    WHICH,
    SIX,
    "the highest mean R2 or is within {} of it",
)
def ensemble_within():
    return [up(max(-lead(data, "ensemble", n) for data in SETS for n in FEW))]


@claim(WHICH, "corn", "A new calibration needs {} labelled samples or more on corn")
def labels_for_the_ensemble():
    sizes = {tables.equal_size(results("corn"), "ensemble", n) for n in FEW}
    return sorted(sizes)


@claim(WHICH, SIX, "`NARTransfer` | {} to {} seconds |")
def seconds_of_nar():
    rows = (row for data in SETS for row in results(data).rows)
    times = [float(row["seconds"]) for row in rows if row["method"] == "nar"]
    return between(times, ".2g")


# docs/calibration.md


def coverage(names: Iterable[str]) -> list[str]:
    """Return the mean coverage in percent over the properties of some sets, by size."""
    names = set(names)
    rows = [row for row in read("calibration") if row["set"] in names and row["coverage"]]
    rows = [row for row in rows if row["method"] == "kernel ensemble"]
    found = [
        [float(row["coverage"]) for row in rows if row["n_samples"] == size]
        for size in bench_calibration.SIZES
    ]
    return [f"{100 * np.mean(values):.1f}" for values in found]


@claim(
    CALIBRATION,
    "calibration",
    "In the first table, {} % of the reference values lie within 1.96 standard deviations of the "
    "prediction with all samples, and {}, {} and {} % with 10, 20 and 30 (means over the "
    "properties; 95 % would be exact). In the second they are {}, {}, {} and {} %, and in the "
    "third {}, {}, {} and {} %",
)
def coverages_of_std():
    infrared = [name for name in UNSEEN if name not in bench_calibration.REPORTING]
    return [
        value
        for names in (DEVELOPED, infrared, bench_calibration.REPORTING)
        for value in coverage(names)
    ]


@claim(
    CALIBRATION,
    "calibration",
    "With {} simulated calibration samples of 700 channels, for which the kernels are approximated "
    "by landmarks, RMSEP is {} times that of best PLS for a property that is linear in the spectra "
    "and {} times for one that is not. The fit takes {} seconds of CPU time; choosing the best PLS "
    "takes {} seconds",
)
def many_rows():
    size = bench_calibration.LARGE
    rows = [row for row in read("calibration") if row["n_samples"] == size]
    found = {(row["property"], row["method"]): row for row in rows}
    ratios = (
        float(found[name, "kernel ensemble"]["rmsep"]) / float(found[name, "best PLS"]["rmsep"])
        for name in ("amount", "product of amounts")
    )
    times = (found["amount", method]["seconds"] for method in ("kernel ensemble", "best PLS"))
    return [f"{int(size):,}", *(f"{r:.2f}" for r in ratios), *(f"{float(t):.0f}" for t in times)]


@claim(
    CALIBRATION,
    "calibration",
    "RMSEP is {} times that without it over all {} sets (last column), {} times over the {} sets "
    "that the constants were chosen on. It is below 0.98 on {} sets, {} of them spectra of alcohol",
)
def with_network():
    pair = "kernel ensemble with network", "kernel ensemble"
    found = bench_calibration.ratios(read("calibration"), *pair, "all")
    helped = [name for name, ratio in found.items() if ratio < 0.98]
    developed = geometric(found[name] for name in DEVELOPED)
    return [
        *(f"{geometric(found.values()):.2f}", str(len(found))),
        *(f"{developed:.2f}", str(len(DEVELOPED)), str(len(helped))),
        WORDS[sum(name.startswith("alcohol") for name in helped)],
    ]


# docs/intervals.md


def covered(method: str, drawn: str = "random", n: str = "10", first: int | None = None):
    """Return the coverages of the draws on simulated instruments, in percent."""
    found = coverages(read("intervals"))["simulated", method, drawn, n]
    return 100 * np.array(found)[:first, 0]


@claim(
    INTERVALS,
    "intervals",
    "{} % of the intervals of `NARTransfer` contain the reference value; on the same {} draws {} % "
    "with both chosen. `PDSTransfer` is the least stable, also with fixed windows ({} %), and is "
    "closer with twenty standards ({} %)",
)
def stability():
    fixed = covered("nar-fixed")
    chosen = covered("nar", first=len(fixed))
    others = covered("pds-fixed"), covered("pds", n="20")
    return [f"{fixed.mean():.1f}", str(len(fixed)), f"{chosen.mean():.1f}"] + [
        f"{each.mean():.1f}" for each in others
    ]


@claim(INTERVALS, "intervals", "the coverage is {} to {} %: errors at the edge")
def at_the_edge():
    names = ("nar", "pds", "target-only")
    return between((covered(name, "kennard-stone").mean() for name in names), ".1f")


@claim(
    INTERVALS,
    "intervals",
    "for `TargetOnly`, a tenth of the draws were below {} %. With twenty standards that limit is "
    "{} %",
)
def single_laboratory():
    of_ten = covered("target-only", first=100), covered("target-only", n="20")
    return [f"{np.quantile(each, 0.1):.0f}" for each in of_ten]


@claim(
    INTERVALS,
    "intervals",
    "On the first {} draws of corn the coverage of `EnsembleTransfer` is {} %, that of "
    "`NARTransfer` {} %",
)
def ensemble_on_corn():
    found = coverages(read("intervals"))
    own, nar = (found["corn", name, "random", "10"] for name in ("ensemble", "nar"))
    values = (100 * np.mean([coverage for coverage, _ in each[: len(own)]]) for each in (own, nar))
    return [WORDS[len(own)], *(f"{value:.1f}" for value in values)]


# docs/preprocessing.md


def outside_domain(n_good: str, variance: str, decision: str) -> list[dict[str, str]]:
    """Return the rows of real sets in `bench_domain.py`."""
    settings = {"n_good": n_good, "variance": variance, "decision": decision}
    return [
        row
        for row in read("domain")
        if row["set"] != "simulated" and settings.items() <= row.items()
    ]


@claim(PREPROCESSING, "domain", "development sets with enough spectra, {}, {} and {} of them")
def sets_of_damage():
    two, *_ = bench_domain.DECISIONS
    return [str(len(outside_domain(str(n), "0.99", two))) for n in bench_domain.SIZES]


@claim(
    PREPROCESSING,
    "domain",
    "With 50 good spectra, {} % of the damaged ones are found, and {} % by T2 and Q alone. More "
    "components find more, {} % at 99.9 % of the variance",
)
def found_damage():
    two, three = bench_domain.DECISIONS
    settings = [("0.99", three), ("0.99", two), ("0.999", three)]
    found = [
        np.mean([float(r[kind]) for r in outside_domain("50", *each) for kind in damage.KINDS])
        for each in settings
    ]
    assert found[1] < found[0] < found[2]
    return [f"{100 * value:.0f}" for value in found]


@claim(PREPROCESSING, "domain", "on single sets, up to {} % of good spectra are outside")
def most_false_alarms():
    rows = [
        row
        for variance in ("0.99", "0.999")
        for row in outside_domain("30", variance, bench_domain.DECISIONS[1])
    ]
    return [f"{100 * max(float(row['false_alarms']) for row in rows):.0f}"]


@claim(
    PREPROCESSING,
    "imputer",
    "patches of 16 channels are filled with {} and {} of the squared error of a line, and on {} of "
    "{} instruments the straight line is better, by up to {} %",
)
def without_spectra():
    rows = [r for r in read("imputer") if (r["gaps"], r["n_complete"]) == ("patches of 16", "0")]
    common = bench_imputer.common(read("imputer"))
    means = (
        bench_imputer.geometric_mean(
            [r for r in common if r in rows and r["sets"] == kind], "imputer"
        )
        for kind in ("development", "reporting")
    )
    errors = [float(row["imputer"]) for row in rows]
    worse = sum(error > 1 for error in errors)
    return [*(f"{v:.2g}" for v in means), str(worse), str(len(rows)), percent(max(errors))]


@claim(
    PREPROCESSING,
    "domain_limits",
    "is exceeded by {} %, {} % and {} % of other good spectra",
)
def above_channel_limit():
    rows = [r for r in read("domain_limits") if r["set"] != "simulated" and r["level"] == "0.95"]
    assert {r["nominal"] for r in rows} == {"0.0170"}
    found = (
        np.mean([float(r["log-Gumbel"]) for r in rows if r["n_good"] == str(n)])
        for n in bench_domain.SIZES
    )
    return [f"{100 * value:.1f}" for value in found]


@claim(PREPROCESSING, "imputer_predict", "geometric means over {} development sets")
def sets_of_predictions():
    return [str(len({row["set"].split("/")[0] for row in read("imputer_predict")}))]


# docs/monitoring.md


def run_length(kind: str, setting: str, chart: str) -> str:
    """Return a simulated run length without decimals."""
    [row] = [
        row
        for row in read("monitoring")
        if (row["kind"], row["setting"], row["chart"]) == (kind, setting, chart)
    ]
    return f"{float(row['simulated']):.0f}"


@claim(MONITORING, "monitoring", "simulates {} charts for each row")
def simulated_charts():
    [n] = {int(row["n"]) for row in read("monitoring") if row["kind"] in ("shift", "drift")}
    return [f"{n:,}"]


@claim(
    MONITORING,
    "monitoring",
    "find a shift of one SEP with {} check samples, the Shewhart chart with {}",
)
def soon_found():
    [both] = {run_length("shift", "1", chart) for chart in ("ewma", "cusum")}
    shift = [row for row in read("monitoring") if (row["kind"], row["setting"]) == ("shift", "1")]
    theory = {row["chart"]: float(row["theory"] or "nan") for row in shift}
    return [both, f"{theory['shewhart']:.0f}"]


@claim(MONITORING, "monitoring", "have a false alarm at least every {} points")
def false_alarms_of_charts():
    return [run_length("validation", "30", "ewma")]


def of_spectra(is_real: bool, charts: Iterable[str], column: str = "simulated") -> list[float]:
    """Return the run lengths of charts of spectra."""
    rows = [row for row in read("monitoring") if row["kind"].startswith("spectra, ")]
    own = [row for row in rows if (row["kind"] == "spectra, real") == is_real]
    return [float(row[column]) for row in own if row["chart"] in charts]


@claim(
    MONITORING,
    "monitoring",
    "T2 has a false alarm in {} to {} points, mostly fewer alarms than nominal, and Q in {} to {}",
)
def run_lengths_of_simulated_spectra():
    t2, q = (between(of_spectra(False, [chart]), ".0f") for chart in ("T2", "Q"))
    return [*t2, *q]


@claim(MONITORING, "monitoring", "it is {} to {} for both, and {} to {} with a chi-square:")
def run_lengths_of_real_spectra():
    new = between(of_spectra(True, ("T2", "Q")), ".0f")
    return [*new, *between(of_spectra(True, ("T2, chi-square", "Q, chi-square")), ".0f")]


@claim(MONITORING, "monitoring", "a false alarm comes as often as every {} points")
def run_length_of_the_worst_set():
    return [f"{min(of_spectra(True, ('T2', 'Q'), 'low')):.0f}"]


# docs/validation.md


def rates(deviation: str, names: Iterable[str]) -> list[float]:
    """Return the rates of rejection of some tests at all numbers of samples."""
    names = set(names)
    rows = [row for row in read("validation") if row["data"] == "exact"]
    rows = [row for row in rows if row["test"] in names and row["deviation"] == deviation]
    return [float(row["rejected"]) for row in rows]


@claim(VALIDATION, "validation", "here {}, and the deviations of the table above are found in {} %")
def nominal_rates():
    null = rates("none", (*bench_validation.TESTS, "joint"))
    powers = rates("detectable", bench_validation.TESTS)
    return [f"{np.mean(null):.2f}", f"{100 * np.mean(powers):.0f}"]


@claim(VALIDATION, "validation", "find a deviation in {} to {} % of the validations")
def together():
    return between((100 * rate for rate in rates("none", ["any of three"])), ".0f")


@claim(VALIDATION, "validation", "a bias of {} SEP is missed in one of five validations")
def missed_bias():
    n = 20
    return [f"{detectable_shift(n - 1, bench_validation.ALPHA) / np.sqrt(n):.2f}"]


# docs/transfer.md


@claim(
    TRANSFER,
    "selection",
    'On {} development tasks, {} repeats each, `"kennard-stone-pls"` instead of '
    '`"kennard-stone"` changes the mean R2 with five and with ten standards by {} and {} for '
    "`EnsembleTransfer`, by {} and {} for `NARTransfer`, by {} and {} for `DSTransfer`, and by {} "
    "and {} for `MeanCentredTransfer`. `EnsembleTransfer` is better on {} tasks, `NARTransfer` on "
    "{}, `DSTransfer` on {} and `MeanCentredTransfer` on {}, on average of both numbers of "
    "standards, with p = {}, {}, {} and {} in Wilcoxon signed-rank tests",
)
def orders():
    rows, values = read("selection"), []
    n_tasks, [repeats] = len({row["task"] for row in rows}), {row["repeats"] for row in rows}
    for method in ("ensemble", "nar", "ds", "mean-centring"):
        by_task = gains_of_order(rows, method, "kennard-stone", "kennard-stone-pls")
        values.append(np.array([*by_task.values()]))
    means = [each.mean(axis=1) for each in values]
    assert all(wilcoxon_p(each) >= 0.05 for each in means)  # no method gains significantly
    return [
        *(str(n_tasks), WORDS[int(repeats)]),
        *(f"{gain:+.3f}" for each in values for gain in each.mean(axis=0)),
        *(str(np.count_nonzero(each > 0)) for each in means),
        *(f"{wilcoxon_p(each):.2f}" for each in means),
    ]


@claim(
    TRANSFER, "standards", "{} of {} fits with good standards have a warning, all with {} standards"
)
def false_alarms():
    rows = [row for row in read("standards") if row["fault"] == "none"]
    alarms = {n: 0.0 for n in FEW}
    for row in rows:
        alarms[row["n_transfer"]] += int(row["fits"]) * float(row["false_alarms"])
    counts = {n: round(value) for n, value in alarms.items()}
    where = [WORDS[int(n)] for n, count in counts.items() if count]
    return [str(sum(counts.values())), str(sum(int(row["fits"]) for row in rows)), "-".join(where)]


@claim(
    TRANSFER,
    "sources",
    "On {} sugarcane handhelds, with which choices were made, the mean R2 of `NARTransfer` over {} "
    "tasks with one, two and three sources is {}, {}, {} with 5 standards and {}, {}, {} with 10",
)
def several_sources():
    cells: dict[tuple, list[float]] = {}
    for row in read("sources"):
        cells.setdefault((row["n_transfer"], row["n_sources"]), []).append(float(row["r2"]))
    [n_tasks] = set(map(len, cells.values()))
    instruments = {row["target"] for row in read("sources")}
    means = (f"{np.mean(cells[n, k]):.2f}" for n in FEW for k in "123")
    return [WORDS[len(instruments)], str(n_tasks), *means]


@cache
def variants() -> dict[tuple, float]:
    """Return the change of R2 of a variant of the ensemble by set, standards and variant."""
    r2 = {(r["data"], r["n_transfer"], r["variant"]): float(r["r2"]) for r in read("ensemble")}
    return {
        (data, n, variant): value - r2[data, n, "chosen"]
        for (data, n, variant), value in r2.items()
        if variant != "chosen"
    }


@claim(
    TRANSFER,
    "ensemble",
    "With the linear kernel alone R² is {} lower at five standards of sugarcane and {} to {} lower "
    "on the simulated instruments. More kernels, a wider one, no map, no band views, halved or "
    "doubled exponents and no use of labels change it by at most {}, in either direction, but for "
    "the wider kernel with five standards of sugarcane ({} lower)",
)
def choices_of_the_ensemble():
    found = dict(variants())
    cane = -found["sugarcane", "5", "linear kernel"]
    real = [
        -v
        for (data, _, name), v in found.items()
        if (data, name) == ("development", "linear kernel")
    ]
    wide = -found.pop(("sugarcane", "5", "wide for autoscaled rbf"))
    rest = [abs(v) for (_, _, name), v in found.items() if name != "linear kernel"]
    return [f"{cane:.2f}", *between(real, ".2f"), f"{max(rest):.2f}", f"{wide:.2f}"]


@claim(
    TRANSFER,
    "gaussian",
    "they change the mean R² of {} development tasks by {} with five and by {} with ten standards "
    "({} tasks are better on average of both, p = {} in a Wilcoxon signed-rank test). With the "
    "linear kernel alone, without the evidence, or with the density of held-out source rows in its "
    "place, the change is {}, {} and {} on average of both",
)
def gaussian_processes():
    rows = read("gaussian")
    first, *others = bench_gaussian.VARIANTS
    gain = bench_gaussian.gains(rows, first)
    by_size = (bench_gaussian.gains(rows, first, (n,)).mean() for n in FEW)
    others = [name for name in others if name.startswith(f"{first},")]
    assert max(bench_gaussian.gains(rows, name).mean() for name in others) < 0.005
    return [
        *(str(len(gain)), *(f"{each:+.3f}" for each in by_size)),
        *(str(np.count_nonzero(gain > 0)), f"{wilcoxon_p(gain):.3f}"),
        *(f"{bench_gaussian.gains(rows, name).mean():+.3f}" for name in others),
    ]


@claim(
    TRANSFER,
    "corn",
    "On {} splits of corn `TTTTransfer` reaches an R2 of {}, and `CORALTransfer`, which uses the "
    "same spectra, {}",
)
def test_time_training():
    return ["ten", *(results("corn", 10).cell(name, "0") for name in ("ttt", "coral"))]

import csv
import dataclasses
import json

import numpy as np
import pytest

from benchmarks import (
    bench_selection,
    bench_speed,
    bench_transfer,
    compact,
    remake,
    sidecar,
    tables,
)
from benchmarks.markdown import fill

NETWORKS = ("fno", "lora", "lora-random", "ttt")
CLASSICAL = [name for name in bench_transfer.METHODS if name not in NETWORKS]
AT_ONE_SIZE = ["full-recalibration", *bench_transfer.HALVES]
SMALL = ["--data", "simulated", "--tasks", "simulated/A-B/component 1", "--n-transfer", "0", "5"]


def run(path, *arguments):
    bench_transfer.main([*SMALL, "--output", str(path), *arguments])
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def all_rows(tmp_path_factory):
    """Return the rows of one split with all methods that train no network, in this process."""
    path = tmp_path_factory.mktemp("all") / "bench.csv"
    return run(path, "--repeats", "1", "--methods", *CLASSICAL)


def test_one_row_per_fit(all_rows):
    rows = all_rows
    assert tuple(rows[0]) == bench_transfer.COLUMNS
    fits = [(row["method"], row["n_transfer"]) for row in rows]
    assert sorted(fits) == sorted(
        [
            (name, "0")
            for name in ("no-transfer", *bench_transfer.UNLABELLED, *bench_transfer.HALVES)
        ]
        + [("full-recalibration", "all")]
        + [(name, "5") for name in CLASSICAL[1:] if name not in AT_ONE_SIZE]
    )
    r2 = {fit: float(row["r2"]) for fit, row in zip(fits, rows, strict=True)}
    assert r2["full-recalibration", "all"] > 0.9 > r2["no-transfer", "0"]


def test_halves_have_the_same_or_other_samples():
    [task] = [t for t in bench_transfer.simulated_tasks() if t.name == SMALL[3]]
    train = np.arange(len(task.y))
    samples = {}
    for other in (False, True):
        rows = bench_transfer.half_of_samples(other=other)(task, train, 0)
        for name in (task.source, task.target):
            samples[other, name] = set(task.sample_id[rows][task.instrument[rows] == name].tolist())
    assert samples[False, "A"] == samples[False, "B"] == samples[True, "A"]
    assert samples[True, "A"].isdisjoint(samples[True, "B"])
    assert samples[True, "A"] | samples[True, "B"] == set(task.sample_id.tolist())


def test_a_run_killed_before_its_first_row_starts_again(tmp_path):
    (tmp_path / "bench.csv").touch()
    rows = run(tmp_path / "bench.csv", "--repeats", "1", "--methods", "slope-bias")
    assert [row["method"] for row in rows] == ["slope-bias"]


def test_a_second_run_adds_only_what_is_missing(tmp_path, capsys):
    path = tmp_path / "bench.csv"
    first = run(path, "--repeats", "1", "--methods", "pds")
    both = run(path, "--repeats", "2", "--methods", "pds", "slope-bias")
    assert both[0] == first[0]  # seconds included: it was not computed again
    assert [(row["method"], row["repeat"]) for row in both] == [
        ("pds", "0"),
        ("slope-bias", "0"),
        ("pds", "1"),
        ("slope-bias", "1"),
    ]
    assert "median R2" in capsys.readouterr().out
    runs = json.loads(path.with_name("bench.csv.json").read_text())
    assert [item["seed"] for item in runs] == [0, 0]
    assert runs[0]["versions"]["scikit-learn"]


def test_results_do_not_depend_on_n_jobs_or_other_methods(tmp_path, all_rows):
    options = ["--methods", "pds", "nar", "--n-jobs", "2"]
    in_processes = run(tmp_path / "2.csv", "--repeats", "1", *options)
    assert len(in_processes) == 2
    for row in in_processes:
        [same] = [other for other in all_rows if other["method"] == row["method"]]
        assert float(same["rmsep"]) == pytest.approx(float(row["rmsep"]), rel=1e-9)


def test_a_second_seed_is_refused(tmp_path):
    path = tmp_path / "bench.csv"
    run(path, "--repeats", "1", "--methods", "no-transfer")
    with pytest.raises(SystemExit, match="made with seed 0, this run has seed 1"):
        run(path, "--repeats", "1", "--methods", "no-transfer", "--seed", "1")


def test_data_and_splits_are_recorded_once_and_others_refused(tmp_path, monkeypatch):
    path = tmp_path / "bench.csv"
    for method in ("no-transfer", "slope-bias"):
        run(path, "--repeats", "1", "--methods", method)
    first, second = sidecar.read_runs(path)
    assert list(first["tasks"]) == [SMALL[3]]
    assert "tasks" not in second
    [task] = [t for t in bench_transfer.simulated_tasks() if t.name == SMALL[3]]
    data, splits = first["tasks"][SMALL[3]].split()
    other_y = dataclasses.replace(task, y=task.y + 1e-9)
    assert bench_transfer.identities([other_y], 0)[task.name].split()[1] == splits
    assert bench_transfer.identities([task], 1)[task.name].split()[0] == data
    monkeypatch.setitem(bench_transfer.DATA, "simulated", lambda: iter([other_y]))
    with pytest.raises(SystemExit, match=r"other data or splits of simulated/A-B/component 1"):
        run(path, "--repeats", "1", "--methods", "no-transfer")


def test_files_of_earlier_versions_are_continued(tmp_path):
    path = tmp_path / "bench.csv"
    run(path, "--repeats", "1", "--methods", "no-transfer")
    old = sidecar.read_runs(path)
    del old[0]["tasks"]
    sidecar.path_of(path).write_text(json.dumps(old))
    assert len(run(path, "--repeats", "1", "--methods", "slope-bias")) == 2
    assert [sorted(each.get("tasks", ())) for each in sidecar.read_runs(path)] == [[], [SMALL[3]]]


def test_a_run_that_makes_the_whole_file_replaces_the_earlier_runs(tmp_path):
    path = tmp_path / "other.csv"
    for argument in ("a", "b c"):
        sidecar.record_run(path, ["--name", argument], ["numpy"], is_only=True)
        path.touch()
    [made] = sidecar.read_runs(path)
    assert made["arguments"] == "--name 'b c'"
    assert list(made["versions"]) == ["python", "numpy"]


def test_a_fingerprint_is_that_of_values_and_shape():
    same = [np.arange(6), np.array(["a", "b"])], [np.arange(6.0), np.array(["a", "b"], object)]
    assert len({sidecar.fingerprint(arrays) for arrays in same}) == 1
    others = [np.arange(6).reshape(2, 3)], [np.arange(6) + 1e-12], [np.array(["ab", ""])]
    assert len({sidecar.fingerprint(arrays) for arrays in (same[0], *others)}) == 4


OWN = """
from skspektron.transfer import EnsembleTransfer, PDSTransfer

class Windows(PDSTransfer):
    def predict(self, X):
        return super().predict(X)[:, None]  # as other packages do

def wide(**parameters):
    return PDSTransfer(window_length=15, **parameters)

def on_spectra(source, target, n_transfer, wavelength):
    assert len(wavelength) == 140
    return PDSTransfer(source=source, target=target, n_transfer=n_transfer)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a module with three methods; return its name."""
    (tmp_path / "lab_methods.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return "lab_methods"


def test_methods_of_other_packages_run_on_the_same_splits(own, tmp_path, all_rows, capsys):
    names = [f"{own}:{name}" for name in ("Windows", "wide", "on_spectra")]
    path = tmp_path / "bench.csv"
    rows = run(path, "--repeats", "1", "--methods", "pds", "--method", *names)
    r2 = {row["method"]: row["r2"] for row in rows}
    assert list(r2) == ["pds", "Windows", "wide", "on_spectra"]
    assert r2["Windows"] == r2["pds"]
    [same] = [row["r2"] for row in all_rows if row["method"] == "pds"]
    assert float(r2["pds"]) == pytest.approx(float(same))
    assert len({*r2.values()}) == 3
    for option in (["--method", names[0]], ["--methods", "pds", "--method", names[0]]):
        assert run(path, "--repeats", "1", *option) == rows  # nothing is missing
    printed = tables.of_files([path])
    assert "simulated: 1 tasks, 1 repeats" in printed
    assert printed.count("| Windows |") == 3  # R2, regret and recalibration
    assert bench_transfer.own_packages(["numpy.linalg:norm", "pds", names[0]]) == []


def test_a_method_without_standards_is_run_with_none(own):
    method = bench_transfer.method_of(f"{own}:wide")
    assert method.sizes([0, 5, 10]) == [5, 10]
    assert method.sizes([0]) == [0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Windows", "must be like package.module:Class"),
        ("no_such_module:Windows", "No module named"),
        ("lab_methods:Other", "no attribute 'Other'"),
        ("lab_methods:wide lab_methods:wide.wide", "cannot be used"),
    ],
)
def test_methods_that_cannot_be_imported_are_refused(own, capsys, name, message):
    with pytest.raises(SystemExit):
        bench_transfer.parse(["--method", *name.split()])
    assert message in capsys.readouterr().err


def test_two_methods_of_one_name_are_refused(own, tmp_path, monkeypatch, capsys):
    (tmp_path / "other_lab.py").write_text(OWN)
    with pytest.raises(SystemExit):
        bench_transfer.parse(["--method", f"{own}:wide", "other_lab:wide"])
    assert "different names, got wide, wide" in capsys.readouterr().err


def test_a_pattern_without_tasks_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="No task"):
        run(tmp_path / "bench.csv", "--tasks", "corn/*")


def test_public_data_give_the_published_tasks(data_dir):
    corn, tablets = list(bench_transfer.corn_tasks()), list(bench_transfer.tablet_tasks())
    assert len(corn) == 24
    assert "corn/m5-mp6/moisture" in {task.name for task in corn}
    assert len(tablets) == 6
    assert {task.X.shape for task in tablets} == {(2 * (655 - 15), 526)}


def test_conditions_pair_the_same_samples(data_dir):
    expected = {  # pairs and properties, samples, channels, first and last of them in nm
        "alcohol": (12, {19}, {200}, (850.0, 1049.0)),
        "soil-moisture": (2, {100}, {401}, (500.0, 2500.0)),
        "cassava": (6, {64, 190}, {421}, (400.0, 2500.0)),
    }
    for data, (n_tasks, n_samples, n_channels, limits) in expected.items():
        tasks = list(bench_transfer.DATA[data]())
        assert len({task.name for task in tasks}) == len(tasks) == n_tasks
        assert {task.X.shape[1] for task in tasks} == n_channels
        assert {len(task.y) // 2 for task in tasks} == n_samples
        for task in tasks:
            assert (task.wavelength[0], task.wavelength[-1]) == limits
            assert np.isfinite(task.X).all() and np.isfinite(task.all_y).all()
            source, target = (task.instrument == name for name in (task.source, task.target))
            np.testing.assert_array_equal(task.sample_id[source], task.sample_id[target])
            np.testing.assert_array_equal(task.y[source], task.y[target])
            assert not np.array_equal(task.X[source], task.X[target])
            assert len(np.unique(task.sample_id)) == len(task.y) / 2


def test_more_standards_than_candidates_are_not_planned():
    [task] = [t for t in bench_transfer.simulated_tasks() if t.name == SMALL[3]]
    assert bench_transfer.n_candidates(task) == len(bench_transfer.split(task, 0)[0]) / 2 == 45
    [(_, _, todo)] = bench_transfer.plan([task], ["pds", "full-recalibration"], [5, 45, 46], 1, ())
    assert todo == [("pds", 5), ("pds", 45), ("full-recalibration", None)]


def test_regret_is_the_distance_to_the_best_method_on_the_same_splits():
    r2 = {
        "one": (0.8, 0.4, 0.6),
        "other": (0.7, 0.9, -7.0),
        "slow": (0.5,),
        "coral-same-half": (1.0,),
    }
    rows = [
        {"task": "lab/a-b/fat", "method": m, "n_transfer": "5", "repeat": str(i), "r2": value}
        for m, values in r2.items()
        for i, value in enumerate(values)
    ]
    rows += [dict(rows[0], task="field/a-b/fat", r2=0.1)]
    regret = bench_transfer.regrets(rows)
    assert regret["lab", "one", "5"] == regret["field", "one", "5"] == 0
    assert regret["lab", "other", "5"] == pytest.approx(0.4)  # 0.6 and 0.2, floored at -1
    assert regret["lab", "slow", "5"] == pytest.approx(0.3)


def small_results(monkeypatch, r2):
    """Return results of one data set with the R2 of each method and number of standards."""
    rows = [
        {"task": f"lab/a-b/{i}", "method": m, "n_transfer": n, "repeat": str(j), "r2": str(value)}
        for (m, n), value in r2.items()
        for i in range(2)
        for j in range(3)
    ]
    monkeypatch.setattr(tables, "read", lambda data: rows)
    return {"lab": tables.Results("lab", 3)}


def test_tables_of_regret_and_recalibration(monkeypatch):
    of_target = {("target-only", n): value for n, value in (("5", 0.2), ("10", 0.6), ("20", 0.8))}
    rest = {("pds", "5"): 0.5, ("ensemble", "5"): 0.85, ("full-recalibration", "all"): 0.9}
    results = small_results(monkeypatch, of_target | rest | {("nar", "5"): 0.95})
    table = tables.recalibration(results, ("5",))
    for line in ("| PDS | 10 |", "| ensemble | all |", "| NAR | - |"):
        assert line in table.splitlines()
    *_, nar, ensemble, pds, alone = tables.regret(results, ("5",)).splitlines()
    assert nar == "| NAR | 0.00 | 0.00 | 0.00 |"
    assert ensemble == "| ensemble | 0.10 | 0.10 | 0.10 |"
    assert (pds, alone) == ("| PDS | 0.45 | 0.45 | 0.45 |", "| target only | 0.75 | 0.75 | 0.75 |")


def test_small_files_keep_what_the_tables_read(tmp_path):
    path = tmp_path / "rows.csv"
    rows = run(path, "--repeats", "2", "--methods", "pds", "slope-bias")
    del rows[2]  # a repeat that was not run
    again = compact.expand(compact.compact(rows))
    key = ("task", "method", "n_transfer", "repeat")
    sort = lambda rows: sorted(rows, key=lambda row: [row[name] for name in key])  # noqa: E731
    for row, same in zip(sort(rows), sort(again), strict=True):
        assert [row[name] for name in key] == [same[name] for name in key]
        assert same["r2"] == row["r2"]
    compact.main([str(path), str(tmp_path / "small.csv")])
    assert compact.expand(bench_transfer.read_rows(tmp_path / "small.csv"))
    assert (tmp_path / "small.csv.json").read_text() == path.with_name("rows.csv.json").read_text()


def test_all_results_are_remade_in_stages(tmp_path, monkeypatch, capsys):
    stages = [
        remake.Stage(("simulated",), ("slope-bias", "pds"), (5,), 1),
        remake.Stage(("simulated",), ("slope-bias", "pds"), (5, 10), 1),
    ]
    monkeypatch.setattr(remake, "STAGES", stages)
    monkeypatch.setattr(remake, "SETS", ("simulated",))
    monkeypatch.setattr(remake, "RESULTS", tmp_path)
    folder = tmp_path / "rows"
    for _ in range(2):  # the second time, nothing is missing
        remake.main([str(folder)])
    rows = bench_transfer.read_rows(folder / "simulated.csv")
    assert len(rows) == 4 * 2 * 2
    assert [row["n_transfer"] for row in rows] == ["5"] * 8 + ["10"] * 8
    assert len(json.loads((folder / "simulated.csv.json").read_text())) == 2
    remake.main([str(folder), "--publish"])
    assert len(tables.expand(bench_transfer.read_rows(tmp_path / "simulated.csv"))) == len(rows)


def test_every_method_is_remade_and_the_properties_of_a_pair_share_joint_fits():
    methods = {name for stage in remake.STAGES for name in stage.methods}
    assert methods == set(bench_transfer.METHODS)
    tasks = list(bench_transfer.simulated_tasks())
    units = list(bench_transfer.plan(tasks, ["ensemble", "pds"], [5], 3, ()))
    assert remake.n_fits(units) == {"ensemble": 2 * 3, "pds": 4 * 3}


def test_orders_of_standards_are_compared_on_the_same_splits(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_selection, "tasks", bench_transfer.simulated_tasks)
    options = [
        "--repeats",
        "1",
        "--methods",
        "pds",
        "--tasks",
        "simulated/A-*",
        "--n-transfer",
        "5",
    ]
    for _ in range(2):  # the second time, nothing is missing
        bench_selection.main([*options, "--output", str(tmp_path / "selection.csv")])
    rows = bench_transfer.read_rows(tmp_path / "selection.csv")
    assert len(rows) == 2 * 4
    orders = [line.split()[1:3] for line in capsys.readouterr().out.splitlines()[1:5]]
    assert orders == [
        [name, "5"] for name in ("kennard-stone", "kennard-stone-pls", "spxy", "random")
    ]


def test_speed_table_and_one_calibration_per_fold(capsys):
    sizes = ["--n-standards", "6", "--n-channels", "60", "--n-transfer", "2", "5", "8"]
    bench_speed.main(["--data", "simulated", "--repeats", "1", *sizes])
    title, _, *rows, search = capsys.readouterr().out.splitlines()
    assert title == "6 standards of 60 channels (simulated), one thread"
    assert [row[:32].rstrip() for row in rows] == [each.name for each in bench_speed.COMPARISONS]
    for row in rows:
        ours, theirs, ratio = map(float, row[32:].split())
        assert ratio == pytest.approx(theirs / ours, rel=0.05, abs=0.1)  # printed rounded
    assert "3 values of n_transfer x 5 folds" in search
    assert "s, 6 calibrations fitted (5 folds and the refit)" in search


@pytest.mark.parametrize("pair", bench_speed.COMPARISONS[1:], ids=lambda pair: pair.name)
def test_both_packages_fit_the_same_map(pair):
    target, source = bench_speed.load("simulated", 60)[:2]
    target, source, X = target[:8], source[:8], target[8:]
    if pair.name.startswith("DS"):  # chemotools does not centre
        target, source, X = target - target.mean(axis=0), source - source.mean(axis=0), X - X.mean()
    ours, theirs = pair.ours(target, source).transform(X), pair.theirs(target, source).transform(X)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_table_needs_its_place_in_the_page():
    page = "a <!-- table: one --> old <!-- end of table --> b"
    filled = "a <!-- table: one -->\n\nnew\n\n<!-- end of table --> b"
    assert fill(page, {"one": "new"}) == filled
    with pytest.raises(ValueError, match="no place for the table 'two'"):
        fill(page, {"two": "new"})


def test_a_cell_rests_on_all_splits_of_its_table(monkeypatch):
    results = small_results(monkeypatch, {("nar", "5"): 0.95, ("pds", "5"): 0.5})["lab"]
    assert (results.cell("nar", "5"), results.cell("nar", "10")) == ("0.95", "")
    del results._r2["nar", "5"]["lab/a-b/1", 2]
    assert results.cell("nar", "5") == ""


def test_all_sets_have_five_repeats_of_the_classical_methods():
    for data in tables.SETS:
        assert tables.n_repeats(data) >= 5


def test_two_methods_are_compared_split_by_split():
    rng = np.random.default_rng(0)
    rows = [
        {"task": task, "method": method, "n_transfer": "5", "repeat": str(repeat), "r2": value}
        for task, gain in (("lab/a-b/fat", 0.1), ("lab/b-a/fat", -0.1), ("lab/a-b/salt", 0.0))
        for repeat, level in enumerate(rng.normal(0.5, 0.1, size=12))
        for method, value in (("one", level + gain + 0.01 * rng.normal()), ("other", level))
    ]
    *_, line = bench_transfer.comparison(rows, "one", "other").splitlines()
    data, n_transfer, tasks, repeats, mean, _, better, worse = line.split()
    assert (data, n_transfer, tasks, repeats, better, worse) == ("lab", "5", "3", "12", "1", "1")
    assert abs(float(mean)) < 0.01


def test_methods_that_never_differ_are_no_better():
    assert bench_transfer.wilcoxon_p(np.zeros(20)) == 1.0


def test_development_tasks_have_two_unlike_instruments_and_known_properties(data_dir):
    tasks = list(bench_transfer.development_tasks())
    assert len({task.name for task in tasks}) == len(tasks) == 52
    for task in tasks:
        is_target = task.instrument == task.target
        assert np.isfinite(task.X).all() and np.isfinite(task.y).all()
        assert np.abs(task.X[is_target] - task.X[~is_target]).max() > 0

import csv
import json

import pytest

from benchmarks import bench_transfer

CLASSICAL = [name for name in bench_transfer.METHODS if name != "lora"]
SMALL = ["--data", "simulated", "--tasks", "simulated/A-B/component 1", "--n-transfer", "0", "5"]


def run(path, *arguments):
    bench_transfer.main([*SMALL, "--output", str(path), *arguments])
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_a_fit_and_no_size_twice(tmp_path, capsys):
    rows = run(tmp_path / "bench.csv", "--repeats", "1", "--methods", *CLASSICAL)
    assert tuple(rows[0]) == bench_transfer.COLUMNS
    fits = [(row["method"], row["n_transfer"]) for row in rows]
    assert sorted(fits) == sorted(
        [("no-transfer", "0"), ("mean-centring", "0"), ("full-recalibration", "all")]
        + [(name, "5") for name in CLASSICAL[1:] if name != "full-recalibration"]
    )
    r2 = {fit: float(row["r2"]) for fit, row in zip(fits, rows, strict=True)}
    assert r2["full-recalibration", "all"] > 0.9 > r2["no-transfer", "0"]
    assert "median R2" in capsys.readouterr().out


def test_a_second_run_adds_only_what_is_missing(tmp_path):
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
    runs = json.loads(path.with_name("bench.csv.json").read_text())
    assert [item["seed"] for item in runs] == [0, 0]
    assert runs[0]["versions"]["scikit-learn"]


def test_figures_do_not_depend_on_n_jobs_or_on_the_other_methods(tmp_path):
    alone = run(tmp_path / "1.csv", "--repeats", "1", "--methods", "pds")
    among = run(tmp_path / "2.csv", "--repeats", "1", "--methods", *CLASSICAL, "--n-jobs", "2")
    [same] = [row for row in among if row["method"] == "pds"]
    assert float(same["rmsep"]) == pytest.approx(float(alone[0]["rmsep"]), rel=1e-9)


def test_two_seeds_do_not_mix_in_one_file(tmp_path):
    path = tmp_path / "bench.csv"
    run(path, "--repeats", "1", "--methods", "no-transfer")
    with pytest.raises(SystemExit, match="made with seed 0, this run has seed 1"):
        run(path, "--repeats", "1", "--methods", "no-transfer", "--seed", "1")


def test_tasks_that_match_nothing_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="No task"):
        run(tmp_path / "bench.csv", "--tasks", "corn/*")


def test_public_data_give_the_tasks_of_the_papers(data_dir):
    corn, tablets = list(bench_transfer.corn_tasks()), list(bench_transfer.tablet_tasks())
    assert len(corn) == 24
    assert "corn/m5-mp6/moisture" in {task.name for task in corn}
    assert len(tablets) == 6
    assert {task.X.shape for task in tablets} == {(2 * (655 - 15), 526)}

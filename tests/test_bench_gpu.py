"""The script for GPUs runs its steps, reports those that fail, and writes one JSON."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from benchmarks import bench_dlinoss, bench_pretraining, gpu

ROOT = Path(__file__).parents[1]


def read_text(path):
    return path.read_text()


def fake_step(name, code, folder, limit=60.0):
    """Return a step that runs code, through the module timeit, in place of a benchmark."""
    return gpu.Step(name, ("timeit", "-n", "1", "-r", "1", code), limit, folder / name, read_text)


def test_every_step_is_reported_in_one_json(tmp_path, monkeypatch, capsys):
    def steps(args, folder):
        write = f"open({str(folder / 'good')!r}, 'w').write('4')"
        return [
            fake_step("bad", "raise SystemExit('out of order')", folder),
            fake_step("slow", "import time; time.sleep(60)", folder, limit=0.05),
            fake_step("good", write, folder),
        ]

    monkeypatch.setattr(gpu, "steps", steps)
    path = tmp_path / "gpu.json"
    assert gpu.main([str(path), "--device", "cpu"]) == 2
    record = json.loads(path.read_text())
    done = record["steps"]
    assert done["bad"]["state"] == "failed"
    assert "out of order" in done["bad"]["output"]
    assert done["slow"]["state"] == "stopped after 0.5 seconds"
    assert (done["good"]["state"], done["good"]["result"]) == ("done", "4")
    assert record["machine"]["device"] == "cpu"
    assert "good ... done" in capsys.readouterr().out


def test_limits_add_up_to_less_than_eight_minutes(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    steps = gpu.steps(gpu.parse(["gpu.json"]), tmp_path)
    assert [step.name for step in steps] == [
        "tests",
        "bench_dlinoss",
        "bench_network",
        "pretraining",
    ]
    assert sum(step.limit for step in steps) < 480
    assert all("cuda" in step.arguments for step in steps[1:])
    assert len(gpu.marked_tests()) >= 6


def test_counts_of_pytest_are_read(tmp_path):
    (tmp_path / "tests.xml").write_text(
        '<testsuites><testsuite errors="0" failures="1" skipped="1" tests="3">'
        '<testcase classname="a" name="one"/><testcase classname="a" name="two"><failure/>'
        '</testcase><testcase classname="a" name="three"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    counts = gpu.read_tests(tmp_path / "tests.xml")
    assert counts == {"tests": 3, "failures": 1, "errors": 0, "skipped": 1, "failed": ["a.two"]}


@pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has a CUDA device")
def test_without_a_gpu_the_cpu_must_be_asked_for(capsys):
    with pytest.raises(SystemExit):
        gpu.parse(["gpu.json"])
    assert "finds no CUDA device. Pass --device cpu." in capsys.readouterr().err


def test_the_script_needs_an_output():
    done = subprocess.run(
        ["bash", ROOT / "benchmarks" / "gpu.sh"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert os.access(ROOT / "benchmarks" / "gpu.sh", os.X_OK)


def test_pretraining_ends_near_the_time_and_is_measured(tmp_path):
    path = tmp_path / "pretraining.json"
    sizes = ["--preset", "tiny", "--sets", "1", "--channels", "48", "--batch-size", "8"]
    bench_pretraining.main([*sizes, "--seconds", "0.2", "--output", str(path)])
    record = json.loads(path.read_text())
    assert record["steps"] >= bench_pretraining.N_RECORDS
    assert record["last"]["step"] == record["steps"]
    assert record["spectra_per_second"] > 0
    assert record["last"]["masked_mse"] < record["first"]["masked_mse"]


def test_the_cpu_is_timed_in_cpu_seconds_and_a_gpu_by_the_clock():
    assert bench_dlinoss.clock("cpu")[0] == "cpu_seconds"
    assert bench_dlinoss.clock("cuda")[0] == "seconds"

"""The log file has one line per window, also after interruptions."""

import json
import math

import pytest
import torch


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_log_has_one_line_per_record(run, tiny_network, make_spectra, noise, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("of another run\n")
    history = run(tiny_network, make_spectra(noise), log=path)
    assert lines(path) == history
    assert [record["step"] for record in history] == [5, 10]
    assert 0 < history[0]["seconds"] < history[1]["seconds"]


def test_resumed_run_has_every_line_once(run, tiny_network, make_spectra, noise, stop_at, tmp_path):
    log, checkpoint = tmp_path / "log.jsonl", tmp_path / "run.safetensors"
    settings = {"log": log, "checkpoint": checkpoint, "report_every": 2}
    stop_at(7)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_network, make_spectra(noise), **settings)
    assert [line["step"] for line in lines(log)] == [2, 4, 6]
    # Killed between checkpoint and log, or with a line that the checkpoint does not know.
    log.write_text("\n".join(log.read_text().splitlines()[:1] * 2))
    history = run(tiny_network, make_spectra(noise), **settings)
    assert lines(log) == history
    assert [line["step"] for line in history] == [2, 4, 6, 8, 10]


def test_values_that_are_not_finite_are_null(run, tiny_network, make_spectra, noise, tmp_path):
    with torch.no_grad():
        tiny_network.mask_token[0] = torch.nan
    (record,) = run(tiny_network, make_spectra(noise), max_steps=5, log=tmp_path / "log.jsonl")
    assert record["n_skipped"] == 5 and math.isnan(record["masked"])
    (line,) = lines(tmp_path / "log.jsonl")
    assert line["masked"] is None and line["n_skipped"] == 5

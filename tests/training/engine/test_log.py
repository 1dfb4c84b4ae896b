"""The file of records: one line a window, however often the run is interrupted."""

import json
import math

import pytest
import torch


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_a_window_equal_to_the_records(run, tiny_network, make_spectra, noise, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("of another run\n")
    history = run(tiny_network, make_spectra(noise), log=path)
    assert lines(path) == history
    assert [record["step"] for record in history] == [5, 10]
    assert 0 < history[0]["seconds"] < history[1]["seconds"]


def test_resumed_run_neither_doubles_nor_misses_a_line(
    run, tiny_network, make_spectra, noise, stop_at, tmp_path
):
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


def test_what_is_not_finite_is_null(run, tiny_network, make_spectra, noise, tmp_path):
    with torch.no_grad():
        tiny_network.mask_token[0] = torch.nan
    (record,) = run(tiny_network, make_spectra(noise), max_steps=5, log=tmp_path / "log.jsonl")
    assert record["n_skipped"] == 5 and math.isnan(record["masked"])
    (line,) = lines(tmp_path / "log.jsonl")
    assert line["masked"] is None and line["n_skipped"] == 5

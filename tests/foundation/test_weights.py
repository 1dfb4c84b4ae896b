"""What the weights that ship were trained on: the card names it, and no benchmark is in it."""

import re
import runpy
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from skspektron.foundation import Architecture, SpektronPretrainer, describe_weights
from skspektron.foundation._weights import load_network, shipped_weights

ROOT = Path(__file__).parents[2]
BENCHMARKS = ["corn", "cargill", "tablet", "idrc", "shootout", "sugarcane"]


def card(name):
    """Return the model card of shipped weights as its rows, by their first column."""
    text = (files("skspektron") / "weights" / f"{name}.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (.+?) \| (.+?) \|$", text, flags=re.MULTILINE)), text


def record(name):
    """Return what the file of shipped weights says of its making."""
    return load_network(files("skspektron") / "weights" / f"{name}.safetensors")[1]


def test_every_shipped_set_has_a_card():
    cards = {f.name for f in (files("skspektron") / "weights").iterdir() if f.suffix == ".md"}
    assert cards == {f"{name}.md" for name in shipped_weights()} != set()


@pytest.mark.parametrize("name", shipped_weights())
def test_the_card_names_the_corpus_and_no_benchmark(name):
    rows, text = card(name)
    assert {"trained on", "real spectra", "seed", "command", "licence"} <= set(rows)
    assert rows["real spectra"].startswith("none")
    assert not [word for word in BENCHMARKS if word in text.lower()]


@pytest.mark.parametrize("name", shipped_weights())
def test_the_card_agrees_with_the_record_in_the_file(name):
    rows, _ = card(name)
    parameters = record(name)["parameters"]
    steps = f"{parameters['max_steps']:,} steps of {parameters['batch_size']} spectra"
    assert steps in rows["objective"]
    assert f"{parameters['mask_ratio']:.0%}".replace("%", " %") in rows["objective"]
    assert record(name)["history"][-1]["step"] == parameters["max_steps"]


def pretraining_script(name):
    """Return the names that the script of the card's command defines, and its text."""
    path = ROOT / re.search(r"python (\S+\.py)", card(name)[0]["command"])[1]
    if not path.exists():
        pytest.skip(f"{path.name} is in the repository only, not in the source distribution")
    return runpy.run_path(str(path)), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", shipped_weights())
def test_the_corpus_is_what_the_card_says(name):
    script, _ = pretraining_script(name)
    rows, _ = card(name)
    sizes = [script[key] for key in ("N_WORLDS", "N_SAMPLES", "N_INSTRUMENTS", "N_AXES")]
    numbers = [
        int(digits.replace(",", "")) for digits in re.findall(r"\d[\d,]*", rows["trained on"])
    ]
    assert numbers[:5] == [np.prod(sizes[:3]), *sizes]
    generator = np.random.default_rng(int(rows["seed"]))
    axes = [script["draw_axis"](generator)[:1024] for _ in range(script["N_AXES"])]
    lengths = [len(axis) for axis in axes]
    assert numbers[5:7] == [min(lengths), max(lengths)]
    assert record(name)["n_features_in"] == max(lengths)


@pytest.mark.parametrize("name", shipped_weights())
def test_the_corpus_is_simulated_from_the_seed_alone(name, monkeypatch):
    script, text = pretraining_script(name)
    assert not re.search(r"fetch_|\bload|read_csv|open\(|genfromtxt", text)
    simulate = script["simulate_corpus"]
    small = {"N_WORLDS": 2, "N_SAMPLES": 3, "N_AXES": 2}
    for key, value in small.items():
        monkeypatch.setitem(simulate.__globals__, key, value)
    (X, _, instrument, *_), (again, *_) = simulate(0), simulate(0)
    np.testing.assert_array_equal(X, again)
    assert len(X) == 2 * 3 * script["N_INSTRUMENTS"] and len(set(instrument)) == 8


@pytest.mark.parametrize("name", shipped_weights())
def test_the_corpus_can_be_asked_for_and_no_benchmark_is_in_it(name):
    corpus = describe_weights(name)["corpus"]
    assert corpus and all(entry.startswith("simulated spectra: ") for entry in corpus)
    assert not [word for word in BENCHMARKS if word in " ".join(corpus).lower()]


def test_a_saved_network_tells_its_corpus(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 40))
    sizes = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
    model = SpektronPretrainer(sizes, wavelength=np.arange(1000.0, 1040.0), max_steps=1).fit(X)
    model.save(tmp_path / "w.safetensors", corpus=["an archive"])
    told = describe_weights(tmp_path / "w.safetensors")
    assert told["corpus"] == ["an archive"] and told["n_steps"] == 1
    assert told["architecture"]["d_model"] == 8
    model.save(tmp_path / "w.safetensors")
    assert describe_weights(tmp_path / "w.safetensors")["corpus"] is None

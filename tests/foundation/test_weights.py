"""The cards of the shipped weights agree with files and scripts; no benchmark is in the corpus."""

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
    """Return the training record of shipped weights."""
    return load_network(files("skspektron") / "weights" / f"{name}.safetensors")[1]


def test_every_shipped_set_has_a_card():
    cards = {f.name for f in (files("skspektron") / "weights").iterdir() if f.suffix == ".md"}
    assert cards == {f"{name}.md" for name in shipped_weights()} != set()


@pytest.mark.parametrize("name", shipped_weights())
def test_the_card_names_the_corpus_and_no_benchmark(name):
    rows, _ = card(name)
    assert {"trained on", "real spectra", "seed", "command", "licence"} <= set(rows)
    corpus = (rows["trained on"] + rows["real spectra"]).lower()
    assert not [word for word in BENCHMARKS if word in corpus]


@pytest.mark.parametrize("name", shipped_weights())
def test_the_card_agrees_with_the_record_in_the_file(name):
    rows, _ = card(name)
    parameters, history = (record(name)[key] for key in ("parameters", "history"))
    steps = f"{parameters['max_steps']:,} steps of {parameters['batch_size']} spectra"
    assert steps in rows["objective"]
    if len(parameters["objectives"]) > 1:
        for objective, weight in parameters["objectives"].items():
            assert f"{objective} {weight:g}" in rows["objective"]
    assert f"{parameters['mask_ratio']:.0%}".replace("%", " %") in rows["objective"]
    assert history[-1]["step"] == parameters["max_steps"]


@pytest.fixture
def scripts(monkeypatch):
    """Return a function that runs the script of a card, and the names of the corpus it builds."""

    def run(name):
        path = ROOT / re.search(r"python (\S+\.py)", card(name)[0]["command"])[1]
        if not path.exists():
            pytest.skip(f"{path.name} is in the repository only, not in the source distribution")
        monkeypatch.syspath_prepend(str(path.parent))
        return runpy.run_path(str(path)), runpy.run_path(str(path.with_name("corpus.py")))

    return run


@pytest.mark.parametrize("name", ["small"])
def test_the_corpus_agrees_with_the_card(name, scripts):
    script, corpus = scripts(name)
    rows, _ = card(name)
    sizes = (script["N_SIMULATED"], script["N_REAL"], corpus["N_SAMPLES"])
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", rows["trained on"])]
    assert numbers[1:4] == list(sizes)
    assert numbers[4] == len(corpus["INSTRUMENTS"])
    assert max(record(name)["n_features_in"], 90) == numbers[-1] <= corpus["LONGEST"]
    described = describe_weights(name)["corpus"]
    named = [f"{file}: {array}" for file, arrays in corpus["REAL"].items() for array in arrays]
    assert [entry.removesuffix(" spectra, no labels") for entry in described[1:]] == named
    assert all(file in rows["real spectra"] for file in corpus["REAL"])
    assert not [word for word in BENCHMARKS if word in " ".join(described).lower()]


@pytest.mark.parametrize("name", ["small"])
def test_the_corpus_depends_on_the_seed_only(name, scripts, monkeypatch):
    corpus = scripts(name)[1]
    rng = np.random.default_rng(0)
    bases = [(np.linspace(4000, 9000, 200), 1 + np.cumsum(rng.normal(size=(90, 200)), axis=1))]
    build = corpus["build_corpus"]
    monkeypatch.setitem(build.__globals__, "real_spectra", lambda folder, files: bases)
    (X, y, instrument, sample_id, axes), again, other = (build(2, 1, None, s) for s in (0, 0, 1))
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(y, again[1])
    assert X.shape[0] == 3 * 3 * 80 == len(y) and y.shape[1] == corpus["N_TARGETS"]
    assert not np.array_equal(y, other[1])
    assert len(np.unique(sample_id)) == 3 * 80 and set(instrument) == set(axes)
    for name, axis in axes.items():
        measured = np.isfinite(X[instrument == name])
        assert measured[:, : len(axis)].all() and not measured[:, len(axis) :].any()


def test_a_saved_network_contains_its_corpus(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 40))
    sizes = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
    model = SpektronPretrainer(sizes, wavelength=np.arange(1000.0, 1040.0), max_steps=1).fit(X)
    model.save(tmp_path / "w.safetensors", corpus=["an archive"])
    described = describe_weights(tmp_path / "w.safetensors")
    assert described["corpus"] == ["an archive"] and described["n_steps"] == 1
    assert described["architecture"]["d_model"] == 8
    model.save(tmp_path / "w.safetensors")
    assert describe_weights(tmp_path / "w.safetensors")["corpus"] is None

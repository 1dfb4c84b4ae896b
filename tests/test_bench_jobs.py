"""The comparison of jobs: damage, pairs of unlike axes, resumed runs, and the tables."""

import numpy as np
import pytest

from benchmarks import bench_jobs, damage, unlike_axes
from benchmarks.bench_calibration import SpectralSet
from skspektron.datasets import make_instruments

N_CHANNELS = 60


def simulated(n_samples, seed):
    axis = np.linspace(1100.0, 2490.0, N_CHANNELS)
    data = make_instruments(n_samples, ("A",), wavelength=axis, random_state=seed)
    noise = 1e-4 * np.random.default_rng(seed).normal(size=data.X["A"].shape)
    y = {"amount": data.y[:, 0]}
    return SpectralSet(data.X["A"] + noise, 1e7 / axis, y, data.sample_id)


@pytest.fixture(scope="module")
def product():
    return damage.Product.of("a", simulated(30, 0), simulated(10, 1))


@pytest.mark.parametrize("kind", damage.KINDS)
def test_damage_changes_what_it_says(kind, product):
    x, rng = product.X[0], np.random.default_rng(0)
    for _ in range(20):
        change = np.abs(damage.KINDS[kind](x.copy(), product, rng) - x)
        if kind == "spike":
            assert np.count_nonzero(change) <= 3
            assert 3 * product.noise <= change.max() * (1 + 1e-9) <= 10.1 * product.noise
        elif kind in ("dead", "saturated"):
            assert 0 < np.count_nonzero(change) <= 0.05 * N_CHANNELS + 1
        else:
            assert np.count_nonzero(change) > 5


def test_noise_is_what_is_not_smooth():
    smooth = np.sin(np.linspace(0, 3, 200)) * np.linspace(1, 2, 30)[:, None]
    X = smooth + 1e-3 * np.random.default_rng(0).normal(size=smooth.shape)
    assert damage.Product("a", X[0], X, X).noise == pytest.approx(1e-3, rel=0.05)


def test_every_channel_is_hidden_once():
    assert np.array_equal(np.sum([*damage.hidden_in_turn(N_CHANNELS)], axis=0), np.ones(N_CHANNELS))


@pytest.mark.parametrize("method", damage.METHODS)
def test_every_method_finds_foreign_spectra(method, product):
    draw = damage.Draw.of(product, 20, 0)
    network = bench_jobs.resolve_weights("masked") if method.startswith("network") else None
    found = damage.figures(damage.METHODS[method](draw, network))
    assert list(found) == list(bench_jobs.FIGURES["damage"])
    assert found["foreign_auc"] > 0.75
    assert all(0 <= value <= 1 for value in found.values())


def test_what_is_learnt_does_not_see_the_damage(product):
    draw = damage.Draw.of(product, 20, 0)
    other = damage.Draw(draw.wavenumber, draw.good, draw.others[::-1])
    for name in ("pca_errors", "regression_errors", "interpolation_errors"):
        assert np.array_equal(getattr(draw, name)[0], getattr(other, name)[0][::-1])


@pytest.fixture
def small(monkeypatch):
    """Replace the sets by two simulated ones, and the pairs by one, with few methods."""
    sets = {"tecator": simulated(30, 0), "barley": simulated(20, 1)}
    axes = {"A": np.linspace(1100.0, 2490.0, 60), "B": np.linspace(1150.0, 2450.0, 41)}
    spectra = {}
    for name, axis in axes.items():
        data = make_instruments(30, wavelength=axis, random_state=0)
        spectra[name] = (axis, data.X[name])
    pair = unlike_axes.Pair.of("simulated/A-B/amount", spectra, data.y[:, 0], np.arange(30))
    monkeypatch.setattr(bench_jobs, "load", lambda name, folder: sets[name])
    monkeypatch.setattr(bench_jobs, "SIZES", (5,))
    monkeypatch.setattr(damage, "SETS", tuple(sets))
    monkeypatch.setattr(unlike_axes, "pairs", lambda: iter([pair]))
    methods = {name: damage.METHODS[name] for name in ("Q of PCA", "network")}
    monkeypatch.setattr(damage, "METHODS", methods)


@pytest.mark.filterwarnings("ignore:.* took .* s")
def test_a_run_resumes_and_its_rows_are_tables(small, tmp_path):
    argv = ["--seeds", "0", "--output", str(tmp_path)]
    bench_jobs.main(argv)
    files = {job: tmp_path / f"jobs_{job}.csv" for job in bench_jobs.UNITS}
    first = {job: path.read_text() for job, path in files.items()}
    rows = {job: bench_jobs.read_rows(path) for job, path in files.items()}
    assert [row["method"] for row in rows["damage"]] == ["Q of PCA", "network"] * 2
    assert [row["method"] for row in rows["axes"]] == list(unlike_axes.METHODS)
    assert all(0 < float(row["error"]) < 10 for row in rows["axes"])
    bench_jobs.main(argv)
    assert {job: path.read_text() for job, path in files.items()} == first
    table = bench_jobs.summary({**rows, "adapters": []})
    assert "| unlike axes, all pairs |" in table and "`masked`" in table
    assert "| TTT, `masked` |" in bench_jobs.axes_table(rows["axes"])
    assert "| 5 | Q of PCA |" in bench_jobs.damage_table(rows["damage"])


def test_rows_of_replaced_weights_are_stale():
    current = ["masked 12345678"]
    assert bench_jobs.is_stale("masked 87654321", current)
    for weights in ("masked 12345678", "other 87654321", ""):
        assert not bench_jobs.is_stale(weights, current)


def test_a_job_is_won_by_five_per_cent_and_not_by_chance():
    rival = {(f"set {i}", seed): 1.0 + 0.1 * i for i in range(12) for seed in "01"}
    own = {key: error * (0.9 if key[1] == "0" else 0.8) for key, error in rival.items()}
    found = bench_jobs.compare(own, rival)
    assert found["ratio"] == pytest.approx(np.sqrt(0.72))
    assert found["range"] == pytest.approx((0.8, 0.9))
    assert (found["better"], found["n"]) == (12, 12)
    assert bench_jobs.verdict(found) == "won"
    assert bench_jobs.verdict(bench_jobs.compare(rival, own)) == "lost"
    few = {key: error for key, error in own.items() if key[0] == "set 0"}
    assert bench_jobs.verdict(bench_jobs.compare(few, rival)) == "open"
    best = bench_jobs.compare_best({"a": own, "b": rival, "lora": own, "ttt": rival})
    assert (best["rival"], best["own"], best["p"]) == ("a", "lora", 1.0)

"""The benchmark of embeddings equals scikit-learn."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GridSearchCV, GroupKFold

from benchmarks import bench_embedding, network_tables

ROOT = Path(__file__).parents[1]
SMALL = ["--sets", "simulated", "--seed", "3"]


def run(path, *arguments):
    bench_embedding.main([*SMALL, "--output", str(path), *arguments])
    return bench_embedding.read_rows(path)


def test_one_row_per_target_and_calibration(tmp_path, capsys):
    path = tmp_path / "e.csv"
    features = ["derivative", "small", "random"]
    rows = run(path, "--repeats", "1", "--features", *features, "--fractions", "0.5", "1")
    assert tuple(rows[0]) == bench_embedding.COLUMNS
    assert len(rows) == 2 * len(features) * len(bench_embedding.CALIBRATIONS) * 2  # two targets
    assert {row["n_samples"] for row in rows} == {"40"}
    assert {row["features"] for row in rows} == set(features)
    for row in rows:
        ratio = float(row["rmsep"]) / float(row["rmsep_plain"])
        assert float(row["ratio"]) == pytest.approx(ratio, rel=1e-3)
    columns = ("target", "pls", "scale", "fraction")
    beside = {(tuple(row[c] for c in columns), row["rmsep_plain"]) for row in rows}
    assert len(beside) == len(rows) / len(features)  # the same spectra in the same folds for all
    assert "small, chosen, True, 1.0" in capsys.readouterr().out


def test_a_second_run_adds_only_what_is_missing(tmp_path):
    path = tmp_path / "e.csv"
    first = run(path, "--repeats", "1", "--features", "derivative")
    path.write_text(path.read_text().replace(first[0]["rmsep"], "0.123"))
    both = run(path, "--repeats", "2", "--features", "derivative")
    assert both[0]["rmsep"] == "0.123"  # not computed again
    assert [row["repeat"] for row in both] == ["0"] * len(first) + ["1"] * len(first)
    runs = json.loads(path.with_name("e.csv.json").read_text())
    assert [item["settings"]["seed"] for item in runs] == [3, 3]
    assert runs[0]["versions"]["scikit-learn"]


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    arguments = ["--repeats", "1", "--features", "derivative", "random", "--fractions"]
    run(tmp_path / "1.csv", *arguments, "0.5")
    resumed = run(tmp_path / "1.csv", *arguments, "0.5", "1")
    assert resumed == run(tmp_path / "2.csv", *arguments, "0.5", "1")


def test_another_seed_or_other_weights_of_the_same_name_are_refused(tmp_path):
    path = tmp_path / "e.csv"
    file = bench_embedding.untrained(str(tmp_path), 0)
    run(path, "--repeats", "1", "--features", "derivative", "--weights", f"mine={file}")
    with pytest.raises(SystemExit, match="made with seed 3, this run has 4"):
        run(path, "--seed", "4")
    other = bench_embedding.untrained(str(tmp_path), 1)
    with pytest.raises(SystemExit, match="made with mine"):
        run(path, "--weights", f"mine={other}")


def test_own_weights_are_compared(tmp_path):
    file = bench_embedding.untrained(str(tmp_path), 3)  # the seed of repeat 0
    rows = run(
        *[tmp_path / "e.csv", "--repeats", "1", "--features", "random", "--weights"],
        f"mine={file}",
    )
    by_name = {
        name: [row["rmsep"] for row in rows if row["features"] == name]
        for name in ("random", "mine")
    }
    assert by_name["mine"] == by_name["random"]
    with pytest.raises(SystemExit):
        bench_embedding.parse(["--weights", "no-file"])


def test_scratch_is_a_network_without_pls(tmp_path, monkeypatch):
    class Short(bench_embedding.SpektronRegressor):
        def fit(self, X, y):
            return self.set_params(max_epochs=1).fit_once(X, y)

        fit_once = bench_embedding.SpektronRegressor.fit

    monkeypatch.setattr(bench_embedding, "SpektronRegressor", Short)
    monkeypatch.setattr(bench_embedding, "N_FOLDS", 2)
    rows = run(tmp_path / "e.csv", "--repeats", "1", "--features", "scratch", "derivative")
    scratch = [row for row in rows if row["features"] == "scratch"]
    assert {(row["pls"], row["scale"]) for row in scratch} == {("none", "none")}
    for row in scratch:
        [plain] = [
            other["rmsep_plain"]
            for other in rows
            if (other["target"], other["pls"], other["scale"]) == (row["target"], "chosen", "True")
        ]
        assert row["rmsep_plain"] == plain


@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_folds_never_split_a_sample(fraction):
    sample_id = bench_embedding.simulated().sample_id
    tested, larger = [], dict(enumerate(bench_embedding.folds(sample_id, 0)))
    for fold, (train, test) in enumerate(bench_embedding.folds(sample_id, 0, fraction)):
        assert not set(sample_id[train]) & set(sample_id[test])
        n_labelled = len(set(sample_id[train]))
        assert n_labelled == max(round(fraction * 32), bench_embedding.MIN_LABELLED)
        assert len(train) == np.isin(sample_id, sample_id[train]).sum()  # all spectra of a sample
        assert set(train) <= set(larger[fold][0])
        tested.extend(test)
    assert sorted(tested) == list(range(len(sample_id)))
    for train, test, inner in bench_embedding.nested(sample_id, 0, fraction):
        for a, b in inner:
            assert not set(sample_id[a]) & set(sample_id[b])
            assert not set(test) & set(a) | set(test) & set(b)
            assert set(a) | set(b) == set(train)


@pytest.mark.parametrize("scale", [True, False])
def test_calibrations_equal_scikit_learn(scale):
    data = bench_embedding.simulated()
    X, Y, train = data.X, np.stack(list(data.y.values())), np.arange(45)
    test = np.arange(45, 60)
    X[:, 0] = 1.0  # a constant channel
    predicted = bench_embedding.calibrate(X, Y, train, test, scale)
    for n_components in (1, 4, 15):
        for i, y in enumerate(Y):
            model = PLSRegression(n_components, scale=scale).fit(X[train], y[train])
            np.testing.assert_allclose(
                predicted[i, n_components - 1], model.predict(X[test]).ravel(), atol=1e-6
            )


@pytest.mark.parametrize("scale", [True, False])
def test_rmsep_equals_a_grid_search(scale):
    data = bench_embedding.simulated()
    X, y = data.X, data.y["component 0"]
    errors = bench_embedding.by_pls(X, y[None], bench_embedding.nested(data.sample_id, 5, 1.0))
    inner = GroupKFold(5, shuffle=True, random_state=5)
    squared = []
    for train, test in bench_embedding.folds(data.sample_id, 5):
        search = GridSearchCV(
            PLSRegression(scale=scale),
            {"n_components": range(1, 16)},
            cv=list(inner.split(train, groups=data.sample_id[train])),
            scoring=lambda model, X, y: -((model.predict(X).ravel() - y) ** 2).sum(),
        )
        search.fit(X[train], y[train])
        squared.extend((search.predict(X[test]).ravel() - y[test]) ** 2)
    assert errors["chosen", scale] == pytest.approx([np.sqrt(np.mean(squared))], rel=1e-5)


def test_pls_stops_when_y_is_explained():
    K = np.eye(12)
    assert np.all(bench_embedding.pls(K, K[:3], np.ones(12)) == 1.0)
    y = np.arange(12.0)
    predicted = bench_embedding.pls(K - 1 / 12, (K - 1 / 12)[:3], y)
    np.testing.assert_allclose(predicted, np.tile(y[:3], (11, 1)), atol=1e-12)


def test_targets_known_in_the_same_rows_share_folds():
    y = {"a": np.array([1.0, np.nan, 2.0]), "b": np.arange(3.0), "c": np.array([3.0, np.nan, 4.0])}
    known = [(rows.tolist(), names) for rows, names in bench_embedding.by_known_rows(y)]
    assert known == [([0, 2], ["a", "c"]), ([0, 1, 2], ["b"])]


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SKSPEKTRON_DATA", raising=False)
    output = ["--output", str(tmp_path / "e.csv")]
    with pytest.raises(SystemExit, match="'tecator' needs tecator"):
        bench_embedding.main(["--sets", "tecator", "--data", str(tmp_path), *output])
    with pytest.raises(SystemExit, match="'barley' needs barley"):
        bench_embedding.main(["--sets", "barley", *output])


def test_public_sets_are_complete(data_dir):
    sets = {name: bench_embedding.load(name, data_dir) for name in bench_embedding.FILES}
    assert len(sets) == 19
    assert len(sets["tecator"].X) == 240 - 24
    assert {len(sets[name].X) for name in sets if name.startswith("cane")} == {60}
    assert len(np.unique(sets["olive oil"].sample_id)) == 60
    assert len(sets["olive oil"].y) == 4
    assert list(sets["instant coffee"].y) == ["Arabica"]
    assert np.count_nonzero(np.isfinite(sets["diesel"].y["CN"])) == 381
    for data in sets.values():
        assert np.isfinite(data.X).all()
        assert 400 < data.wavenumber.min() < data.wavenumber.max() < 30_000
    assert len(bench_embedding.subsample(sets["nirsoil"], 300, 0).X) == 300


def test_committed_rows_are_complete_and_of_the_shipped_weights():
    path = ROOT / "benchmarks" / "results" / "embedding.csv"
    rows = bench_embedding.read_rows(path)
    assert {row["set"] for row in rows} == set(bench_embedding.FILES)
    keys = [tuple(row[name] for name in bench_embedding.COLUMNS[:-3]) for row in rows]
    assert len(set(keys)) == len(keys)
    runs = json.loads(path.with_name("embedding.csv.json").read_text())
    file = Path(bench_embedding.skspektron.__file__).parent / "weights" / "small.safetensors"
    used = {run["settings"]["small"] for run in runs if "small" in run["settings"]}
    assert used == {sha256(file.read_bytes()).hexdigest()}
    card = file.with_suffix(".md").read_text(encoding="utf-8")
    assert network_tables.of_the_card(rows) in card

"""LoRATransfer with a small network trained for the tests."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron import SNV, LoRATransfer, SpektronEmbedder
from skspektron._bridge import load_tensors, save_tensors
from skspektron.datasets import make_instruments
from skspektron.model_selection import stack_instruments
from skspektron.transfer import NoTransfer
from skspektron.transfer._core._standards import Rows, Standards
from tests.transfer.conftest import WAVELENGTH, ridge_on
from tests.transfer.methods import fit


def make(calibration, n_transfer=8, **parameters):
    parameters = {"max_epochs": 3, "random_state": 0, **parameters}
    return LoRATransfer(calibration, source="A", target="B", n_transfer=n_transfer, **parameters)


@pytest.fixture(scope="module")
def adapted(pretrainer, stack):
    """Return the fitted transfer of `calibration`, which no test may change."""
    return fit(make(ridge_on(pretrainer)), stack)


@pytest.mark.filterwarnings("ignore:No axis", "ignore:.*do not vary with y")
@parametrize_with_checks([LoRATransfer(max_epochs=1)])
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_predicts_the_target_better_than_no_transfer(calibration, stack):
    X, y, instrument, sample_id = stack
    held_out = np.isin(sample_id, np.unique(sample_id)[::3])
    train = [part[~held_out] for part in stack]
    test = held_out & (instrument == "B")
    scores = {
        model: r2_score(y[test], fit(model, train).predict(X[test]))
        for model in (make(calibration, max_epochs=20), NoTransfer(calibration, target="B"))
    }
    adapted, plain = scores.values()
    assert adapted > 0.5 > plain


def test_losses_fall(calibration, stack):
    history = fit(make(calibration, max_epochs=20), stack).history_
    assert [record["epoch"] for record in history] == list(range(1, 21))
    assert history[-1]["train_loss"] < 0.95 * history[0]["train_loss"]
    total = sum(history[0][name] for name in ("paired", "labels", "replay"))
    assert history[0]["train_loss"] == pytest.approx(total)


def test_summary_lists_standards_and_settings(calibration, stack):
    model = fit(make(calibration), stack)
    text = str(model.summary())
    assert text.startswith("LoRATransfer from 'A' to 'B'") and "nm" in text
    assert re.search(r"^  max_epochs +3$", text, re.MULTILINE)
    assert all(re.search(rf"^  {name} +1.00", text, re.MULTILINE) for name in model.transfer_ids_)


def step_of(pipeline, kind):
    """Return the step of a pipeline that is of a class."""
    [step] = [step for _, step in pipeline.steps if isinstance(step, kind)]
    return step


def test_untrained_factors_change_no_embedding(calibration, stack):
    X, _, instrument, _ = stack
    model = fit(make(calibration, max_epochs=0), stack)
    network = step_of(model.target_estimator_, SpektronEmbedder).network_
    assert network is model.estimator_[1].network_
    model = fit(make(calibration, n_transfer=2, max_epochs=0), stack)  # too few for a map
    target = X[instrument == "B"]
    np.testing.assert_array_equal(
        model.target_estimator_[:2].transform(target), model.estimator_[:2].transform(target)
    )
    assert model.history_ == []
    assert all(not model.adapter_[name].any() for name in model.adapter_ if name[:2] == "B.")


def test_training_passes_the_domain_of_the_spectra(knows_domains, stack, monkeypatch):
    from skspektron._nn.network import SpektronNetwork

    domains, forward = [], SpektronNetwork.forward

    def note(self, *args, **kwargs):
        domains.append(kwargs.get("domain"))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(SpektronNetwork, "forward", note)
    fit(LoRATransfer(knows_domains, source="A", target="B", n_transfer=5, max_epochs=1), stack)
    assert all(domain is not None and (domain == 0).all() for domain in domains)


def test_base_weights_are_shared_and_not_changed(calibration, pretrainer, stack):
    before = {name: tensor.clone() for name, tensor in pretrainer.network_.tensors().items()}
    model = fit(make(calibration), stack)
    assert model.estimator_[1].network_ is pretrainer.network_
    assert all((before[name] == t).all() for name, t in pretrainer.network_.tensors().items())
    adapted = step_of(model.target_estimator_, SpektronEmbedder).network_.tensors()
    changed = {name for name in before if (before[name] != adapted[name]).any()}
    assert changed == {name[2:].replace("/", ".") for name in model.adapter_ if name[:2] == "B."}


def test_without_standards_it_is_no_transfer(calibration, stack):
    X = stack[0]
    model, plain = fit(make(calibration, 0), stack), fit(NoTransfer(calibration, target="B"), stack)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))


@pytest.mark.parametrize("replacement", [np.nan, 1e6])
def test_labels_of_unselected_target_rows_are_not_read(calibration, adapted, stack, replacement):
    X, y, instrument, sample_id = stack
    unselected = (instrument == "B") & ~np.isin(sample_id, adapted.transfer_ids_)
    model = fit(make(calibration), (X, np.where(unselected, replacement, y), *stack[2:]))
    np.testing.assert_array_equal(model.predict(X), adapted.predict(X))


def test_labels_of_standards_are_used_where_present(calibration, adapted, stack):
    X, y, instrument, _ = stack
    unlabelled = fit(make(calibration), (X, np.where(instrument == "B", np.nan, y), *stack[2:]))
    np.testing.assert_array_equal(adapted.transfer_ids_, unlabelled.transfer_ids_)
    assert np.abs(adapted.predict(X) - unlabelled.predict(X)).max() > 1e-6
    target = instrument == "B"
    assert r2_score(y[target], unlabelled.predict(X[target])) > 0.3


def test_target_spectra_of_standards_are_used(calibration, adapted, stack):
    X, _, instrument, _ = stack
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    other = fit(make(calibration), (changed, *stack[1:]))
    assert np.abs(adapted.predict(X) - other.predict(X)).max() > 1e-3


@pytest.mark.parametrize("shuffled", ["A", "B"])
def test_row_order_of_one_instrument_changes_nothing(calibration, adapted, stack, shuffled):
    X, instrument = stack[0], stack[2]
    order = np.arange(len(X))
    rows = np.flatnonzero(instrument == shuffled)
    order[rows] = np.random.default_rng(0).permutation(rows)
    other = fit(make(calibration), [part[order] for part in stack])
    np.testing.assert_array_equal(adapted.predict(X), other.predict(X))


def test_random_state_decides(calibration, adapted, stack):
    X = stack[0]
    same, other = (fit(make(calibration, random_state=seed), stack).predict(X) for seed in (0, 1))
    np.testing.assert_array_equal(adapted.predict(X), same)
    assert np.abs(same - other).max() > 0


def test_source_rows_are_predicted_by_the_source_calibration(adapted, stack):
    X, _, instrument, _ = stack
    source = instrument == "A"
    mixed = adapted.predict(X, instrument=instrument)
    np.testing.assert_allclose(mixed[source], adapted.estimator_.predict(X[source]).ravel())
    np.testing.assert_allclose(mixed[~source], adapted.predict(X[~source]))


def test_loading_an_adapter_switches_the_instrument(calibration, adapted, stack, tmp_path):
    X = stack[0]
    model = pickle.loads(pickle.dumps(adapted))
    first = model.predict(X)
    model.save_adapter(tmp_path / "a.safetensors")
    other = fit(make(calibration, n_transfer=4, lora_alpha=32.0, rank=4), stack)
    other.save_adapter(tmp_path / "b.safetensors")
    switched = model.load_adapter(tmp_path / "b.safetensors").predict(X)
    assert np.abs(switched - first).max() > 1e-6
    np.testing.assert_allclose(
        model.load_adapter(tmp_path / "a.safetensors").predict(X), first, atol=1e-6
    )


def test_one_model_loads_adapters_of_several_instruments(calibration, tmp_path):
    data = make_instruments(20, ("A", "B", "C"), wavelength=WAVELENGTH, random_state=3)
    rows = {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()}
    stack = stack_instruments(rows)
    models = {target: fit(make(calibration).set_params(target=target), stack) for target in "BC"}
    for target, model in models.items():
        model.save_adapter(tmp_path / f"{target}.safetensors")
    model = models["B"]
    head = model.target_estimator_[-1]
    first = model.predict(data.X["B"], instrument=["B"] * 20)
    for target in "CB":
        model.load_adapter(tmp_path / f"{target}.safetensors")
        expected = models[target].target_estimator_[:-1].transform(data.X[target])
        np.testing.assert_allclose(
            model.target_estimator_[:-1].transform(data.X[target]), expected, atol=1e-6
        )
        y_pred = model.predict(data.X[target], instrument=[target] * 20)
        np.testing.assert_array_equal(y_pred, model.target_estimator_.predict(data.X[target]))
        assert (model.target_, model.target_estimator_[-1]) == (target, head)
    np.testing.assert_allclose(y_pred, first, atol=1e-6)
    of_another_source = fit(make(calibration).set_params(source="C"), stack)
    with pytest.raises(ValueError, match=r"adapts 'B' to the source 'A', .* for the source 'C'"):
        of_another_source.load_adapter(tmp_path / "B.safetensors")


def _each(tensors, prefix, change):
    tensors.update({name: change(t) for name, t in tensors.items() if name.startswith(prefix)})


def _drop(tensors, prefixes):
    for name in [name for name in tensors if name.startswith(prefixes)]:
        del tensors[name]


WRONG_ADAPTERS = {
    "alpha nan": (
        lambda t, h: h.update(alpha=np.nan),
        "alpha must be positive and finite, got nan",
    ),
    "alpha inf": (
        lambda t, h: h.update(alpha=np.inf),
        "alpha must be positive and finite, got inf",
    ),
    "alpha 0": (lambda t, h: h.update(alpha=0), "alpha must be positive and finite, got 0"),
    "alpha text": (
        lambda t, h: h.update(alpha="16"),
        "alpha must be positive and finite, got '16'",
    ),
    "alpha bool": (lambda t, h: h.update(alpha=True), "alpha must be .*, got True"),
    "alpha huge": (lambda t, h: h.update(alpha=10**400), "alpha must be positive and finite"),
    "alpha overflows": (lambda t, h: h.update(alpha=1e300), "with alpha=1e\\+300 is not finite"),
    "source is target": (lambda t, h: h.update(target="A"), "target must be another instrument"),
    "no target": (lambda t, h: h.update(target=None), "target must be the name of an instrument"),
    "target list": (lambda t, h: h.update(target=["B"]), "target must be the name of an instrum"),
    "network": (lambda t, h: h.update(network=3), "network must be a digest, got 3"),
    "sizes": (lambda t, h: h.update(architecture=[]), r"architecture must be sizes by name"),
    "no factors": (lambda t, h: _drop(t, ("A.", "B.")), r"must have the \d+ factors .* got 0"),
    "no B": (lambda t, h: _drop(t, "B."), r"must have the \d+ factors"),
    "one missing": (lambda t, h: t.pop(sorted(t)[0]), r"1 are missing and 0 unknown, such as A\."),
    "unknown": (
        lambda t, h: t.update({"A.x": torch.ones(2, 2)}),
        "0 are missing and 1 unknown, such as A.x",
    ),
    "stray": (
        lambda t, h: t.update(stray=torch.ones(2)),
        "0 are missing and 1 unknown, such as stray",
    ),
    "rank 0": (
        lambda t, h: (_each(t, "A.", lambda f: f[:0]), _each(t, "B.", lambda f: f[:, :0])),
        r"with a rank of at least 1, got \(0, ",
    ),
    "ranks": (lambda t, h: _each(t, "B.", lambda f: f[:, :1]), r"B\..* must have shape"),
    "one axis": (lambda t, h: _each(t, "A.", lambda f: f[0]), r"A\..* must have shape"),
    "no axis": (lambda t, h: _each(t, "A.", lambda f: f[0, 0]), r"A\..* must have shape"),
    "no right": (
        lambda t, h: t.pop("input.right"),
        r"parts input.left, input.right, input.constant .* got shapes \(96, \d+\), \(96,\)",
    ),
    "another rank": (
        lambda t, h: _each(t, "input.left", lambda f: f[:, 1:]),
        "of the change of spectra with 96 channels, got shapes",
    ),
    "constant nan": (
        lambda t, h: _each(t, "input.constant", lambda f: f * np.nan),
        "not finite in 1 of",
    ),
    "offset longer": (
        lambda t, h: t.update(offset=torch.ones(3)),
        "embeddings with 3 outputs, .* have",
    ),
    "offset matrix": (
        lambda t, h: _each(t, "offset", lambda f: f[:, None]),
        r"embeddings with \d+ x 1 outputs",
    ),
    "offset number": (
        lambda t, h: _each(t, "offset", lambda f: f[0]),
        "embeddings with no outputs",
    ),
    "offset nan": (lambda t, h: _each(t, "offset", lambda f: f * np.nan), "not finite in 1 of"),
    "axis": (
        lambda t, h: h.update(wavenumber=h["wavenumber"][1:]),
        "target spectra with 95 channels from .*, and those of this calibration have 96",
    ),
    "axis shifted": (
        lambda t, h: h.update(wavenumber=[1.01 * v for v in h["wavenumber"]]),
        "target spectra with 96 channels from",
    ),
    "axis text": (lambda t, h: h.update(wavenumber="nm"), "wavenumber must be a list of numbers"),
    "type": (lambda t, h: _each(t, "offset", torch.Tensor.int), "float32 tensors, got 1 others"),
}


@pytest.fixture(scope="module")
def loaded(pretrainer, stack):
    """Return a fitted model that refused adapters must not change, and its predictions."""
    model = fit(make(ridge_on(pretrainer), n_transfer=3, max_epochs=1, rank=2), stack)
    return model, model.predict(stack[0])


@pytest.mark.parametrize("name", WRONG_ADAPTERS)
def test_an_adapter_that_does_not_fit_raises_and_changes_nothing(loaded, stack, tmp_path, name):
    change, message = WRONG_ADAPTERS[name]
    model, expected = loaded
    model.save_adapter(path := tmp_path / "a.safetensors")
    tensors, header = load_tensors(path)
    change(tensors, header)
    save_tensors(path, tensors, header)
    before = dict(vars(model))
    adapter = {key: value.copy() for key, value in model.adapter_.items()}
    with pytest.raises(ValueError, match=message) as caught:
        model.load_adapter(path)
    assert str(path) in str(caught.value)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[key] is value for key, value in before.items())
    assert all(np.array_equal(model.adapter_[key], value) for key, value in adapter.items())
    np.testing.assert_array_equal(model.predict(stack[0]), expected)


def test_refuses_an_adapter_of_other_weights(calibration, adapted, stack, tmp_path):
    adapted.save_adapter(tmp_path / "a.safetensors")
    model = fit(make(clone(calibration).set_params(spektronembedder__weights="small")), stack)
    with pytest.raises(ValueError, match="contains an adapter of the network"):
        model.load_adapter(tmp_path / "a.safetensors")


def test_a_frozen_calibration_keeps_its_head(calibration, stack):
    X, y, instrument, sample_id = stack
    source = instrument == "A"
    frozen = FrozenEstimator(calibration.fit(X[source], y[source]))
    model = fit(make(frozen, trained_on=np.unique(sample_id[source])), stack)
    assert model.target_estimator_[-1] is calibration[-1]
    assert np.abs(model.predict(X[~source]) - calibration.predict(X[~source])).max() > 1e-6


def test_pickle_and_clone(adapted, stack):
    X, expected = stack[0], adapted.predict(stack[0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(adapted)).predict(X), expected)
    np.testing.assert_array_equal(fit(clone(adapted), stack).predict(X), expected)


def test_the_default_pipeline_reads_the_axis_from_the_column_names(stack):
    X = stack[0]
    frame = pd.DataFrame(X, columns=[f"{w:.4f} nm" for w in WAVELENGTH])
    model = fit(make(None, max_epochs=1), (frame, *stack[1:]))
    np.testing.assert_allclose(model.estimator_[1].wavenumber_, 1e7 / WAVELENGTH, rtol=1e-6)
    given = fit(make(None, max_epochs=1, wavelength=WAVELENGTH), stack)
    np.testing.assert_allclose(model.predict(frame), given.predict(X), rtol=1e-3)


def recommended(n_transfer=8, **parameters):
    """Return a transfer with ``estimator=None``, which is an ensemble."""
    return make(None, n_transfer, **{"max_epochs": 1, "wavelength": WAVELENGTH, **parameters})


def without_ensemble(model):
    """Return a copy that predicts with the adapted embedding alone."""
    model = pickle.loads(pickle.dumps(model))
    network = step_of(model.target_estimator_.embedding, SpektronEmbedder).network_
    model.target_estimator_ = model._align(network, model.adapter_, model._of_fit.head)
    return model


@pytest.mark.parametrize("setting", ["one standard", "two targets", "pipeline", "other axis"])
def test_there_is_one_prediction(setting, calibration, stack, make_grids, tmp_path):
    X, y, instrument, sample_id = stack = make_grids() if setting == "other axis" else stack
    if setting == "two targets":
        y = np.stack([y, y**2], axis=1)
    model = {
        "one standard": lambda: recommended(1),
        "two targets": lambda: recommended(3),
        "pipeline": lambda: make(clone(calibration).set_params(spektronembedder__pooling="mean")),
        "other axis": lambda: recommended(3, wavelength=None),
    }[setting]()
    fit(model, (X, y, instrument, sample_id))
    target = X[instrument == "B"]
    expected = model.predict(target)
    model.save_adapter(path := tmp_path / "own.safetensors")
    others = [pickle.loads(pickle.dumps(model)), model]
    if setting == "pipeline":
        others.append(fit(clone(model), stack))
    own = target.iloc[:, model.target_channels_] if setting == "other axis" else target
    for other in others:
        for loaded in (other, other.load_adapter(path)):
            np.testing.assert_array_equal(loaded.predict(target), expected)
            one = loaded.target_estimator_.predict(own).reshape(expected.shape)
            np.testing.assert_array_equal(one, expected)


@pytest.fixture(scope="module")
def ensemble(stack):
    """Return the fitted transfer with ``estimator=None``."""
    return fit(recommended(), stack)


def test_by_default_the_adapted_embedding_is_a_view_of_an_ensemble(ensemble, calibration, stack):
    X, y, instrument, _ = stack
    weights = ensemble.view_weights_
    assert sum(weights.values()) == pytest.approx(1.0)
    assert 0 < weights["adapted embedding"] < 1 and "first derivative at water" in weights
    assert re.search(r"\n  standards, reference values +0\.\d+\n", str(ensemble.summary()))
    alone = without_ensemble(ensemble).predict(X)
    assert np.abs(ensemble.predict(X) - alone).max() > 1e-3
    target = instrument == "B"
    scores = [r2_score(y[target], p[target]) for p in (ensemble.predict(X), alone)]
    assert min(scores) > 0.9
    model = fit(make(calibration, max_epochs=1), stack)
    assert not hasattr(model, "view_weights_")
    np.testing.assert_array_equal(model.predict(X), model.target_estimator_.predict(X).ravel())


def test_the_ensemble_predicts_source_rows_by_the_source_calibration(ensemble, stack):
    X, _, instrument, _ = stack
    source = instrument == "A"
    mixed = ensemble.predict(X, instrument=instrument)
    np.testing.assert_allclose(mixed[source], ensemble.estimator_.predict(X[source]).ravel())
    np.testing.assert_allclose(mixed[~source], ensemble.predict(X[~source]))


def test_the_ensemble_can_be_pickled_and_cloned(ensemble, stack):
    X = stack[0]
    loaded = pickle.loads(pickle.dumps(ensemble))
    np.testing.assert_array_equal(loaded.predict(X), ensemble.predict(X))
    np.testing.assert_array_equal(fit(clone(ensemble), stack).predict(X), ensemble.predict(X))


def test_another_adapter_drops_the_ensemble_and_that_of_fit_restores_it(ensemble, stack, tmp_path):
    X, model = stack[0], pickle.loads(pickle.dumps(ensemble))
    model.save_adapter(own := tmp_path / "own.safetensors")
    other = fit(recommended(1, lora_alpha=4.0), stack)
    other.save_adapter(path := tmp_path / "other.safetensors")
    switched = model.load_adapter(path).predict(X)
    assert not hasattr(model, "view_weights_")
    np.testing.assert_array_equal(switched, model.target_estimator_.predict(X).ravel())
    Z = other.target_estimator_.embedding.transform(X)
    np.testing.assert_array_equal(model.target_estimator_[:-1].transform(X), Z)
    model.save_adapter(path)  # with the scale of the loaded adapter
    np.testing.assert_array_equal(other.load_adapter(path).predict(X), other.predict(X))
    assert model.load_adapter(own).view_weights_ == ensemble.view_weights_
    np.testing.assert_array_equal(model.predict(X), ensemble.predict(X))
    np.testing.assert_array_equal(fit(model, stack).predict(X), ensemble.predict(X))


def test_refitting_with_an_estimator_drops_the_ensemble(calibration, stack):
    model = fit(recommended(2), stack)
    fit(model.set_params(estimator=calibration, wavelength=None), stack)
    assert not hasattr(model, "view_weights_")
    np.testing.assert_array_equal(
        model.predict(stack[0]), model.target_estimator_.predict(stack[0]).ravel()
    )


@pytest.mark.parametrize("n_transfer", [0, 1, 2, 3, 12])
def test_the_ensemble_accepts_any_number_of_standards(n_transfer, stack):
    X = stack[0]
    model = fit(recommended(n_transfer), stack)
    assert np.isfinite(model.predict(X)).all()
    assert hasattr(model, "view_weights_") == (n_transfer > 0)
    if n_transfer == 0:
        np.testing.assert_array_equal(model.predict(X), model.estimator_.predict(X).ravel())


@pytest.mark.filterwarnings("ignore:1 of .* spectra have no patch")
def test_the_ensemble_fills_channels_that_are_missing_in_some_spectra(stack):
    X, y, instrument, _ = stack
    gaps = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.002, np.nan, X)
    gaps[-1] = np.nan  # a spectrum without any value
    model = fit(recommended(), (gaps, *stack[1:]))
    target = np.flatnonzero(instrument == "B")[:-1]
    mean, alone = model.predict(gaps[target]), without_ensemble(model).predict(gaps[target])
    assert np.isfinite(mean).all()
    assert r2_score(y[target], mean) > max(0.9, r2_score(y[target], alone))
    with pytest.raises(ValueError, match="1 of 1 spectra lack up to"):
        model.predict(gaps[-1:])


@pytest.fixture(scope="module")
def without_transfer(stack):
    """Return a fitted transfer without standards."""
    return fit(recommended(0), stack)


@pytest.mark.parametrize("kind", ["end", "start", "one", "none"])
def test_refuses_spectra_without_channels_that_all_training_spectra_have(
    kind, ensemble, without_transfer, stack
):
    X, _, instrument, _ = stack
    lost = {"end": slice(-10, None), "start": slice(10), "one": slice(40, 41), "none": slice(None)}
    rows = X[instrument == "B"][:5].copy()
    rows[1:3, lost[kind]] = np.nan
    n_lost = len(range(*lost[kind].indices(96)))
    message = f"2 of 5 spectra lack up to {n_lost} of the 96 channels .* of 'B' have"
    with pytest.raises(ValueError, match=message):
        ensemble.predict(rows)
    with pytest.raises(ValueError, match=message.replace("B", "A")):
        ensemble.predict(rows, instrument=["A"] * 5)
    with pytest.raises(ValueError, match="2 of 5 spectra lack"):
        without_transfer.predict(rows)


def test_channels_that_no_training_spectrum_of_the_target_has_may_be_missing(calibration, stack):
    X, _, instrument, _ = stack
    short = np.where((instrument == "B")[:, None] & (np.arange(96) >= 80), np.nan, X)
    model = fit(make(calibration), (short, *stack[1:]))
    assert len(model.source_channels_) == len(model.target_channels_) == 80
    expected = model.predict(short[instrument == "B"])
    np.testing.assert_array_equal(model.predict(X[instrument == "B", :80]), expected)


FLAT = {
    "ones": np.ones(96),
    "spectrum": np.linspace(0.1, 0.9, 96) ** 2,
}


@pytest.mark.filterwarnings("ignore:.*do not vary with y", "ignore:invalid value")
@pytest.mark.parametrize("form", FLAT)
@pytest.mark.parametrize("head", ["default", "ridge", "PLS"])
def test_equal_spectra_predict_the_mean_or_are_refused(form, head, stack):
    y, instrument, sample_id = stack[1:]
    X = np.repeat(FLAT[form][None], len(y), axis=0)
    front = SpektronEmbedder(wavelength=WAVELENGTH)
    model = recommended()
    if head != "default":
        last = Ridge(1e-3) if head == "ridge" else PLSRegression(3, scale=False)
        model = make(make_pipeline(front, last), max_epochs=1)
    if head == "PLS":
        with pytest.raises(ValueError, match=r"The 40 spectra .* are equal within single precis"):
            fit(model, (X, y, instrument, sample_id))
        return
    fit(model, (X, y, instrument, sample_id))
    assert all(np.isfinite(list(record.values())).all() for record in model.history_)
    noisy = X[:5] + 1e-3 * np.random.default_rng(0).normal(size=(5, 96))
    for rows in (X[:5], X[:5] - 1e-9, noisy):
        assert np.abs(model.predict(rows) - y.mean()).max() < y.std(ddof=1)


def test_heads_do_not_fit_rounding_errors_at_a_saturated_band():
    axis = np.arange(1100.0, 2500.0, 4.0)
    data = make_instruments(20, ("A", "B"), wavelength=axis, random_state=3)
    y, saturated = data.y[:, 0], np.arange(len(axis)) >= 150
    spectra = {name: np.where(saturated, 3.0, X) for name, X in data.X.items()}
    stack = stack_instruments({name: (X, y, data.sample_id) for name, X in spectra.items()})
    head = PLSRegression(5)  # scales the outputs of the network
    model = fit(make(make_pipeline(SpektronEmbedder(wavelength=axis), head), max_epochs=1), stack)
    for name, X in spectra.items():
        changes = [
            model.predict(X - 1e-3 * where, instrument=[name] * 20)
            for where in (0, np.arange(len(axis)) >= 250)
        ]
        assert np.abs(changes[1] - changes[0]).max() < y.std(ddof=1)


def test_the_ensemble_accepts_different_grids(stack):
    data = make_instruments(40, wavelength=WAVELENGTH, random_state=3)
    y, sample_id = data.y[:, 0], data.sample_id
    other = {"A": WAVELENGTH[2:], "B": WAVELENGTH[:-4:2]}
    X = {"A": data.X["A"][:, 2:], "B": data.X["B"][:, :-4:2]}
    stacked = stack_instruments({name: (X[name], y, sample_id) for name in X}, wavelength=other)
    model = fit(recommended(wavelength=None), stacked)
    target = stacked[2] == "B"
    predictions = model.predict(stacked[0][target])
    assert r2_score(stacked[1][target], predictions) > 0.8
    np.testing.assert_allclose(model.predict(X["B"]), predictions, atol=1e-7)


def test_labels_of_unselected_rows_are_not_read_by_the_ensemble(ensemble, stack):
    X, y, instrument, sample_id = stack
    unselected = (instrument == "B") & ~np.isin(sample_id, ensemble.transfer_ids_)
    changed = fit(recommended(), (X, np.where(unselected, 1e6, y), instrument, sample_id))
    np.testing.assert_array_equal(changed.predict(X), ensemble.predict(X))


def standards_of(model, stack):
    """Return the source rows of a fitted model and its standards."""
    X, y, instrument, sample_id = stack
    source, target = (np.flatnonzero(instrument == name) for name in "AB")
    pairs = [
        rows[[np.flatnonzero(sample_id[rows] == i)[0] for i in model.transfer_ids_]]
        for rows in (source, target)
    ]
    rows = Rows(X[source], y[source], sample_id[source])
    return rows, Standards(model.transfer_ids_, X[pairs[0]], X[pairs[1]], y[pairs[0]], y[pairs[1]])


def test_held_out_standards_are_embedded_by_an_adapter_trained_without_them(ensemble, stack):
    source, standards = standards_of(ensemble, stack)
    before = ensemble._held_out_embeddings(source, standards)
    position = np.arange(len(standards))
    others = (position % 2 == 0) & (position > 0)  # held out together with the first
    changed = replace(
        standards,
        X_target=np.where(others[:, None], standards.X_target[:, ::-1], standards.X_target),
        y=np.where(others, 9.0, standards.y),
    )
    after = ensemble._held_out_embeddings(source, changed)
    np.testing.assert_allclose(after[0], before[0], atol=1e-6)
    assert np.abs(after[1] - before[1]).max() > 1e-3
    assert ensemble._held_out_embeddings(source, standards[:1]) is None


def test_a_standard_of_no_weight_changes_nothing(calibration, stack):
    model = fit(make(calibration, max_epochs=1), stack)
    source, standards = standards_of(model, stack)
    weights = np.where(np.arange(len(standards)) == 2, 0.0, 1.0)
    first, second = (
        replace(standards, weights=weights, X_target=X, y=y)
        for X, y in (
            (standards.X_target, standards.y),
            (
                np.where(weights[:, None] == 0, standards.X_target[:, ::-1], standards.X_target),
                np.where(weights == 0, 1e3, standards.y),
            ),
        )
    )
    adapters = []
    for rows in (first, second):
        model.random_state = 0
        adapters.append(model._fit_adapter(source, rows)[0])
    for name, factor in adapters[0].items():
        expected = factor @ adapters[0]["input.right"] if name == "input.left" else factor
        found = adapters[1][name]
        found = found @ adapters[1]["input.right"] if name == "input.left" else found
        if name != "input.right":
            np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_two_targets(calibration, stack):
    X, y = stack[:2]
    model = fit(make(calibration), (X, np.stack([y, -2 * y], axis=1), *stack[2:]))
    np.testing.assert_allclose(model.predict(X)[:, 1], -2 * model.predict(X)[:, 0], atol=0.02)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rank": 0}, "rank must be an int of at least 1, got 0"),
        ({"max_epochs": -1}, "max_epochs must be an int of at least 0, got -1"),
        ({"batch_size": 2.5}, "batch_size must be an int of at least 1, got 2.5"),
        ({"lora_alpha": 0}, "lora_alpha must be a finite number above 0, got 0"),
        ({"learning_rate": -1e-3}, "learning_rate must be a finite number above 0, got -0.001"),
        ({"wavelength": WAVELENGTH}, "wavelength must be None with an estimator"),
        ({"n_transfer": 41}, "n_transfer=41"),
    ],
)
def test_refuses_invalid_parameters(calibration, stack, parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(make(calibration, **parameters), stack)


@pytest.mark.parametrize("position", ["absent", "last", "twice"])
def test_refuses_an_estimator_without_exactly_one_embedder_before_a_head(
    pretrainer, stack, position
):
    embedder = SpektronEmbedder(pretrainer, wavelength=WAVELENGTH)
    calibration = {
        "absent": PLSRegression(2),
        "last": make_pipeline(SNV(), embedder),
        "twice": make_pipeline(embedder, clone(embedder), Ridge()),
    }[position]
    with pytest.raises(ValueError, match="needs exactly one"):
        fit(make(calibration), stack)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_and_cpu_agree(calibration, stack):
    X, y = stack[:2]
    on_cpu, on_gpu = (fit(make(calibration, device=device), stack) for device in ("cpu", "cuda"))
    assert on_gpu.device_ == "cuda"
    np.testing.assert_allclose(on_gpu.predict(X), on_cpu.predict(X), atol=0.02 * y.std(ddof=1))


def test_weights_replace_those_of_the_default_pipeline(pretrainer, stack, tmp_path):
    path = tmp_path / "own.safetensors"
    pretrainer.save(path)
    model = fit(make(None, wavelength=WAVELENGTH, weights=path, max_epochs=0), stack)
    own, shipped = pretrainer.network_.digest, SpektronEmbedder(wavelength=WAVELENGTH)
    assert model.estimator_[1].network_.digest == own
    assert shipped.fit(stack[0]).network_.digest != own


def test_refuses_weights_with_an_estimator(calibration, stack, tmp_path):
    with pytest.raises(ValueError, match="weights must be 'small', the default, with an estimator"):
        fit(make(calibration, weights=tmp_path / "own.safetensors"), stack)

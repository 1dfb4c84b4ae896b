"""Low-rank adaptation to an instrument, with small weights trained for the test."""

import pickle

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
from skspektron.transfer import NoTransfer
from tests.transfer.conftest import WAVELENGTH
from tests.transfer.methods import fit


def make(calibration, n_transfer=8, **parameters):
    parameters = {"max_epochs": 3, "random_state": 0, **parameters}
    return LoRATransfer(calibration, source="A", target="B", n_transfer=n_transfer, **parameters)


@pytest.mark.filterwarnings("ignore:No axis", "ignore:.*do not vary with y")
@parametrize_with_checks([LoRATransfer(max_epochs=1)])
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_it_predicts_the_target_better_than_no_transfer(calibration, stack):
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
    assert len(history) == 20
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    total = sum(history[0][name] for name in ("paired", "labels", "replay"))
    assert history[0]["train_loss"] == pytest.approx(total)


def test_untrained_factors_change_no_embedding(calibration, stack):
    X, _, instrument, _ = stack
    model = fit(make(calibration, max_epochs=0), stack)
    target = X[instrument == "B"]
    np.testing.assert_array_equal(
        model.target_estimator_[:2].transform(target), model.estimator_[:2].transform(target)
    )
    assert model.history_ == []
    assert all(not model.adapter_[name].any() for name in model.adapter_ if name[:2] == "B.")


def test_spectra_are_trained_on_as_what_they_are(knows_domains, stack, monkeypatch):
    from skspektron._nn.network import SpektronNetwork

    told, forward = [], SpektronNetwork.forward

    def note(self, *args, **kwargs):
        told.append(kwargs.get("domain"))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(SpektronNetwork, "forward", note)
    fit(LoRATransfer(knows_domains, source="A", target="B", n_transfer=5, max_epochs=1), stack)
    assert all(domain is not None and (domain == 0).all() for domain in told)


def test_base_weights_stay_and_are_shared(calibration, pretrainer, stack):
    before = {name: tensor.clone() for name, tensor in pretrainer.network_.tensors().items()}
    model = fit(make(calibration), stack)
    assert model.estimator_[1].network_ is pretrainer.network_
    assert all((before[name] == t).all() for name, t in pretrainer.network_.tensors().items())
    adapted = model.target_estimator_[1].network_.tensors()
    changed = {name for name in before if (before[name] != adapted[name]).any()}
    assert changed == {name[2:].replace("/", ".") for name in model.adapter_ if name[:2] == "B."}


def test_without_standards_it_is_no_transfer(calibration, stack):
    X = stack[0]
    model, plain = fit(make(calibration, 0), stack), fit(NoTransfer(calibration, target="B"), stack)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))


@pytest.mark.parametrize("replacement", [np.nan, 1e6])
def test_labels_of_unselected_target_rows_are_not_read(calibration, stack, replacement):
    X, y, instrument, sample_id = stack
    reference = fit(make(calibration), stack)
    unselected = (instrument == "B") & ~np.isin(sample_id, reference.transfer_ids_)
    model = fit(make(calibration), (X, np.where(unselected, replacement, y), *stack[2:]))
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))


def test_labels_of_standards_are_used_where_present(calibration, stack):
    X, y, instrument, _ = stack
    labelled = fit(make(calibration), stack)
    unlabelled = fit(make(calibration), (X, np.where(instrument == "B", np.nan, y), *stack[2:]))
    np.testing.assert_array_equal(labelled.transfer_ids_, unlabelled.transfer_ids_)
    assert np.abs(labelled.predict(X) - unlabelled.predict(X)).max() > 1e-6
    target = instrument == "B"
    assert r2_score(y[target], unlabelled.predict(X[target])) > 0.3


def test_target_spectra_of_standards_are_used(calibration, stack):
    X, _, instrument, _ = stack
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    one, other = fit(make(calibration), stack), fit(make(calibration), (changed, *stack[1:]))
    assert np.abs(one.predict(X) - other.predict(X)).max() > 1e-3


@pytest.mark.parametrize("shuffled", ["A", "B"])
def test_row_order_of_one_instrument_changes_nothing(calibration, stack, shuffled):
    X, instrument = stack[0], stack[2]
    order = np.arange(len(X))
    rows = np.flatnonzero(instrument == shuffled)
    order[rows] = np.random.default_rng(0).permutation(rows)
    one, other = fit(make(calibration), stack), fit(make(calibration), [p[order] for p in stack])
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


def test_same_random_state_same_numbers(calibration, stack):
    X = stack[0]
    one, same = (fit(make(calibration), stack).predict(X) for _ in range(2))
    other = fit(make(calibration, random_state=1), stack).predict(X)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0


def test_source_rows_pass_unadapted(calibration, stack):
    X, _, instrument, _ = stack
    model = fit(make(calibration), stack)
    source = instrument == "A"
    mixed = model.predict(X, instrument=instrument)
    np.testing.assert_allclose(mixed[source], model.estimator_.predict(X[source]).ravel())
    np.testing.assert_allclose(mixed[~source], model.predict(X[~source]))


def test_adapters_switch(calibration, stack, tmp_path):
    X = stack[0]
    model = fit(make(calibration), stack)
    first = model.predict(X)
    model.save_adapter(tmp_path / "a.safetensors")
    other = fit(make(calibration, n_transfer=4, alpha=32.0, rank=4), stack)
    other.save_adapter(tmp_path / "b.safetensors")
    switched = model.load_adapter(tmp_path / "b.safetensors").predict(X)
    assert np.abs(switched - first).max() > 1e-6
    np.testing.assert_allclose(
        model.load_adapter(tmp_path / "a.safetensors").predict(X), first, atol=1e-6
    )


def test_an_adapter_of_other_weights_is_refused(calibration, stack, tmp_path):
    fit(make(calibration), stack).save_adapter(tmp_path / "a.safetensors")
    model = fit(make(clone(calibration).set_params(spektronembedder__weights="small")), stack)
    with pytest.raises(ValueError, match="holds no adapter of the network"):
        model.load_adapter(tmp_path / "a.safetensors")


def test_a_frozen_calibration_keeps_its_head(calibration, stack):
    X, y, instrument, sample_id = stack
    source = instrument == "A"
    frozen = FrozenEstimator(calibration.fit(X[source], y[source]))
    model = fit(make(frozen, trained_on=np.unique(sample_id[source])), stack)
    assert model.target_estimator_[-1] is calibration[-1]
    assert np.abs(model.predict(X[~source]) - calibration.predict(X[~source])).max() > 1e-6


def test_pickle_and_clone(calibration, stack):
    X = stack[0]
    model = fit(make(calibration), stack)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(fit(clone(model), stack).predict(X), model.predict(X))


def test_the_recommended_pipeline_reads_the_axis_from_columns(stack):
    X = stack[0]
    frame = pd.DataFrame(X, columns=[f"{w:.4f} nm" for w in WAVELENGTH])
    model = fit(make(None, max_epochs=1), (frame, *stack[1:]))
    np.testing.assert_allclose(model.estimator_[1].wavenumber_, 1e7 / WAVELENGTH, rtol=1e-6)
    given = fit(make(None, max_epochs=1, wavelength=WAVELENGTH), stack)
    np.testing.assert_allclose(model.predict(frame), given.predict(X), rtol=1e-3)


def test_two_targets(calibration, stack):
    X, y = stack[:2]
    model = fit(make(calibration), (X, np.stack([y, -2 * y], axis=1), *stack[2:]))
    np.testing.assert_allclose(model.predict(X)[:, 1], -2 * model.predict(X)[:, 0], atol=0.02)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rank": 0}, "rank is 0"),
        ({"max_epochs": -1}, "max_epochs is -1"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"alpha": 0}, "alpha is 0"),
        ({"learning_rate": -1e-3}, "learning_rate is -0.001"),
        ({"wavelength": WAVELENGTH}, "has its own"),
        ({"n_transfer": 41}, "n_transfer=41"),
    ],
)
def test_bad_parameters_are_refused(calibration, stack, parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(make(calibration, **parameters), stack)


@pytest.mark.parametrize("position", ["absent", "last", "twice"])
def test_the_estimator_must_hold_one_embedder_before_a_head(pretrainer, stack, position):
    embedder = SpektronEmbedder(pretrainer, wavelength=WAVELENGTH)
    calibration = {
        "absent": PLSRegression(2),
        "last": make_pipeline(SNV(), embedder),
        "twice": make_pipeline(embedder, clone(embedder), Ridge()),
    }[position]
    with pytest.raises(ValueError, match="adapts exactly one"):
        fit(make(calibration), stack)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_predicts_as_the_cpu_does(calibration, stack):
    X, y = stack[:2]
    on_cpu, on_gpu = (fit(make(calibration, device=device), stack) for device in ("cpu", "cuda"))
    assert on_gpu.device_ == "cuda"
    np.testing.assert_allclose(on_gpu.predict(X), on_cpu.predict(X), atol=0.02 * y.std(ddof=1))

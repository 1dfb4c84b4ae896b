"""Adapters: initial values, training, repeatability, files."""

from dataclasses import replace

import joblib
import numpy as np
import pytest
import torch

from skspektron._bridge import POOLINGS, FrozenNetwork, load_tensors, save_tensors
from skspektron._nn.lora import LowRankAdapter, adaptable
from skspektron._training._adaptation import Examples, merge, train_adapter
from skspektron._training._adapter_files import load_adapter, save_adapter
from skspektron._training._pretraining import new_network
from skspektron._training.engine._recipe import Recipe

ADAPTER = {"pooling": "mean", "n_layers": None, "rank": 2, "alpha": 4.0}


def train(network, examples, *, max_epochs, seed=0):
    recipe = Recipe(
        seed=seed, device="cpu", batch_size=8, learning_rate=1e-2, max_epochs=max_epochs
    )
    return train_adapter(network, examples, recipe, **ADAPTER)


@pytest.fixture
def frozen(tiny_network):
    return FrozenNetwork.of(tiny_network.architecture, tiny_network.state_dict())


def embed(frozen, spectra):
    return frozen.embed(spectra, pooling="mean", batch_size=32, device="cpu")


@pytest.fixture
def examples(frozen, make_spectra, noise):
    """Five standards on a target that distorts the spectra, and all rows mapped to it."""
    z = embed(frozen, make_spectra(noise))
    X_target = noise * np.linspace(0.5, 1.5, 40) + 0.3 * np.roll(noise, 1, axis=1)
    labels = noise[:, :1] / noise[:, :1].std()
    return Examples(
        spectra=make_spectra(np.concatenate([X_target[:5], X_target])),
        z_source=np.concatenate([z[:5], z]),
        labels=np.concatenate([labels[:5], labels]),
        weights=np.ones(5),
        label_weights=np.ones(5),
        coef=np.linalg.pinv(z) @ labels,
        intercept=np.zeros(1),
    )


def as_embedded(frozen, adapter, spectra):
    network = frozen.on("cpu")
    low_rank = LowRankAdapter(network, adaptable(network), rank=2, alpha=4.0)
    low_rank.load_state_dict({name: torch.from_numpy(value) for name, value in adapter.items()})
    batch = spectra.batch(torch.arange(len(spectra.values)))
    with torch.inference_mode():
        return POOLINGS["mean"](low_rank(**batch)).numpy()


def test_no_training_changes_nothing(frozen, examples):
    adapter, history = train(frozen, examples, max_epochs=0)
    assert history == []
    expected = frozen.embed(examples.spectra, pooling="mean", batch_size=32, device="cpu")
    np.testing.assert_array_equal(as_embedded(frozen, adapter, examples.spectra), expected)
    merged = merge(frozen, adapter, 4.0)
    assert merged is frozen  # equal weights are one network


def test_training_reduces_the_loss_and_does_not_change_the_network(frozen, examples):
    before = {name: tensor.clone() for name, tensor in frozen.tensors().items()}
    adapter, history = train(frozen, examples, max_epochs=30)
    assert len(history) == 30
    assert history[-1]["paired"] < 0.8 * history[0]["paired"]
    for record in history:
        total = record["paired"] + record["labels"] + record["replay"]
        assert record["train_loss"] == pytest.approx(total, rel=1e-5)
    assert all(torch.equal(before[name], t) for name, t in frozen.tensors().items())
    assert {name.split(".")[0] for name in adapter} == {"A", "B"}
    adapted = as_embedded(frozen, adapter, examples.spectra)
    assert abs(adapted - embed(frozen, examples.spectra)).max() > 1e-2
    merged = merge(frozen, adapter, 4.0)
    np.testing.assert_allclose(embed(merged, examples.spectra), adapted, atol=1e-5)


def test_standards_count_by_their_weights(examples):
    weights, label_weights = (
        np.array([1.0, 0.5, 0.0, 1.0, 1.0]),
        np.array([1.0, 1.0, 1.0, 0.0, 0.6]),
    )
    weighted = replace(examples, weights=weights, label_weights=label_weights)
    batch = weighted.batches()(0, torch.arange(3))
    assert batch["values"].shape[0] == 8
    np.testing.assert_allclose(batch["paired"], [*(weights / 3.5), 0, 0, 0], atol=1e-7)
    np.testing.assert_allclose(batch["labels"][:5], weights * label_weights / 2.1, atol=1e-7)
    np.testing.assert_allclose(batch["replay"], [0] * 5 + [1 / 3] * 3, atol=1e-7)
    predicted = examples.z_source[5:8] @ examples.coef
    np.testing.assert_allclose(
        batch["residual"][5:], predicted - examples.labels[5:8], rtol=1e-4, atol=1e-6
    )
    ignored = replace(examples, weights=np.zeros(5)).batches()(0, torch.arange(3))
    np.testing.assert_allclose(ignored["paired"][:5], 0.2)


def test_a_standard_of_no_weight_changes_nothing(frozen, examples, make_spectra):
    weights = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    values = examples.spectra.values.numpy().copy()
    values[2] = values[2, ::-1]
    first, second = (
        train(
            frozen,
            replace(
                examples, weights=weights, spectra=make_spectra(X), labels=examples.labels + shift
            ),
            max_epochs=2,
        )[0]
        for X, shift in (
            (examples.spectra.values.numpy(), 0.0),
            (values, np.where(np.arange(len(values)) == 2, 5.0, 0.0)[:, None]),
        )
    )
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-6)


def test_same_seed_gives_the_same_adapter_without_global_generators(frozen, examples):
    torch_state, numpy_state = torch.get_rng_state(), joblib.hash(np.random.mtrand._rand)
    first, _ = train(frozen, examples, max_epochs=2)
    again, _ = train(frozen, examples, max_epochs=2)
    other, _ = train(frozen, examples, max_epochs=2, seed=1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert joblib.hash(np.random.mtrand._rand) == numpy_state


@pytest.fixture
def saved(frozen, examples, tmp_path):
    """Return a short adapter from A to B, and the file that it was written to."""
    adapter, _ = train(frozen, examples, max_epochs=1)
    adapter["offset"] = np.arange(16.0, dtype=np.float32)
    path = tmp_path / "adapter.safetensors"
    save_adapter(path, frozen, adapter, alpha=np.float32(4), source="A", target=np.int64(7))
    return adapter, path


def test_adapter_round_trip(frozen, saved):
    adapter, path = saved
    loaded, header = load_adapter(path, frozen, n_outputs=16, source="A")
    assert (header["alpha"], header["source"], header["target"]) == (4.0, "A", 7)
    assert header["network"] == frozen.digest and header["version"] == 2
    assert header["architecture"]["d_model"] == frozen.architecture.d_model
    assert loaded.keys() == adapter.keys()
    assert all(np.array_equal(loaded[name], adapter[name]) for name in adapter)


def test_an_adapter_that_does_not_fit_is_refused(frozen, saved):
    adapter, path = saved
    fitting = {"n_outputs": 16, "source": "A"}
    other = merge(frozen, adapter, 4.0)
    with pytest.raises(ValueError, match=r"adapter of the network .*same architecture, other"):
        load_adapter(path, other, **fitting)
    sizes = replace(frozen.architecture, d_state=6)
    smaller = FrozenNetwork.of(sizes, new_network(sizes, seed=0).state_dict())
    with pytest.raises(ValueError, match=rf"\(d_state {frozen.architecture.d_state}, not 6\)"):
        load_adapter(path, smaller, **fitting)
    with pytest.raises(ValueError, match=r"adapts 7 to the source 'A', .* for the source 'C'"):
        load_adapter(path, frozen, n_outputs=16, source="C")
    with pytest.raises(ValueError, match=r"embeddings with 16 outputs, .* have 24"):
        load_adapter(path, frozen, n_outputs=24, source="A")


def test_other_files_and_later_adapters_are_refused(frozen, saved):
    _, path = saved
    tensors, header = load_tensors(path)
    save_tensors(path, tensors, header | {"version": 3})
    with pytest.raises(ValueError, match=r"version 3 of its format, .* reads up to 2\."):
        load_adapter(path, frozen, n_outputs=16, source="A")
    save_tensors(path, tensors, {"architecture": {}, "record": {}})
    with pytest.raises(ValueError, match="does not contain an adapter but architecture, record"):
        load_adapter(path, frozen, n_outputs=16, source="A")


def test_adapters_with_missing_parts_or_nan_are_refused(frozen, saved):
    adapter, path = saved
    tensors, header = load_tensors(path)
    save_tensors(path, tensors, {k: v for k, v in header.items() if k != "network"})
    with pytest.raises(ValueError, match=r"lacks 1 parts of an adapter: network\."):
        load_adapter(path, frozen, n_outputs=16, source="A")
    save_tensors(path, {k: v for k, v in tensors.items() if k != "offset"}, header)
    with pytest.raises(ValueError, match=r"lacks 1 parts of an adapter: offset\."):
        load_adapter(path, frozen, n_outputs=16, source="A")
    save_tensors(path, tensors | {"offset": tensors["offset"] * torch.nan}, header)
    with pytest.raises(ValueError, match=r"not finite in 1 of \d+ tensors"):
        load_adapter(path, frozen, n_outputs=16, source="A")
    name = next(name for name in adapter if name.startswith("B."))
    with pytest.raises(ValueError, match=r"factors of the adapter do not fit .*size mismatch"):
        merge(frozen, adapter | {name: adapter[name][:1]}, 4.0)

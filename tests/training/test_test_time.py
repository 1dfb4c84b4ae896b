"""Adaptation to unlabelled spectra: trained parameters, recorded loss, unchanged network."""

import numpy as np
import pytest
import torch
from torch import nn

from skspektron._bridge import FrozenNetwork
from skspektron._nn.lora import adaptable
from skspektron._nn.masking import draw_patch_mask
from skspektron._nn.network import SpektronNetwork
from skspektron._training._test_time import MaskedAdaptation, adapted_weights, masked_task
from skspektron._training.engine._recipe import Recipe
from skspektron._training.engine._steps import step_generator

SETTINGS = {
    "max_steps": 3,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "seed": 0,
    "device": "cpu",
}


@pytest.fixture
def frozen(tiny_network):
    return FrozenNetwork.of(tiny_network.architecture, tiny_network.state_dict())


def adaptation(trainable="norm", **settings):
    return MaskedAdaptation(Recipe(**SETTINGS | settings), trainable, rank=2, mask_ratio=0.35)


def readout(frozen, spectra):
    return frozen.embed(spectra, pooling="mean", batch_size=32, device="cpu")


def test_which_parameters_each_choice_trains(tiny_network):
    norms = {
        f"{name}.{kind}"
        for name, module in tiny_network.named_modules()
        if isinstance(module, nn.LayerNorm)
        for kind in ("weight", "bias")
    }
    trained = {
        trainable: set(adapted_weights(masked_task(tiny_network, trainable, rank=2)))
        for trainable in ("norm", "lora", "all")
    }
    assert trained["norm"] == norms
    assert trained["lora"] == set(adaptable(tiny_network))
    assert trained["all"] == {name for name, _ in tiny_network.named_parameters()}


@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_only_trained_parameters_change_and_the_loss_falls(frozen, make_spectra, trainable):
    spectra = make_spectra(1 + np.random.default_rng(0).normal(size=(20, 40)) / 4)
    before = {name: tensor.clone() for name, tensor in frozen.tensors().items()}
    adapted, losses = adaptation(trainable, max_steps=8).adapt(frozen, spectra)
    trained = set(adapted_weights(masked_task(frozen.on("cpu"), trainable, rank=2)))
    changed = {name for name, t in adapted.tensors().items() if not torch.equal(before[name], t)}
    assert changed and changed <= trained
    assert losses.shape == (9,) and losses[-1] < losses[0]
    assert all(torch.equal(before[name], t) for name, t in frozen.tensors().items())


def test_the_recorded_loss_is_the_masked_error_before_and_after(frozen, make_spectra, noise):
    spectra = make_spectra(noise)
    adapted, losses = adaptation("all").adapt(frozen, spectra)
    batch = spectra.batch(torch.arange(len(noise)))
    usable = torch.ones(len(noise), 10, dtype=torch.bool)
    mask = draw_patch_mask(usable, 0.35, step_generator(0, -1))
    hidden = mask.repeat_interleave(4, 1)
    for network, loss in ((frozen, losses[0]), (adapted, losses[-1])):
        with torch.inference_mode():
            encoded = network.on("cpu")(**batch, mask=mask)
            error = network.on("cpu").decode(encoded, batch["wavenumber"]) - spectra.values
        assert (error[hidden] ** 2).mean().item() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("trainable", ["lora", "all"])
def test_the_recorded_loss_needs_no_more_rows_at_once_than_a_step(
    frozen, make_spectra, noise, monkeypatch, trainable
):
    sizes, forward = [], SpektronNetwork.forward

    def note(self, values, *args, **kwargs):
        sizes.append(len(values))
        return forward(self, values, *args, **kwargs)

    monkeypatch.setattr(SpektronNetwork, "forward", note)
    X = noise * np.geomspace(0.1, 10, 20)[:, None]
    X[::3, 8:20] = np.nan
    losses = [
        adaptation(trainable, max_steps=0, batch_size=size).adapt(frozen, make_spectra(X))[1]
        for size in (64, 7)
    ]
    assert sizes == [20, 7, 7, 6]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_without_steps_nothing_changes(frozen, make_spectra, noise, trainable):
    adapted, losses = adaptation(trainable, max_steps=0).adapt(frozen, make_spectra(noise))
    assert adapted is frozen  # equal weights are one network
    assert losses.shape == (1,)


@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_each_input_is_adapted_to_separately(frozen, make_spectra, noise, trainable):
    settings = {"pooling": "mean", "n_layers": None}
    together = adaptation(trainable).embed_each(frozen, make_spectra(noise[:4]), **settings)
    for row in range(4):
        # The fold of one spectrum, repeated, is what a single input is adapted to.
        copies = make_spectra(noise[[row] * 4])
        alone, _ = adaptation(trainable).adapt(frozen, copies)
        expected = readout(alone, make_spectra(noise[[row]]))
        np.testing.assert_allclose(together[[row]], expected, atol=1e-6)
    assert np.abs(together - readout(frozen, make_spectra(noise[:4]))).max() > 1e-4


def test_dropout_is_off_and_global_generators_are_not_used(tiny_network, make_spectra, noise):
    dropping = SpektronNetwork(tiny_network.architecture)
    for module in (tiny_network, dropping):
        module.load_state_dict(tiny_network.state_dict())
    for module in dropping.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.5
    task = masked_task(dropping, "all", rank=2).train()
    assert not any(module.training for module in task.modules())
    state = torch.get_rng_state()
    frozen = FrozenNetwork.of(tiny_network.architecture, tiny_network.state_dict())
    adaptation("lora").adapt(frozen, make_spectra(noise))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_a_gpu_adapts_as_the_cpu_does(frozen, make_spectra, noise, trainable):
    losses = [
        adaptation(trainable, device=device).adapt(frozen, make_spectra(noise))[1]
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-3)

"""Parameter groups: weight decay and learning rates."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from skspektron._nn.objectives import PretrainingTask
from skspektron._nn.presets import PRESETS
from skspektron._training._pretraining import new_network
from skspektron._training.engine._groups import parameter_groups
from skspektron._training.engine._net import StepNet
from skspektron._training.engine._recipe import Recipe


def optimizer_groups(module):
    """Return (lr, weight_decay, names) of every group of the optimizer of a module."""
    recipe = Recipe(
        seed=0, device="cpu", batch_size=1, learning_rate=1e-3, weight_decay=0.01, max_steps=1
    )
    net = StepNet(
        module,
        recipe,
        None,
        1,
        weights={},
        param_groups=parameter_groups(1e-3),
    ).initialize()
    names = {id(p): name for name, p in module.named_parameters()}
    return [
        (group["lr"], group["weight_decay"], [names[id(p)] for p in group["params"]])
        for group in net.optimizer_.param_groups
    ]


SMALL = {"d_model": 16, "d_state": 4, "n_layers": 2, "d_feedforward": 16, "n_channels": 40}


@pytest.fixture(params=PRESETS)
def task(request):
    """Return a small network with the parts of a preset, and objectives with parameters."""
    network = new_network(replace(PRESETS[request.param], **SMALL), seed=0)
    return PretrainingTask(network, {"masked": 1.0, "byol": 1.0, "infonce": 1.0}, 2)


def test_groups_are_a_partition(task):
    names = [name for _, _, group in optimizer_groups(task) for name in group]
    assert sorted(names) == sorted(name for name, _ in task.named_parameters())


def test_weights_of_maps_decay_and_nothing_else(task):
    scales = {
        f"{name}.{kind}"
        for name, module in task.named_modules()
        if isinstance(module, nn.LayerNorm)
        for kind in ("weight", "bias")
    }
    assert any(name.startswith("objectives.byol.predictor") for name in scales)
    for lr, decay, names in optimizer_groups(task):
        assert decay in (0.0, 0.01)
        for name in names:
            other = name.endswith("token") or ".position." in name or name in scales
            weights = task.get_parameter(name).ndim >= 2 and not other
            assert weights is (decay > 0), name
            assert lr == pytest.approx(1e-2 if name.endswith("mask_token") else 1e-3)


def test_tokens_norms_biases_and_poles_do_not_decay():
    module = nn.Module()
    module.network = nn.Module()
    network = module.network
    for name in ("mask_token", "cls_token", "domain_token", "nu", "phi", "A", "G", "dt", "log_A"):
        network.register_parameter(name, nn.Parameter(torch.ones(1, 2)))
    network.position = nn.Embedding(3, 2)
    network.norm = nn.LayerNorm(2)
    network.attention = nn.MultiheadAttention(2, 1)
    network.mix = nn.Linear(2, 2)
    decaying = [name for _, decay, names in optimizer_groups(module) if decay for name in names]
    assert sorted(decaying) == [
        "network.attention.in_proj_weight",
        "network.attention.out_proj.weight",
        "network.mix.weight",
    ]

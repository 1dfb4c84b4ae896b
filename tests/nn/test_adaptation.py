"""AdaptationTask: losses, constant offsets between instruments, gradients."""

import pytest
import torch

from skspektron._nn.adaptation import AdaptationTask
from skspektron._nn.lora import LowRankAdapter, adaptable


def pool(encoded):
    return encoded.tokens.mean(1)


@pytest.fixture
def task(make_network):
    network = make_network().eval()
    adapter = LowRankAdapter(network, adaptable(network), rank=2, alpha=2.0)
    coef = torch.linspace(-1, 1, 16).view(8, 2)
    return AdaptationTask(adapter, pool, scale=2.0, coef=coef)


@pytest.fixture
def batch(make_batch):
    generator = torch.Generator().manual_seed(3)
    return make_batch() | {
        "z_source": torch.randn(4, 8, generator=generator),
        "residual": torch.tensor([[1.0, 0.3], [-1.0, 0.2], [0.5, 0.0], [1.0, 2.0]]),
        "paired": torch.tensor([0.75, 0.25, 0.0, 0.0]),
        "labels": torch.tensor([1.0, 0.0, 0.0, 0.0]),
        "replay": torch.tensor([0.0, 0.0, 0.5, 0.5]),
    }


def test_losses_equal_their_formulas(task, batch):
    spectra = {name: batch[name] for name in ("values", "valid", "wavenumber", "grid")}
    z = pool(task.adapter(**spectra)).detach().double().numpy()
    z_source, rest = batch["z_source"].double().numpy(), batch["residual"].double().numpy()
    moved = z - z_source
    moved -= 0.75 * moved[0] + 0.25 * moved[1]
    distance = (moved**2).mean(axis=1) / 2.0
    squared = ((moved @ task.coef.double().numpy() + rest) ** 2).mean(axis=1)
    losses = {name: value.item() for name, value in task(**batch).items()}
    assert losses == pytest.approx(
        {
            "paired": 0.75 * distance[0] + 0.25 * distance[1],
            "labels": squared[0],
            "replay": (distance + squared)[2:].mean(),
        },
        rel=1e-4,
    )


def test_constant_offset_between_instruments_is_not_penalized(task, batch):
    before = task(**batch)
    moved = task(**batch | {"z_source": batch["z_source"] + 5.0})
    for name, loss in before.items():
        torch.testing.assert_close(moved[name], loss, rtol=1e-4, atol=0)


def test_only_the_adapter_is_trained(task, batch):
    sum(task(**batch).values()).backward()
    assert {name.split(".")[1] for name, _ in task.named_parameters()} == {"A", "B"}
    assert any(p.grad.abs().max() > 0 for p in task.adapter.B.values())

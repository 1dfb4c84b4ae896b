"""Low-rank adapters: initialization, merging, rank, and which matrices are adapted."""

import copy

import pytest
import torch

from skspektron._nn.lora import LowRankAdapter, adaptable


@pytest.fixture
def network(make_network):
    return make_network().eval()


def train(adapter, batch, n_steps=5):
    optimizer = torch.optim.SGD(adapter.parameters(), lr=0.1)
    for _ in range(n_steps):
        optimizer.zero_grad()
        (adapter(**batch).tokens[..., 0] - 2).square().mean().backward()
        optimizer.step()


def test_untrained_adapter_has_no_effect(network, make_batch):
    adapter, batch = LowRankAdapter(network, adaptable(network), rank=2, alpha=4.0), make_batch()
    assert torch.equal(adapter(**batch).tokens, network(**batch).tokens)


def test_training_changes_the_factors_only_and_merging_is_exact(network, make_batch):
    batch = make_batch()
    before = copy.deepcopy(network.state_dict())
    adapter = LowRankAdapter(network, adaptable(network), rank=2, alpha=4.0)
    assert {name.split(".")[0] for name, _ in adapter.named_parameters()} == {"A", "B"}
    assert not any(p.requires_grad for p in network.parameters())
    train(adapter, batch)
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    merged = copy.deepcopy(network)
    merged.load_state_dict(before | adapter.merged())
    adapted = adapter(**batch).tokens
    assert (adapted - network(**batch).tokens).abs().max() > 1e-3
    torch.testing.assert_close(merged(**batch).tokens, adapted, rtol=0, atol=1e-5)


def test_change_has_the_given_rank_and_scale(network, make_batch):
    adapter = LowRankAdapter(network, adaptable(network), rank=2, alpha=6.0)
    train(adapter, make_batch())
    weights = dict(network.named_parameters())
    for name, merged in adapter.merged().items():
        change = merged - weights[name]
        key = name.replace(".", "/")
        torch.testing.assert_close(change, 3.0 * adapter.B[key] @ adapter.A[key])
        # Singular values after the second are float32 rounding errors of the sum.
        singular = torch.linalg.svdvals(change.double())
        assert (singular[2:] < 1e-6 * torch.linalg.matrix_norm(merged.double(), 2)).all()


def test_blocks_after_n_layers_are_not_adapted(network):
    assert {name.split(".")[0] for name in adaptable(network, 0)} == {"tokens"}
    assert set(adaptable(network, len(network.blocks))) == set(adaptable(network))


def test_all_matrices_of_tokenizer_and_blocks_are_adapted(network):
    matrices = {name for name, p in network.named_parameters() if p.ndim == 2}
    assert matrices - set(adaptable(network)) == {"head.weight", "position.project.weight"}

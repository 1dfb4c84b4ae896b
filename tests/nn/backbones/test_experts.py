"""Mixture of experts: gates, outputs, routing, gradients."""

import pytest
import torch
from torch.nn import functional as F

from skspektron._nn.backbones.experts import Experts
from skspektron._nn.backbones.kan import KANLinear


def experts(n_experts=4, n_active=2, kan=False, dropout=0.0):
    torch.manual_seed(0)
    return Experts(6, 10, n_experts=n_experts, n_active=n_active, kan=kan, dropout=dropout).eval()


@pytest.fixture
def tokens():
    """Return tokens (B, L, D) and which of them are usable."""
    x = torch.randn(3, 7, 6, generator=torch.Generator().manual_seed(1))
    usable = torch.ones(3, 7, 1)
    usable[1, 4:] = 0
    return x, usable


@pytest.mark.parametrize("kan", [False, True])
def test_output_is_the_sum_of_the_best_experts_weighted_by_gates(tokens, kan):
    layer, (x, usable) = experts(kan=kan), tokens
    y, gates = layer(x, usable)
    for b, n in usable[..., 0].nonzero().tolist():
        token = layer.norm(x[b, n])
        scores = layer.scores(token)
        best = sorted(range(4), key=lambda e: -scores[e].item())[:2]
        weights = scores[best].softmax(0)
        outputs = torch.stack([layer.experts[e](token) for e in best])
        torch.testing.assert_close(y[b, n], x[b, n] + weights @ outputs)
        torch.testing.assert_close(gates[b, n, best], weights)


@pytest.mark.parametrize("n_active", [1, 2, 3, 4])
def test_gates_are_positive_for_active_experts_and_sum_to_1(tokens, n_active):
    for layer in (experts(n_active=n_active), experts(n_active=n_active).train()):
        _, gates = layer(*tokens)
        assert gates.shape == (3, 7, 4)
        assert (gates >= 0).all()
        assert (gates > 0).sum(-1).eq(n_active).all()
        torch.testing.assert_close(gates.sum(-1), torch.ones(3, 7))


def test_single_expert_is_a_plain_feed_forward_layer(tokens):
    layer, (x, usable) = experts(n_experts=1, n_active=1), tokens
    y, gates = layer(x, usable)
    widen, _, _, narrow = layer.experts[0]
    expected = x + usable * narrow(F.gelu(widen(layer.norm(x))))
    torch.testing.assert_close(y, expected)
    assert gates.eq(1).all()


def test_gates_are_float32_and_unchanged_under_autocast(tokens):
    layer = experts()
    _, expected = layer(*tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, gates = layer(*tokens)
        layer(tokens[0].bfloat16(), tokens[1])
    assert gates.dtype == torch.float32
    assert torch.equal(gates, expected)
    torch.testing.assert_close(y, layer(*tokens)[0], rtol=0.05, atol=0.05)


def test_noise_changes_the_gates_in_training_only(tokens):
    layer = experts(n_active=4)
    assert torch.equal(layer(*tokens)[1], layer(*tokens)[1])
    exact = layer(*tokens)[1].log()
    layer.train()
    x, usable = (part.expand(200, -1, -1, -1).flatten(0, 1) for part in tokens)
    noise = layer(x, usable)[1].log() - exact.repeat(200, 1, 1)
    contrast = noise[..., 0] - noise[..., 1]  # the normalization of the softmax cancels
    assert contrast.std().item() == pytest.approx(0.1 * 2**0.5, rel=0.05)


@pytest.mark.parametrize("kan", [False, True])
def test_unusable_tokens_are_not_routed_and_have_no_influence(tokens, kan):
    layer, (x, usable) = experts(kan=kan), tokens
    changed = torch.where(usable.bool(), x, 1e6)
    y, moved = layer(x, usable)[0], layer(changed, usable)[0]
    assert torch.equal(y * usable, moved * usable)
    assert torch.equal(moved[1, 4:], changed[1, 4:])
    torch.testing.assert_close(layer(x[:1], usable[:1])[0], y[:1])


def test_experts_are_evaluated_for_their_own_tokens_only(tokens):
    layer, counts = experts(), []
    for expert in layer.experts:
        expert.register_forward_hook(lambda module, inputs, output: counts.append(len(output)))
    layer(*tokens)
    assert sum(counts) == 2 * tokens[1].sum()


def test_every_parameter_has_a_finite_gradient(tokens):
    layer = experts(kan=True)
    layer(*tokens)[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
    assert layer.scores.weight.grad.ne(0).any()


def test_kan_experts_are_two_spline_layers():
    kinds = [[isinstance(m, KANLinear) for m in expert] for expert in experts(kan=True).experts]
    assert kinds == [[True, False, True]] * 4


def test_dropout_acts_in_training_only(tokens):
    layer = experts(n_experts=1, n_active=1, dropout=0.5)
    expected = layer(*tokens)[0]
    assert torch.equal(layer(*tokens)[0], expected)
    assert not torch.equal(layer.train()(*tokens)[0], expected)

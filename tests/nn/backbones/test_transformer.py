"""Transformer block: explicit softmax, unusable tokens, order of tokens."""

import math

import torch

from skspektron._nn.backbones.transformer import TransformerBlock


def make_block(n_heads=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TransformerBlock(6, n_heads=n_heads, d_feedforward=10, dropout=0.0)


def tokens(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def literal(block, x, usable):
    """Return the output (L, D) for one spectrum, token by token and head by head."""
    q, k, v = (block.attention_norm(x) @ block.qkv.weight.T + block.qkv.bias).chunk(3, dim=-1)
    length, d_model = x.shape
    size = d_model // block.n_heads
    gathered = torch.zeros_like(x)
    for head in range(block.n_heads):
        part = slice(head * size, (head + 1) * size)
        for i in range(length):
            scores = {j: q[i, part] @ k[j, part] / math.sqrt(size) for j in range(length)}
            weights = {j: scores[j].exp() for j in range(length) if usable[j]}
            gathered[i, part] = sum(w * v[j, part] for j, w in weights.items()) / sum(
                weights.values()
            )
    x = x + block.merge(gathered)
    h = block.widen(block.feedforward_norm(x))
    return x + block.narrow(h * 0.5 * (1 + torch.erf(h / math.sqrt(2))))


def test_equals_the_explicit_softmax():
    for n_heads in (1, 3):
        block = make_block(n_heads).double()
        x, usable = tokens(2, 5, 6).double(), torch.ones(2, 5, 1, dtype=torch.float64)
        usable[0, 3] = 0
        expected = [literal(block, row, seen[:, 0]) for row, seen in zip(x, usable, strict=True)]
        torch.testing.assert_close(block(x, usable), torch.stack(expected), rtol=0, atol=1e-12)


def test_output_is_equivariant_to_the_order_of_tokens():
    block, x, usable = make_block(), tokens(2, 7, 6), torch.ones(2, 7, 1)
    usable[:, 4] = 0
    order = torch.tensor([4, 2, 6, 0, 1, 5, 3])
    expected = block(x, usable)[:, order]
    actual = block(x[:, order], usable[:, order])
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)

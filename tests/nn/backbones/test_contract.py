"""All blocks: shapes, gradients, and which tokens influence which."""

import functools

import pytest
import torch

from skspektron._nn.backbones.convolution import ConvolutionBlock
from skspektron._nn.backbones.dlinoss import DLinOSSBlock
from skspektron._nn.backbones.mamba import MambaBlock
from skspektron._nn.backbones.s4d import S4DBlock
from skspektron._nn.backbones.transformer import TransformerBlock

D_MODEL = 8
RECURRENT = {
    "dlinoss": functools.partial(DLinOSSBlock, D_MODEL, 6),
    "mamba": functools.partial(MambaBlock, D_MODEL, d_state=4),
    "s4d": functools.partial(S4DBlock, D_MODEL, 6),
}
BLOCKS = {name: functools.partial(make, bidirectional=True) for name, make in RECURRENT.items()} | {
    "one_way_" + name: functools.partial(make, bidirectional=False)
    for name, make in RECURRENT.items()
}
BLOCKS |= {
    "transformer": functools.partial(TransformerBlock, D_MODEL, n_heads=2, d_feedforward=16),
    "convolution": functools.partial(ConvolutionBlock, D_MODEL, dilation=2),
}


@pytest.fixture(params=BLOCKS)
def block(request):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BLOCKS[request.param](dropout=0.5).eval()


def tokens(n_spectra, length, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_spectra, length, D_MODEL, generator=generator)


@pytest.mark.parametrize("length", [1, 2, 17, 300])
def test_shape_is_kept_and_gradients_are_finite(block, length):
    x = tokens(2, length).requires_grad_()
    y = block(x, torch.ones(2, length, 1))
    assert y.shape == x.shape
    y.square().sum().backward()
    gradients = [x.grad, *(p.grad for p in block.parameters())]
    assert all(g.isfinite().all() for g in gradients)
    # With a single token, decays have no effect and hence no gradient.
    assert length == 1 or all(g.abs().max() > 0 for g in gradients)


def test_unusable_tokens_do_not_influence_others(block):
    x, usable = tokens(2, 40), torch.ones(2, 40, 1)
    usable[0, [0, 11, 12]] = 0
    usable[:, 30:] = 0
    # A multiple of one vector would vanish in the norm.
    changed = torch.where(usable.bool(), x, 1e6 * tokens(2, 40, seed=2))
    y, y_changed = block(x, usable), block(changed, usable)
    assert y_changed.isfinite().all()
    assert ((y_changed - y) * usable).abs().max() <= 1e-6


def test_padding_does_not_change_a_spectrum(block):
    x, usable = tokens(2, 40), torch.ones(2, 40, 1)
    usable[:, 23:] = 0
    alone = block(x[:, :23], usable[:, :23])
    torch.testing.assert_close(block(x, usable)[:, :23], alone, rtol=0, atol=1e-5)


def test_spectrum_without_usable_tokens_is_finite(block):
    x, usable = tokens(2, 9).requires_grad_(), torch.ones(2, 9, 1)
    usable[0] = 0
    y = block(x, usable)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()


def test_output_does_not_depend_on_other_spectra_of_the_batch(block):
    x, usable = tokens(5, 17), torch.ones(5, 17, 1)
    y = block(x, usable)
    torch.testing.assert_close(block(x[2:3], usable[2:3]), y[2:3], rtol=0, atol=1e-5)


def test_dropout_acts_in_training_only_and_blocks_have_no_buffers(block):
    x, usable = tokens(2, 9), torch.ones(2, 9, 1)
    assert torch.equal(block(x, usable), block(x, usable))
    block.train()
    assert not torch.equal(block(x, usable), block(x, usable))
    assert not list(block.buffers())


def test_distant_tokens_influence_each_other_by_direction(request, block):
    name = request.node.callspec.params["block"]
    x, changed, usable = tokens(1, 20), tokens(1, 20), torch.ones(1, 20, 1)
    changed[0, -1] = tokens(1, 1, seed=2)
    # In float64, because the effect of a distant token is close to float32 rounding.
    y_changed, y = (block.double()(t.double(), usable.double()) for t in (changed, x))
    difference = (y_changed - y).abs().amax(-1)[0]
    reach = 6 if name == "convolution" else 0 if name.startswith("one_way") else 19
    assert difference[19 - reach] > 1e-6
    assert (difference[: 19 - reach] < 1e-12).all()


def test_bfloat16_stays_close(block):
    x, usable = tokens(2, 70), torch.ones(2, 70, 1)
    y = block(x, usable)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = block(x, usable)
    assert low.isfinite().all()
    assert (low - y).abs().max() <= 1e-2 * y.abs().max()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_equals_cpu(block):
    x, usable = tokens(2, 70), torch.ones(2, 70, 1)
    usable[0, 50:] = 0
    y = block(x, usable)
    y.square().sum().backward()
    expected = [p.grad for p in block.parameters()]
    block.zero_grad()
    on_gpu = block.cuda()(x.cuda(), usable.cuda())
    on_gpu.square().sum().backward()
    torch.testing.assert_close(on_gpu.cpu(), y, rtol=0, atol=1e-3)
    for p, gradient in zip(block.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad.cpu(), gradient, rtol=1e-2, atol=1e-2)

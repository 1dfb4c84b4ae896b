"""The minimal test of the ChemoMAE document, and what its text promises."""

import pytest
import torch

from skspektron._nn.chemomae import ChemoMAE

SIZES = {"d_model": 32, "nhead": 4, "num_layers": 1, "dim_feedforward": 64}
SIZES |= {"n_blocks": 8, "n_mask": 4}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ChemoMAE(64, **SIZES).eval()


@pytest.fixture
def x():
    return torch.randn(6, 64, generator=torch.Generator().manual_seed(1))


def test_reconstruction_latent_and_visible_channels_have_the_documented_shapes(x):
    model = ChemoMAE(seq_len=64, use_learnable_pos=True, latent_dim=16, dec_hidden=24, **SIZES)
    model = model.eval()
    x_recon, z, visible = model(x, n_mask=2)
    assert x_recon.shape == (6, 64) and z.shape == (6, 16) and visible.shape == (6, 64)
    assert visible.dtype == torch.bool and (visible.sum(1) == 64 - 2 * 8).all()
    torch.testing.assert_close(z.norm(dim=1), torch.ones(6), rtol=0, atol=1e-5)
    again, latent, same = model(x, visible)
    assert torch.equal(again, x_recon) and torch.equal(latent, z) and torch.equal(same, visible)
    assert torch.equal(model.reconstruct(x, visible), x_recon)


def test_hidden_values_and_only_they_reach_nothing(model, x):
    visible = model.make_visible(6, 4, x.device)
    blank = x.masked_fill(~visible, torch.nan)
    assert torch.equal(model(blank, visible)[0], model(x, visible)[0])
    assert not torch.equal(model(x.masked_fill(visible, 0.0), visible)[0], model(x, visible)[0])


def test_all_or_nothing_may_be_hidden(model, x):
    for n_mask in (0, 8):
        x_recon, z, visible = model(x, n_mask=n_mask)
        assert x_recon.isfinite().all() and z.isfinite().all()
        assert visible.float().mean() == 1 - n_mask / 8


def test_sinusoidal_positions_are_not_trained():
    learned, fixed = (ChemoMAE(64, **SIZES, use_learnable_pos=learn) for learn in (True, False))
    assert sum(p.numel() for p in learned.network.position.parameters()) == 64 * 32
    assert not list(fixed.network.position.parameters())


def test_what_cannot_be_is_refused(model, x):
    with pytest.raises(ValueError, match="7 blocks do not divide 64"):
        ChemoMAE(64, **SIZES | {"n_blocks": 7})
    with pytest.raises(ValueError, match="d_model is 32 and n_heads is 5"):
        ChemoMAE(64, **SIZES | {"nhead": 5})
    with pytest.raises(ValueError, match="n_mask is 9 of 8"):
        model(x, n_mask=9)
    with pytest.raises(ValueError, match=r"x has shape \(64,\)"):
        model(x[0])
    visible = torch.ones(6, 64, dtype=torch.bool)
    visible[0, 3] = False
    with pytest.raises(ValueError, match="1 blocks of 8 channels are visible in part"):
        model(x, visible)
    with pytest.raises(ValueError, match=r"visible_mask is torch.bool of shape \(6, 32\)"):
        model(x, visible[:, :32])

"""The preset "chemomae" passes the minimal test that was published with ChemoMAE."""

import pytest
import torch

from skspektron._nn.masking import draw_patch_mask
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.presets import PRESETS

N_CHANNELS, N_PATCHES = 96, 12  # the preset hides patches of 8 channels


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SpektronNetwork(PRESETS["chemomae"].for_channels(N_CHANNELS)).eval()


@pytest.fixture
def batch(make_batch):
    return make_batch(6, N_CHANNELS)


def draw_mask(batch, n_hidden):
    """Return a mask that hides `n_hidden` of the 12 patches of every spectrum."""
    patches = torch.ones(len(batch["values"]), N_PATCHES, dtype=torch.bool)
    return draw_patch_mask(patches, n_hidden / N_PATCHES, torch.Generator().manual_seed(1))


def reconstruct(network, batch, mask):
    """Return the reconstruction, the latent, and which channels were visible."""
    encoded = network(**batch, mask=mask)
    visible = ~network.hidden_channels(mask, batch["valid"])
    return network.decode(encoded, batch["wavenumber"]), encoded.latent.z, visible


def test_minimal_published_test(network, batch):
    reconstruction, z, visible = reconstruct(network, batch, draw_mask(batch, 2))
    assert reconstruction.shape == (6, 96) and z.shape == (6, 64) and visible.shape == (6, 96)
    assert visible.dtype == torch.bool and (visible.sum(1) == 96 - 2 * 8).all()
    torch.testing.assert_close(z.norm(dim=1), torch.ones(6), rtol=0, atol=1e-5)


def test_only_visible_values_change_the_reconstruction(network, batch):
    mask = draw_mask(batch, 6)
    expected, _, visible = reconstruct(network, batch, mask)
    without_hidden = batch | {"values": batch["values"].masked_fill(~visible, torch.nan)}
    assert torch.equal(reconstruct(network, without_hidden, mask)[0], expected)
    without_visible = batch | {"values": batch["values"].masked_fill(visible, 0.0)}
    assert not torch.equal(reconstruct(network, without_visible, mask)[0], expected)


@pytest.mark.parametrize("n_hidden", [0, N_PATCHES])
def test_reconstruction_is_finite_when_no_or_all_patches_are_hidden(network, batch, n_hidden):
    reconstruction, z, visible = reconstruct(network, batch, draw_mask(batch, n_hidden))
    assert reconstruction.isfinite().all() and z.isfinite().all()
    assert visible.float().mean() == 1 - n_hidden / N_PATCHES

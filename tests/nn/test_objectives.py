"""The masked loss counts hidden channels and nothing else; the network needs no estimator."""

import pytest
import torch

from skspektron._nn.masking import draw_patch_mask
from skspektron._nn.objectives import PretrainingTask, masked_error


@pytest.fixture
def masked(make_batch):
    batch = make_batch()
    batch["valid"][2, 10:13] = False
    usable = torch.ones(4, 12, dtype=torch.bool)
    batch["mask"] = draw_patch_mask(usable, 0.35, torch.Generator().manual_seed(0))
    return batch


def test_loss_is_the_mean_over_hidden_channels(make_network, masked):
    network = make_network()
    spectra = {name: masked[name] for name in ("values", "valid", "wavenumber", "grid")}
    predicted = network.reconstruct(network(**spectra, mask=masked["mask"]), 60)
    errors = [
        (predicted[i, j] - masked["values"][i, j]) ** 2
        for i in range(4)
        for j in range(60)
        if masked["mask"][i, j // 5] and masked["valid"][i, j]
    ]
    losses = PretrainingTask(network, {"masked": 1.0})(**masked)
    torch.testing.assert_close(losses, {"masked": sum(errors) / len(errors)})


def test_no_gradient_at_visible_channels(make_network, masked):
    network, kept = make_network(), []
    reconstruct = network.reconstruct

    def keep(tokens, n_channels):
        kept.append(reconstruct(tokens, n_channels))
        kept[0].retain_grad()
        return kept[0]

    network.reconstruct = keep
    masked_error(network, masked).mean().backward()
    hidden = network.hidden_channels(masked["mask"], masked["valid"])
    assert kept[0].grad[~hidden].eq(0).all()
    assert kept[0].grad[hidden].ne(0).all()


def test_loss_does_not_depend_on_the_number_of_spectra(make_network, masked):
    network = make_network()
    twice = {name: torch.cat([tensor, tensor]) for name, tensor in masked.items()}
    torch.testing.assert_close(
        masked_error(network, twice).mean(), masked_error(network, masked).mean()
    )

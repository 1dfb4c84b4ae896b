"""Masked reconstruction: hidden channels, weights, invalid values, gradients."""

from types import SimpleNamespace

import pytest
import torch

from skspektron._nn.masking import draw_patch_mask
from skspektron._nn.objectives import PretrainingTask, masked_error
from skspektron._nn.objectives.masked import MaskedReconstruction
from skspektron._nn.views import Views


@pytest.fixture
def masked(make_batch):
    batch = make_batch()
    batch["valid"][2, 10:13] = False
    usable = torch.ones(4, 12, dtype=torch.bool)
    batch["mask"] = draw_patch_mask(usable, 0.35, torch.Generator().manual_seed(0))
    return batch


def test_loss_is_the_mean_over_hidden_channels(make_network, masked):
    network = make_network()
    predicted = network.decode(network(**masked), masked["wavenumber"])
    errors = [
        (predicted[i, j] - masked["values"][i, j]) ** 2
        for i in range(4)
        for j in range(60)
        if masked["mask"][i, j // 5] and masked["valid"][i, j]
    ]
    losses = PretrainingTask(network, {"masked": 1.0})(**masked)
    torch.testing.assert_close(losses, {"masked": sum(errors) / len(errors)})


def test_no_gradient_at_visible_channels(make_network, masked):
    network, outputs = make_network(), []
    decode = network.decode

    def record(*args):
        outputs.append(decode(*args))
        outputs[0].retain_grad()
        return outputs[0]

    network.decode = record
    masked_error(network, masked).mean().backward()
    hidden = network.hidden_channels(masked["mask"], masked["valid"])
    assert outputs[0].grad[~hidden].eq(0).all()
    assert outputs[0].grad[hidden].ne(0).all()


def test_loss_does_not_depend_on_the_number_of_spectra(make_network, masked):
    network = make_network()
    twice = {name: torch.cat([tensor, tensor]) for name, tensor in masked.items()}
    torch.testing.assert_close(
        masked_error(network, twice).mean(), masked_error(network, masked).mean()
    )


# The objective on given views ----------------------------------------------------------


@pytest.fixture
def views():
    """Return views of 3 spectra of 40 channels, reconstructed at half their values."""
    generator = torch.Generator().manual_seed(0)
    values, valid = torch.randn(3, 40, generator=generator), torch.ones(3, 40, dtype=torch.bool)
    valid[1, 7], valid[2, 30:] = False, False
    hidden = valid.clone()
    hidden[:, 20:] = False
    return SimpleNamespace(
        batch={"values": values, "valid": valid},
        hidden=hidden,
        reconstruction=(0.5 * values).requires_grad_(),
    )


def loss(views, **batch):
    views.batch |= batch
    return MaskedReconstruction(None, 1)(views)


def test_objective_is_the_mean_squared_error_of_hidden_channels(views):
    value = loss(views)
    value.backward()
    hidden = views.hidden
    torch.testing.assert_close(value, (0.5 * views.batch["values"])[hidden].square().mean())
    gradient = views.reconstruction.grad
    assert gradient[~hidden].eq(0).all() and gradient[hidden].ne(0).all()


def test_objective_equals_the_mean_masked_error(make_network, masked):
    network = make_network()
    assert loss(Views(network, masked)) == masked_error(network, masked).mean()


def test_loss_is_weighted_by_inverse_variances(views):
    sigma = 0.1 + torch.rand(3, 40, generator=torch.Generator().manual_seed(1))
    expected = (0.5 * views.batch["values"] / sigma)[views.hidden].square().mean()
    value = loss(views, weight=sigma**-2)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(loss(views, weight=(2 * sigma) ** -2), value / 4)


@pytest.mark.parametrize("unknown", [0.0, -1.0, float("nan"), float("inf")])
def test_channels_of_unknown_variance_are_ignored(views, unknown):
    weight = torch.ones(3, 40)
    weight[:, 5:10] = unknown
    known = views.hidden & (weight == 1)
    value = loss(views, weight=weight)
    value.backward()
    torch.testing.assert_close(value, (0.5 * views.batch["values"])[known].square().mean())
    assert views.reconstruction.grad[~known].eq(0).all()


@pytest.mark.parametrize("garbage", [1e6, float("nan"), float("inf")])
def test_invalid_values_at_bad_channels_have_no_influence(views, garbage):
    expected = loss(views)
    value = loss(views, values=views.batch["values"].masked_fill(~views.batch["valid"], garbage))
    value.backward()
    assert value == expected and views.reconstruction.grad.isfinite().all()


def test_perfect_reconstruction_and_empty_mask_give_0(views):
    views.reconstruction = views.batch["values"].clone().requires_grad_()
    assert loss(views) == 0
    views.reconstruction, views.hidden = views.reconstruction + 1, views.hidden & False
    value = loss(views)
    value.backward()
    assert value == 0


# A decoder that corrects interpolation --------------------------------------------------


@pytest.fixture
def correcting(make_network):
    return make_network(decoder="correction")


def log_loss(network, views, **batch):
    views.batch |= batch
    return MaskedReconstruction(network, 1)(views)


def test_correction_minimizes_the_logarithm_of_the_error_of_every_spectrum(correcting, views):
    weight = 0.5 + torch.rand(3, 40, generator=torch.Generator().manual_seed(1))
    for given in ({}, {"weight": weight}):
        total, count = 0.0, 0
        for row in range(3):
            hidden = views.hidden[row]
            square = (0.5 * views.batch["values"][row]).square()
            square = square * given["weight"][row] if given else square
            total += hidden.sum() * square[hidden].mean().log()
            count += hidden.sum()
        torch.testing.assert_close(log_loss(correcting, views, **given), total / count)


def test_gradient_of_the_logarithm_does_not_depend_on_the_scale_of_spectra(correcting, views):
    scale = torch.tensor([[1.0], [1e-4], [1e5]])
    gradients = []
    for factor in (torch.ones(3, 1), scale):
        views.reconstruction = (factor * 0.5 * views.batch["values"]).requires_grad_()
        log_loss(correcting, views, values=factor * views.batch["values"]).backward()
        gradients.append(factor * views.reconstruction.grad)
        views.batch["values"] = views.batch["values"] / factor
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-7)
    assert gradients[0][~views.hidden].eq(0).all()


@pytest.mark.parametrize("garbage", [1e6, float("nan"), float("inf")])
def test_logarithm_ignores_bad_channels_and_is_finite(correcting, views, garbage):
    values, valid = views.batch["values"], views.batch["valid"]
    expected = log_loss(correcting, views)
    value = log_loss(correcting, views, values=values.masked_fill(~valid, garbage))
    value.backward()
    assert value == expected and views.reconstruction.grad.isfinite().all()
    views.reconstruction = torch.zeros_like(values).requires_grad_()
    zero = log_loss(correcting, views, values=torch.zeros_like(values))  # perfect, and constant
    zero.backward()
    assert zero.isfinite() and views.reconstruction.grad.isfinite().all()


def test_parts_of_a_batch_add_up_to_the_logarithm_of_the_whole(correcting, masked):
    masked["valid"][3, 20:] = False
    task = PretrainingTask(correcting, ["masked"])
    parts = [{name: tensor[rows] for name, tensor in masked.items()} for rows in ([0], [1, 2, 3])]
    size = [correcting.hidden_channels(p["mask"], p["valid"]).sum() for p in parts]
    whole = sum(n * task(**p)["masked"] for n, p in zip(size, parts, strict=True)) / sum(size)
    torch.testing.assert_close(task(**masked)["masked"], whole)

"""The network: nothing hidden, missing or foreign reaches an output."""

import pytest
import torch

HIDDEN = [1, 4, 5, 11]


@pytest.fixture
def mask():
    mask = torch.zeros(4, 12, dtype=torch.bool)
    mask[:, HIDDEN] = True
    return mask


def replace(batch, channels, value):
    values = batch["values"].clone()
    values[:, channels] = value
    return batch | {"values": values}


@pytest.mark.parametrize("value", [1e6, float("nan"), float("inf")])
def test_hidden_values_reach_nothing(make_network, make_batch, mask, value):
    network, batch = make_network(), make_batch()
    hidden = network.hidden_channels(mask, batch["valid"])[0]
    changed = replace(batch, hidden, value)
    assert torch.equal(network(**changed, mask=mask), network(**batch, mask=mask))
    assert not torch.equal(network(**changed), network(**batch))


def test_hidden_tokens_differ_by_their_position_alone(make_network, make_batch, mask):
    network, batch = make_network(), make_batch()
    tokens = network._embed(batch["values"], batch["valid"], mask)[:, HIDDEN]
    assert torch.equal(tokens, network.mask_token.expand_as(tokens))
    position = network._position(batch["wavenumber"], batch["grid"])[:, HIDDEN]
    backbone_input = tokens + position
    torch.testing.assert_close(
        backbone_input[:, :1] - backbone_input[:, 1:], position[:, :1] - position[:, 1:]
    )
    assert (position[:, :1] - position[:, 1:]).abs().amax(-1).min() > 1e-3


def test_one_mask_token_of_d_elements(make_network):
    network = make_network()
    assert [p.shape for n, p in network.named_parameters() if "mask" in n] == [(8,)]


def test_masked_patches_are_reconstructed_differently(make_network, make_batch, mask):
    network, batch = make_network(), make_batch()
    patches = network.head(network(**batch, mask=mask))[:, HIDDEN]
    assert (patches[:, :1] - patches[:, 1:]).abs().amax(-1).min() > 1e-3


def test_hidden_channels_are_the_good_channels_of_hidden_patches(make_network, make_batch, mask):
    network, valid = make_network(), make_batch(n_channels=58)["valid"]
    valid[0, 7] = False
    hidden = network.hidden_channels(mask, valid)
    expected = [j for i in HIDDEN for j in range(5 * i, min(5 * i + 5, 58))]
    assert hidden[1].nonzero().flatten().tolist() == expected
    assert hidden[0].nonzero().flatten().tolist() == [j for j in expected if j != 7]


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_values_of_bad_channels_and_patches_change_nothing(make_network, make_batch, value):
    network, batch = make_network(), make_batch()
    bad = torch.zeros(60, dtype=torch.bool)
    bad[[2, 21, 22, 23, 24, 59]] = True  # patch 4 is left with one good channel of five
    batch["valid"] = ~bad.expand(4, -1)
    reference = network(**batch)
    assert torch.equal(network(**replace(batch, bad, value)), reference)
    unusable = torch.arange(20, 25)
    assert torch.equal(network(**replace(batch, unusable, 1e6)), reference)
    assert reference[:, 4].eq(0).all() and reference.isfinite().all()


def test_empty_spectrum_becomes_zeros_and_leaves_its_neighbours_alone(make_network, make_batch):
    network, batch = make_network(), make_batch()
    reference = network(**batch)
    batch["valid"][1] = False
    tokens = network(**batch)
    assert tokens[1].eq(0).all()
    torch.testing.assert_close(tokens[[0, 2, 3]], reference[[0, 2, 3]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_channels", [3, 60, 63, 330])
def test_spectrum_alone_equals_spectrum_in_a_padded_batch(make_network, make_batch, n_channels):
    network, short, long = make_network(), make_batch(2, n_channels, 1), make_batch(2, 400, 2)
    extra = 400 - n_channels
    pad = torch.nn.functional.pad
    batch = {
        "values": torch.cat([long["values"], pad(short["values"], (0, extra), value=7.0)]),
        "valid": torch.cat([long["valid"], pad(short["valid"], (0, extra))]),
        "wavenumber": torch.cat(
            [long["wavenumber"], pad(short["wavenumber"], (0, extra), value=torch.nan)]
        ),
        "grid": torch.tensor([5, 5, 3, 3]),
    }
    together, alone = network(**batch), network(**short)
    n_tokens = alone.shape[1]
    torch.testing.assert_close(together[2:, :n_tokens], alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(together[:2], network(**long), rtol=0, atol=1e-5)
    assert together[2:, n_tokens:].eq(0).all()


def test_tokens_depend_on_the_axis(make_network, make_batch):
    network, batch = make_network(), make_batch()
    shifted = batch | {"wavenumber": batch["wavenumber"] + 100}
    assert (network(**shifted) - network(**batch)).abs().amax(-1).min() > 1e-3


def test_first_token_sees_the_last_channel_of_a_bidirectional_network_only(
    make_network, make_batch
):
    batch = make_batch()
    changed = replace(batch, slice(-5, None), 5.0)
    for bidirectional in (True, False):
        network = make_network(bidirectional=bidirectional)
        difference = (network(**changed) - network(**batch))[:, 0].abs().max()
        assert bool(difference > 1e-4) is bidirectional


def test_gradients_of_long_spectra_are_finite(make_network, make_batch):
    network = make_network(patch_length=1)
    network(**make_batch(1, 2048)).square().mean().backward()
    gradients = [
        p.grad for n, p in network.named_parameters() if "head" not in n and "mask" not in n
    ]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_inference_changes_no_state(make_network, make_batch):
    network = make_network(dropout=0.3).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    batch = make_batch()
    assert torch.equal(network(**batch), network(**batch))
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())

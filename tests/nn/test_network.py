"""The network: masking, bad channels, padding, and the parts of the architecture."""

import pytest
import torch

from skspektron._nn.architecture import DOMAINS
from skspektron._nn.backbones.transformer import TransformerBlock
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.tokens.windows import windows

HIDDEN = [1, 4, 5, 11]
KINDS = {
    "patch": {},
    "raw": {"tokenizer": "raw", "kernel_length": 7},
    "wavelet": {"tokenizer": "wavelet"},
    "mamba": {"backbone": "mamba"},
    "s4d": {"backbone": "s4d"},
    "transformer": {"backbone": "transformer", "cls_token": True, "domain_token": True},
    "cnn": {"backbone": "cnn"},
    "experts and attention": {
        "n_experts": 3,
        "n_attention_layers": 1,
        "d_feedforward": 8,
        "d_expert": 8,
    },
    "splines": {"n_experts": 2, "kan": True, "d_expert": 8},
    "drop": {"backbone": "transformer", "mask_mode": "drop", "decoder": "grid"},
    "drop, latent": {
        "backbone": "transformer",
        "mask_mode": "drop",
        "decoder": "latent",
        "latent": "sphere",
        "position": "learned",
        "cls_token": True,
        "n_channels": 60,
    },
    "median": {"normalize": "median"},
    "area": {"normalize": "area"},
    "snv": {"normalize": "snv"},
    "derivative": {"normalize": "derivative", "derivative_scale": "corpus"},
    "both": {"normalize": "snv+derivative", "tokenizer": "raw", "kernel_length": 7},
    "both, wavelet": {"normalize": "snv+derivative", "tokenizer": "wavelet"},
    "correction": {"decoder": "correction", "tokenizer": "raw", "kernel_length": 7},
    "correction, wavelet": {"decoder": "correction", "tokenizer": "wavelet"},
    "sinusoidal": {"position": "sinusoidal"},
    "clamp": {"stability": "clamp"},
    "undamped": {"damping": False},
    "bottleneck": {"latent": "vib", "d_latent": 6, "d_instrument": 4, "cls_token": True},
}


@pytest.fixture(params=KINDS)
def sizes(request):
    return KINDS[request.param]


def reconstruct(network, batch, mask=None):
    """Return the outputs of encoder and decoder for a batch."""
    encoded = network(**batch, mask=mask)
    return encoded, network.decode(encoded, batch["wavenumber"])


@pytest.fixture
def mask():
    mask = torch.zeros(4, 12, dtype=torch.bool)
    mask[:, HIDDEN] = True
    return mask


def replace(batch, channels, value):
    values = batch["values"].clone()
    values[:, channels] = value
    return batch | {"values": values}


@pytest.mark.filterwarnings("ignore:Some spectra are not divided")
@pytest.mark.parametrize("value", [1e6, float("nan"), float("inf")])
def test_hidden_values_have_no_influence(make_network, make_batch, mask, sizes, value):
    network, batch = make_network(**sizes).eval(), make_batch()
    hidden = network.hidden_channels(mask, batch["valid"])[0]
    changed = replace(batch, hidden, value)
    (encoded, values), (reference, expected) = (
        reconstruct(network, spectra, mask) for spectra in (changed, batch)
    )
    assert torch.equal(encoded.tokens, reference.tokens)
    assert torch.equal(encoded.latent.z, reference.latent.z)
    assert torch.equal(values, expected) and values.isfinite().all()
    assert not torch.equal(network(**changed).tokens, network(**batch).tokens)


def test_hidden_tokens_differ_by_their_position_only(make_network, make_batch, mask):
    network, batch = make_network(), make_batch()
    position = network._position(batch["wavenumber"], batch["grid"])[:, HIDDEN]
    seen = batch["valid"] & ~network.hidden_channels(mask, batch["valid"])
    tokens, _ = network._embed(**batch, seen=seen, mask=mask)
    assert torch.equal(tokens[:, HIDDEN], network.mask_token + position)
    assert (position[:, :1] - position[:, 1:]).abs().amax(-1).min() > 1e-3


def test_mask_token_is_one_vector_of_width_d_model(make_network):
    network = make_network()
    assert [p.shape for n, p in network.named_parameters() if "mask" in n] == [(8,)]


def test_reconstructions_of_hidden_patches_differ(make_network, make_batch, mask):
    network, batch = make_network(), make_batch()
    patches = windows(reconstruct(network, batch, mask)[1], 5, 5)[:, HIDDEN]
    assert (patches[:, :1] - patches[:, 1:]).abs().amax(-1).min() > 1e-3


def test_hidden_channels_are_the_good_channels_of_hidden_patches(make_network, make_batch, mask):
    network, valid = make_network(), make_batch(n_channels=58)["valid"]
    valid[0, 7] = False
    hidden = network.hidden_channels(mask, valid)
    expected = [j for i in HIDDEN for j in range(5 * i, min(5 * i + 5, 58))]
    assert hidden[1].nonzero().flatten().tolist() == expected
    assert hidden[0].nonzero().flatten().tolist() == [j for j in expected if j != 7]


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_values_of_bad_channels_and_patches_have_no_influence(make_network, make_batch, value):
    network, batch = make_network(), make_batch()
    bad = torch.zeros(60, dtype=torch.bool)
    bad[[2, 21, 22, 23, 24, 59]] = True  # patch 4 has one good channel of five
    batch["valid"] = ~bad.expand(4, -1)
    reference = network(**batch).tokens
    assert torch.equal(network(**replace(batch, bad, value)).tokens, reference)
    unusable = torch.arange(20, 25)
    assert torch.equal(network(**replace(batch, unusable, 1e6)).tokens, reference)
    assert reference[:, 4].eq(0).all() and reference.isfinite().all()


def test_spectrum_without_good_channels_is_zero_and_does_not_affect_others(
    make_network, make_batch
):
    network, batch = make_network(), make_batch()
    reference = network(**batch).tokens
    batch["valid"][1] = False
    tokens = network(**batch).tokens
    assert tokens[1].eq(0).all()
    torch.testing.assert_close(tokens[[0, 2, 3]], reference[[0, 2, 3]], rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Some spectra are not divided")
@pytest.mark.parametrize("n_channels", [3, 60, 63, 330])
def test_padding_does_not_change_a_spectrum(make_network, make_batch, sizes, n_channels):
    if "n_channels" in sizes:
        pytest.skip("accepts one grid only")
    network = make_network(**sizes).eval()
    short, long = make_batch(2, n_channels, 1), make_batch(2, 400, 2)
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
    together, values = reconstruct(network, batch)
    for rows, spectra in ((slice(2, None), short), (slice(0, 2), long)):
        alone, expected = reconstruct(network, spectra)
        n_tokens, n = alone.tokens.shape[1], spectra["values"].shape[1]
        close = {"rtol": 0, "atol": 1e-5}
        torch.testing.assert_close(together.tokens[rows, :n_tokens], alone.tokens, **close)
        torch.testing.assert_close(together.latent.z[rows], alone.latent.z, **close)
        torch.testing.assert_close(values[rows, :n], expected, **close)
        assert together.tokens[rows, n_tokens:].eq(0).all()


@pytest.mark.parametrize("kind", ["wavelet", "drop"])
def test_hidden_tokens_do_not_depend_on_padding(make_network, make_batch, kind):
    sizes = {"tokenizer": "wavelet"} | (KINDS["drop"] if kind == "drop" else {})
    network = make_network(patch_length=8, **sizes).eval()
    batch, mask = make_batch(2, 70), torch.zeros(2, 9, dtype=torch.bool)
    mask[:, 6:] = True  # the last window of 32 channels has 22 of its own, all hidden
    pad = torch.nn.functional.pad
    padded = {
        "values": pad(batch["values"], (0, 30)),
        "valid": pad(batch["valid"], (0, 30)),
        "wavenumber": pad(batch["wavenumber"], (0, 30), value=torch.nan),
        "grid": batch["grid"],
    }
    alone = reconstruct(network, batch, mask)[1]
    together = reconstruct(network, padded, pad(mask, (0, 4)))[1][:, :70]
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_tokens_depend_on_the_axis(make_network, make_batch):
    network, batch = make_network(), make_batch()
    shifted = batch | {"wavenumber": batch["wavenumber"] + 100}
    assert (network(**shifted).tokens - network(**batch).tokens).abs().amax(-1).min() > 1e-3


def test_first_token_depends_on_the_last_channel_only_if_bidirectional(make_network, make_batch):
    batch = make_batch()
    changed = replace(batch, slice(-5, None), 5.0)
    for bidirectional in (True, False):
        network = make_network(bidirectional=bidirectional)
        difference = (network(**changed).tokens - network(**batch).tokens)[:, 0].abs().max()
        assert bool(difference > 1e-4) is bidirectional


def test_gradients_of_long_spectra_are_finite(make_network, make_batch):
    network = make_network(patch_length=1)
    network(**make_batch(1, 2048)).tokens.square().mean().backward()
    gradients = [
        p.grad for n, p in network.named_parameters() if "head" not in n and "mask" not in n
    ]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_inference_does_not_change_the_state(make_network, make_batch):
    network = make_network(dropout=0.3).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    batch = make_batch()
    assert torch.equal(network(**batch).tokens, network(**batch).tokens)
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_mask_modes_agree_when_nothing_is_hidden(make_network, make_batch):
    nets = [
        make_network(backbone="transformer", mask_mode=mode, decoder="grid", cls_token=True)
        for mode in ("token", "drop")
    ]
    batch = make_batch()
    (token, a), (drop, b) = (reconstruct(n, batch, torch.zeros(4, 12).bool()) for n in nets)
    torch.testing.assert_close(token.tokens, drop.tokens, rtol=0, atol=1e-5)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize("tokenizer", ["patch", "raw", "wavelet"])
def test_last_block_computes_only_the_tokens_that_are_read(
    make_network, make_batch, mask, tokenizer, monkeypatch
):
    sizes = {"n_attention_layers": 2, "cls_token": True, "domain_token": True}
    network = make_network(tokenizer=tokenizer, **sizes)
    batch, lengths, forward = make_batch(), [], TransformerBlock._update
    mask[1] = False
    mask[1, 3] = True

    def record(self, x, tokens, usable):
        lengths.append((x.shape[1], tokens.shape[1]))
        return forward(self, x, tokens, usable)

    monkeypatch.setattr(TransformerBlock, "_update", record)
    encoded, values = reconstruct(network, batch, mask)
    hidden = network.hidden_channels(mask, batch["valid"])
    gradient = torch.autograd.grad(values[hidden].square().mean(), network.mask_token)
    (first, all_tokens), (last, _) = lengths
    assert first == all_tokens > last
    monkeypatch.setattr(SpektronNetwork, "_reads_hidden_only", False)
    full, expected = reconstruct(network, batch, mask)
    torch.testing.assert_close(values[hidden], expected[hidden], rtol=0, atol=1e-5)
    torch.testing.assert_close(encoded.latent.z, full.latent.z, rtol=0, atol=1e-5)
    again = torch.autograd.grad(expected[hidden].square().mean(), network.mask_token)
    torch.testing.assert_close(gradient, again, rtol=1e-4, atol=1e-6)


def test_spectra_may_differ_in_the_number_of_dropped_tokens(make_network, make_batch):
    network = make_network(backbone="transformer", mask_mode="drop", decoder="grid").eval()
    batch, mask = make_batch(), torch.zeros(4, 12, dtype=torch.bool)
    mask[0, :9] = mask[1, 3] = mask[3] = True
    together = network(**batch, mask=mask)
    for row in range(4):
        alone = network(**{k: v[[row]] for k, v in batch.items()}, mask=mask[[row]])
        torch.testing.assert_close(together.tokens[[row]], alone.tokens, rtol=0, atol=1e-5)
    assert together.tokens[mask].eq(0).all() and together.tokens.isfinite().all()


@pytest.mark.parametrize("kind", ["dlinoss", "mamba", "s4d", "transformer"])
def test_cls_token_depends_on_the_spectrum_without_attention_layers(make_network, make_batch, kind):
    network, batch = make_network(backbone=kind, cls_token=True), make_batch()
    changed = replace(batch, slice(-5, None), 5.0)
    assert (network(**changed).latent.z - network(**batch).latent.z).abs().max() > 1e-4


def test_domain_token_belongs_to_its_spectrum(make_network, make_batch):
    network, batch = make_network(domain_token=True), make_batch()
    domain = torch.tensor([0, 1, 2, 3])
    tokens = network(**batch, domain=domain).tokens
    order = torch.tensor([2, 0, 3, 1])
    permuted = {name: tensor[order] for name, tensor in batch.items()}
    torch.testing.assert_close(network(**permuted, domain=domain[order]).tokens, tokens[order])
    assert not torch.allclose(network(**batch, domain=domain.flip(0)).tokens, tokens)
    unknown = torch.full((4,), DOMAINS.index("UNKNOWN"))
    torch.testing.assert_close(network(**batch).tokens, network(**batch, domain=unknown).tokens)


@pytest.mark.parametrize("normalize", ["median", "area"])
def test_normalized_tokens_do_not_depend_on_scale_but_reconstructions_do(
    make_network, make_batch, mask, normalize
):
    network, batch = make_network(normalize=normalize), make_batch()
    batch["values"] = batch["values"].abs() + 0.1
    larger = batch | {"values": 1000 * batch["values"]}
    (encoded, values), (scaled, scaled_values) = (
        reconstruct(network, b, mask) for b in (batch, larger)
    )
    torch.testing.assert_close(scaled.tokens, encoded.tokens, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scaled_values, 1000 * values, rtol=1e-4, atol=1e-2)


def test_grid_decoder_reconstructs_on_a_finer_grid(make_network, make_batch):
    network, batch = make_network(decoder="grid"), make_batch()
    encoded = network(**batch)
    fine = torch.linspace(4000, 9000, 119, dtype=torch.float64).expand(4, -1)
    native = network.decode(encoded, batch["wavenumber"])
    torch.testing.assert_close(network.decode(encoded, fine)[:, ::2], native, rtol=0, atol=1e-5)


def test_latent_of_a_bottleneck_is_its_chemistry_part(make_network, make_batch):
    network = make_network(latent="vib", d_latent=6, d_instrument=4).eval()
    latent = network(**make_batch()).latent
    assert latent.z.shape == (4, 6) and latent.instrument.mean.shape == (4, 4)
    assert torch.equal(latent.z, latent.chemistry.mean)
    assert network.d_latent == 6


def test_learned_positions_refuse_spectra_of_another_length(make_network, make_batch):
    network = make_network(position="learned", n_channels=60)
    with pytest.raises(ValueError, match="positions were learned for 12"):
        network(**make_batch(n_channels=70))

"""Decoders: linearity, dropout, and independence of the axis."""

import pytest
import torch

from skspektron._nn.heads.decoders import BasisDecoder, GridDecoder, LatentDecoder


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def tokens():
    return torch.randn(2, 7, 8)


@pytest.fixture
def usable():
    usable = torch.ones(2, 7, 1)
    usable[1, 4:] = 0
    return usable


@pytest.fixture
def make_decoder():
    def make(**sizes):
        return GridDecoder(
            **{"d_model": 8, "n_heads": 2, "d_feedforward": 16, "n_layers": 2, "dropout": 0.0}
            | sizes
        )

    return make


def axis(n_channels, n_spectra=2):
    return torch.linspace(4000, 9000, n_channels, dtype=torch.float64).expand(n_spectra, -1)


def test_latent_decoder_is_linear_unless_it_has_a_hidden_layer():
    a, b = torch.randn(2, 3, 4)

    def nonlinearity(decoder):
        middle = decoder((a + b) / 2)
        assert middle.shape == (3, 20)
        return (middle - (decoder(a) + decoder(b)) / 2).abs().max()

    assert nonlinearity(LatentDecoder(4, 20)) < 1e-6
    assert nonlinearity(LatentDecoder(4, 20, d_hidden=16)) > 1e-3


def test_latent_decoder_has_dropout_in_training_only():
    z, decoder = torch.randn(3, 4), LatentDecoder(4, 20, d_hidden=16, dropout=0.5)
    assert not torch.equal(decoder(z), decoder(z))
    decoder.eval()
    assert torch.equal(decoder(z), decoder(z))


def test_grid_decoder_gives_one_function_on_every_axis(make_decoder, tokens, usable):
    decoder = make_decoder()
    native, fine = (decoder(tokens, usable, axis(n)) for n in (51, 101))
    torch.testing.assert_close(fine[:, ::2], native, rtol=0, atol=1e-5)
    assert native.diff(dim=1).abs().min(1).values.max() > 0 and native.std(1).min() > 1e-2


def test_grid_decoder_reads_usable_tokens_only(make_decoder, tokens, usable):
    decoder, changed = make_decoder(), tokens.clone()
    changed[1, 4:] = 1e6
    reference = decoder(tokens, usable, axis(30))
    torch.testing.assert_close(decoder(changed, usable, axis(30)), reference, rtol=0, atol=1e-6)
    alone = decoder(tokens[1:, :4], usable[1:, :4], axis(30, 1))
    torch.testing.assert_close(alone, reference[1:], rtol=0, atol=1e-6)
    changed[1, 3] += torch.randn(8)
    assert (decoder(changed, usable, axis(30)) - reference)[1].abs().max() > 1e-3


def test_padding_and_spectra_without_usable_tokens_are_finite(make_decoder, tokens, usable):
    decoder, padded = make_decoder(), axis(30).clone()
    padded[0, 20:] = torch.nan
    usable[1] = 0
    tokens.requires_grad_()
    out = decoder(tokens, usable, padded)
    out.sum().backward()
    assert out.isfinite().all() and tokens.grad.isfinite().all()
    assert tokens.grad[1].eq(0).all() and tokens.grad[0].ne(0).any()
    torch.testing.assert_close(out[0, :20], decoder(tokens, usable, axis(30))[0, :20])


def test_grid_decoder_attention_equals_the_explicit_softmax(make_decoder, tokens, usable):
    layer = make_decoder(n_heads=1).layers[0]
    x = torch.randn(2, 5, 8)
    k, v = layer.key_value(layer.norm_tokens(tokens)).chunk(2, dim=-1)
    score = layer.query(layer.norm_queries(x)) @ k.mT / 8**0.5
    weight = torch.exp(score) * usable.mT
    expected = x + layer.join_heads(weight / weight.sum(-1, keepdim=True) @ v)
    expected = expected + layer.feedforward(layer.norm_feedforward(expected))
    torch.testing.assert_close(layer(x, tokens, usable), expected, rtol=0, atol=1e-5)


def test_grid_decoder_encodes_every_axis_once(make_decoder, monkeypatch):
    decoder, encoded = make_decoder(), []
    tokens, usable = torch.randn(4, 7, 8), torch.ones(4, 7, 1)
    channels = decoder.position.channels

    def record(wavenumber):
        encoded.append(len(wavenumber))
        return channels(wavenumber)

    monkeypatch.setattr(decoder.position, "channels", record)
    wavenumber = axis(30, 4).clone()
    wavenumber[1:3] += 700
    wavenumber[1:3, 20:] = torch.nan
    together = decoder(tokens, usable, wavenumber)
    assert encoded == [2]
    alone = [
        decoder(tokens[i : i + 1], usable[:1], wavenumber[i : i + 1])[0, :20] for i in range(4)
    ]
    torch.testing.assert_close(together[:, :20], torch.stack(alone), rtol=0, atol=1e-6)


def test_basis_decoder_is_a_sum_of_loadings_on_every_axis():
    decoder, (a, b) = BasisDecoder(4, 16, 8), torch.randn(2, 3, 4)
    grid = torch.tensor([7, 2, 7])
    native, fine = (decoder(a, axis(n, 3), grid) for n in (51, 101))
    torch.testing.assert_close(fine[:, ::2], native, rtol=0, atol=1e-5)
    scores = decoder.scores(torch.stack([a[0], b[0]]))
    loadings = decoder.loadings(axis(51, 1))[0]
    torch.testing.assert_close(native[0], loadings @ scores[0], rtol=0, atol=1e-5)


def test_basis_decoder_evaluates_every_row_on_its_own_axis():
    decoder, z = BasisDecoder(4, 16, 8), torch.randn(3, 4)
    wavenumber = torch.stack([axis(30, 1)[0], axis(30, 1)[0] + 700, axis(30, 1)[0]])
    wavenumber[1, 20:] = torch.nan
    together = decoder(z, wavenumber, torch.tensor([0, 1, 0]))
    assert together.isfinite().all()
    alone = decoder(z[1:2], wavenumber[1:2], torch.tensor([5]))
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-6)

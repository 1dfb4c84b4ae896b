"""Sizes that cannot be are refused before a network is built."""

import pytest

from skspektron._nn.architecture import Architecture
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.presets import PRESETS, resolve_architecture


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"patch_length": 0}, "patch_length is 0"),
        ({"n_layers": 2.0}, "n_layers is 2.0"),
        ({"d_model": 7}, "d_model is 7. Pass an even"),
        ({"d_state": 5}, "d_state is 5"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"tokenizer": "pixel"}, "tokenizer is 'pixel'. Pass one of 'patch', 'raw', 'wavelet'"),
        ({"kernel_length": 4}, "kernel_length is 4. Pass an odd"),
        ({"n_channels": 0}, "n_channels is 0"),
        ({"n_experts": -1}, "n_experts is -1. .* at least 0"),
        ({"n_experts": 2, "n_active_experts": 3}, "n_active_experts is 3 and n_experts is 2"),
        ({"backbone": "transformer", "n_heads": 3}, "d_model is 128 and n_heads is 3"),
        ({"decoder": "grid", "n_heads": 3}, "d_model is 128 and n_heads is 3"),
        ({"damping": False, "stability": "clamp"}, "stability='clamp' clamps damped"),
        ({"cls_token": True, "bidirectional": False}, "first token sees all others"),
        ({"cls_token": True, "backbone": "cnn"}, "first token sees all others"),
        ({"cls_token": True, "n_layers": 0}, "first token sees all others"),
        ({"cls_token": 3}, "cls_token is 3. Pass True or False"),
        ({"kan": True}, "kan=True makes experts of splines and n_experts is 0"),
        ({"backbone": "cnn", "damping": False}, "those of D-LinOSS and backbone is 'cnn'"),
        ({"backbone": "mamba", "stability": "clamp"}, "those of D-LinOSS"),
        ({"backbone": "cnn", "bidirectional": False}, "'cnn' is none"),
        ({"d_decoder": 5}, "d_decoder is the width of the 'latent' decoder"),
        ({"mask_mode": "drop"}, "'dlinoss' reads as neighbours"),
        ({"mask_mode": "drop", "backbone": "transformer"}, "leaves no token"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        Architecture(**sizes)


def test_one_direction_may_have_an_odd_number_of_oscillators():
    assert Architecture(d_state=5, bidirectional=False).d_state == 5


def test_names_and_dataclasses_resolve():
    assert resolve_architecture("tiny") is PRESETS["tiny"]
    assert resolve_architecture(own := Architecture(d_model=4)) is own
    with pytest.raises(ValueError, match=r"architecture is 'huge'\. Pass one of 'tiny', 'small'"):
        resolve_architecture("huge")


@pytest.mark.parametrize(("width", "step"), [(35, 1.3), (54, 2.0)])
def test_patch_width_is_given_in_the_unit_of_the_axis(width, step):
    sizes = Architecture.from_patch_width(width, step=step, d_model=8)
    assert (sizes.patch_length, sizes.d_model) == (27, 8)


@pytest.mark.parametrize(("width", "step"), [(0.9, 2.0), (35, 0), (35, -2.0)])
def test_patch_narrower_than_a_channel_is_refused(width, step):
    with pytest.raises(ValueError, match=f"step is {step}"):
        Architecture.from_patch_width(width, step=step)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_built_with_the_published_sizes(name):
    architecture = PRESETS[name]
    if architecture.one_grid:
        architecture = architecture.for_channels(256)
    network = SpektronNetwork(architecture)
    n_parameters = sum(p.numel() for p in network.parameters())
    least, most = {
        "tiny": (1e3, 1e4),
        "small": (2e5, 5e5),
        "calibration": (2e3, 1e4),
        "base": (2e6, 4.5e6),
        "spektron": (3e6, 7e6),
        "panchromatic": (3e7, 6e7),
        "chemomae": (3e6, 5e6),
    }[name]
    assert least < n_parameters < most


def test_number_of_channels_is_taken_once():
    learned = Architecture(position="learned")
    assert learned.for_channels(700).for_channels(700).n_channels == 700
    with pytest.raises(ValueError, match="have 650 channels, the network was made for 700"):
        learned.for_channels(700).for_channels(650)
    assert Architecture().for_channels(650) == Architecture()


@pytest.mark.parametrize(
    ("sizes", "n_channels", "n_tokens"),
    [
        ({"patch_length": 27}, 3501, 130),
        ({"tokenizer": "raw"}, 700, 700),
        ({"tokenizer": "wavelet"}, 2048, 127),
    ],
)
def test_tokens_cover_the_channels(sizes, n_channels, n_tokens):
    assert Architecture(**sizes).n_tokens(n_channels) == n_tokens


@pytest.mark.parametrize(("d_expert", "width"), [(None, 8), (6, 6)])
def test_experts_are_as_wide_as_asked_or_as_attention(d_expert, width):
    sizes = {"d_model": 4, "n_layers": 0, "n_experts": 2, "n_attention_layers": 1, "n_heads": 2}
    network = SpektronNetwork(Architecture(**sizes, d_feedforward=8, d_expert=d_expert))
    experts, attention = network.blocks
    assert experts.experts[0][0].out_features == width
    assert attention.widen.out_features == 8

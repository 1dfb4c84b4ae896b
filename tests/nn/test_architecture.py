"""Architecture: validation, presets, and the number of tokens and channels."""

import pytest

from skspektron._nn.architecture import Architecture
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.presets import PRESETS, resolve_architecture


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            {"patch_length": 0},
            "patch_length must be an int of at least 1, got 0. Pass 16, the default.",
        ),
        ({"n_layers": 2.0}, "n_layers must be an int of at least 0, got 2.0"),
        ({"d_model": 7}, "d_model must be even, got 7"),
        ({"d_state": 5}, "d_state must be even in a bidirectional layer, got 5"),
        ({"dropout": 1.0}, "dropout must be a finite number of at least 0 and below 1, got 1.0"),
        (
            {"tokenizer": "pixel"},
            "tokenizer must be 'patch', 'raw' or 'wavelet', got 'pixel'. Pass 'patch', the",
        ),
        ({"kernel_length": 4}, "kernel_length must be an odd int of at least 1, got 4"),
        ({"n_channels": 0}, "n_channels must be an int of at least 1 or None, got 0"),
        ({"n_experts": -1}, "n_experts must be an int of at least 0, got -1"),
        ({"n_experts": 2, "n_active_experts": 3}, "must be between 2 and n_experts=2, got 3"),
        (
            {"backbone": "transformer", "n_heads": 3},
            "d_model must be a multiple of n_heads=3, got 128",
        ),
        ({"decoder": "grid", "n_heads": 3}, "d_model must be a multiple of n_heads=3, got 128"),
        (
            {"damping": False, "stability": "clamp"},
            "stability must be 'poles' with damping=False, got 'clamp'. Pass damping=True",
        ),
        ({"cls_token": True, "bidirectional": False}, "got True with .* bidirectional=False"),
        ({"cls_token": True, "backbone": "cnn"}, "got True with backbone='cnn'"),
        ({"cls_token": True, "n_layers": 0}, "got True with .* n_layers=0"),
        ({"cls_token": 3}, "cls_token must be True or False, got 3. Pass False, the default."),
        ({"kan": True}, "kan must be False with n_experts=0, got True"),
        (
            {"backbone": "cnn", "damping": False},
            "damping must be True with backbone='cnn', got False",
        ),
        (
            {"backbone": "mamba", "stability": "clamp"},
            "stability must be 'poles' with backbone='mamba', got 'clamp'",
        ),
        (
            {"backbone": "cnn", "bidirectional": False},
            "bidirectional must be True with backbone='cnn', got False",
        ),
        (
            {"normalize": "snv", "derivative_scale": "corpus"},
            "derivative_scale must be 'calibration' with normalize='snv', got 'corpus'",
        ),
        ({"d_decoder": 5}, "d_decoder must be None with decoder='linear', got 5"),
        (
            {"decoder": "correction", "normalize": "snv"},
            "normalize must be None with decoder='correction', got 'snv'. Omit it, or pass another",
        ),
        ({"mask_mode": "drop"}, "mask_mode must be 'token' with backbone='dlinoss', got 'drop'"),
        (
            {"mask_mode": "drop", "backbone": "transformer"},
            "mask_mode must be 'token' with decoder='linear', got 'drop'",
        ),
        (
            {"mask_mode": "drop", "backbone": "transformer", "decoder": "correction"},
            "mask_mode must be 'token' with decoder='correction', got 'drop'",
        ),
    ],
)
def test_invalid_architectures_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        Architecture(**sizes)


def test_unidirectional_layer_accepts_an_odd_number_of_oscillators():
    assert Architecture(d_state=5, bidirectional=False).d_state == 5


def test_resolve_architecture_accepts_preset_names_and_architectures():
    assert resolve_architecture("tiny") is PRESETS["tiny"]
    assert resolve_architecture(own := Architecture(d_model=4)) is own


@pytest.mark.parametrize(("width", "step"), [(35, 1.3), (54, 2.0)])
def test_from_patch_width_rounds_to_channels(width, step):
    sizes = Architecture.from_patch_width(width, step=step, d_model=8)
    assert (sizes.patch_length, sizes.d_model) == (27, 8)


@pytest.mark.parametrize(
    ("width", "step", "message"),
    [
        (0.9, 2.0, "width must be at least half of step=2.0, got 0.9"),
        (35, 0, "step must be a finite number above 0, got 0"),
        (35, -2.0, "step must be a finite number above 0, got -2.0"),
    ],
)
def test_patches_narrower_than_a_channel_are_refused(width, step, message):
    with pytest.raises(ValueError, match=message):
        Architecture.from_patch_width(width, step=step)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_published_number_of_parameters(name):
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


def test_number_of_channels_is_fixed_once_set():
    learned = Architecture(position="learned")
    assert learned.for_channels(700).for_channels(700).n_channels == 700
    with pytest.raises(ValueError, match="have 650 channels, the network accepts 700 only"):
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
def test_number_of_tokens(sizes, n_channels, n_tokens):
    assert Architecture(**sizes).n_tokens(n_channels) == n_tokens


@pytest.mark.parametrize(("d_expert", "width"), [(None, 8), (6, 6)])
def test_expert_width_defaults_to_d_feedforward(d_expert, width):
    sizes = {"d_model": 4, "n_layers": 0, "n_experts": 2, "n_attention_layers": 1, "n_heads": 2}
    network = SpektronNetwork(Architecture(**sizes, d_feedforward=8, d_expert=d_expert))
    experts, attention = network.blocks
    assert experts.experts[0][0].out_features == width
    assert attention.widen.out_features == 8

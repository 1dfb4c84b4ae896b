"""Sizes that cannot be are refused before a network is built."""

import pytest

from skspektron._nn.architecture import PRESETS, Architecture, resolve_architecture


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"patch_length": 0}, "patch_length is 0"),
        ({"n_layers": 2.0}, "n_layers is 2.0"),
        ({"d_model": 7}, "d_model is 7. Pass an even"),
        ({"d_state": 5}, "d_state is 5"),
        ({"dropout": 1.0}, "dropout is 1.0"),
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

"""Weight files that do not fit this package are refused, with the difference."""

from dataclasses import asdict, make_dataclass

import pytest
import torch

from skspektron import SpektronEmbedder
from skspektron._bridge import FrozenNetwork, load_tensors, save_tensors
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network
from skspektron.foundation import _weights as weights
from skspektron.foundation import describe_weights

SIZES = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
RECORD = {"parameters": {}, "n_steps": 1, "history": []}


@pytest.fixture
def saved(tmp_path):
    """Return the path of untrained weights, their tensors and their header."""
    path = tmp_path / "w.safetensors"
    network = FrozenNetwork.of(SIZES, new_network(SIZES, seed=0).state_dict())
    weights.save_network(path, network, RECORD)
    return path, *load_tensors(path)


def load(path):
    return SpektronEmbedder(path, wavelength=[1000.0 + j for j in range(8)]).fit([[0.0] * 8])


def test_files_have_a_version_and_are_refused_without_one(saved):
    path, tensors, header = saved
    assert header.pop("version") == 1
    save_tensors(path, tensors, header)
    with pytest.raises(ValueError, match=r"w\.safetensors has version None .* reads up to 1\."):
        load(path)


@pytest.mark.parametrize("read", [load, describe_weights])
def test_a_later_version_is_refused_with_both_numbers(read, saved):
    path, tensors, header = saved
    save_tensors(path, tensors, header | {"version": 4})
    with pytest.raises(ValueError, match=r"w\.safetensors has version 4 .* reads up to 1\."):
        read(path)


@pytest.mark.parametrize("version", [True, 0, -3, 1.0])
def test_a_version_that_no_format_has_is_refused(saved, version):
    path, tensors, header = saved
    save_tensors(path, tensors, header | {"version": version})
    with pytest.raises(ValueError, match=rf"has version {version} of its format"):
        load(path)


def test_a_version_that_is_not_an_int_is_refused(saved):
    path, tensors, header = saved
    save_tensors(path, tensors, header | {"version": "1"})
    with pytest.raises(ValueError, match=r"has version '1' of its format, .* reads up to 1\."):
        load(path)


def test_unknown_sizes_of_a_later_architecture_are_listed(saved):
    path, tensors, header = saved
    sizes = asdict(SIZES) | {"n_wormholes": 2}
    save_tensors(path, tensors, header | {"architecture": sizes})
    with pytest.raises(ValueError, match=r"1 sizes that skspektron .* does not know: n_wormholes"):
        load(path)


def test_tensors_of_another_architecture_are_refused(saved):
    path, tensors, header = saved
    save_tensors(path, tensors, header | {"architecture": asdict(SIZES) | {"d_model": 16}})
    with pytest.raises(ValueError, match=r"not those of its architecture: .* must be .* got"):
        load(path)
    tensors["extra"] = torch.ones(1)
    save_tensors(path, tensors, header)
    with pytest.raises(ValueError, match=r"not those of its architecture.*extra"):
        load(path)


def test_new_fields_at_their_defaults_do_not_change_digests(saved):
    """Adapters and pickles refer to weights by their digest."""
    digest = load(saved[0]).network_.digest
    later = make_dataclass("Later", [("wormhole", bool, False)], bases=(Architecture,), frozen=True)
    assert FrozenNetwork.of(later(**asdict(SIZES)), saved[1]).digest == digest
    other = Architecture(**asdict(SIZES) | {"dropout": 0.1})
    assert FrozenNetwork.of(other, saved[1]).digest != digest


def test_pickles_of_replaced_shipped_weights_are_refused():
    digest = weights.resolve_weights("small").digest
    assert weights.shipped_again("small", digest) is weights.resolve_weights("small")
    with pytest.raises(ValueError, match=rf"'small' \(0123\).*other weights .*\({digest[:12]}\)"):
        weights.shipped_again("small", "0123")
    with pytest.raises(ValueError, match=r"'huge' \(0123\), .* ships no such weights"):
        weights.shipped_again("huge", "0123")

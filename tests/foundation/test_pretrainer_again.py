"""SpektronPretrainer: repeated fits, domains, logs and several axes."""

import json

import numpy as np
import pytest

from skspektron._nn.architecture import Architecture
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer

SIZES = {"patch_length": 6, "d_model": 8, "d_state": 4, "n_layers": 1}
WITH_DOMAIN = Architecture(**SIZES, domain_token=True)


def test_transform_uses_the_domain_of_training(make_pretrainer, X, tmp_path):
    pretrainer = make_pretrainer(architecture=WITH_DOMAIN, domain="NIR").fit(X)
    nir, raman = (
        SpektronEmbedder(
            pretrainer, wavenumber=pretrainer.wavenumber_, domain=domain, pooling="mean"
        ).fit_transform(X)
        for domain in ("NIR", "RAMAN")
    )
    np.testing.assert_array_equal(pretrainer.transform(X), nir)
    assert np.abs(nir - raman).max() > 1e-4
    pretrainer.save(tmp_path / "w.safetensors")
    loaded = SpektronPretrainer.load(tmp_path / "w.safetensors")
    assert loaded.domain == loaded.domain_ == "NIR"
    np.testing.assert_array_equal(loaded.transform(X), nir)


def test_several_domains_are_refused_by_transform(make_pretrainer, X):
    instrument = np.where(np.arange(len(X)) % 2, "a", "b")
    pretrainer = make_pretrainer(architecture=WITH_DOMAIN, domain={"a": "NIR", "b": "IR"})
    pretrainer.fit(X, instrument=instrument)
    assert pretrainer.domain_ == ["NIR", "IR"]
    with pytest.raises(ValueError, match="trained on NIR, IR, and the kind of X is not known"):
        pretrainer.transform(X)


def test_attributes_of_an_earlier_architecture_are_removed(make_pretrainer, X):
    pretrainer = make_pretrainer().fit(X)
    assert pretrainer.frequency_.shape == (1, 4)
    sizes = SIZES | {"backbone": "cnn", "tokenizer": "wavelet"}
    pretrainer.set_params(architecture=Architecture(**sizes)).fit(X)
    for name in ("frequency_", "damping_", "patch_kernels_"):
        assert not hasattr(pretrainer, name)


@pytest.mark.parametrize("backbone", ["dlinoss", "cnn"])
def test_network_without_blocks_can_be_trained(make_pretrainer, X, backbone):
    sizes = SIZES | {"n_layers": 0, "backbone": backbone}
    pretrainer = make_pretrainer(architecture=Architecture(**sizes)).fit(X)
    assert pretrainer.transform(X).shape == (len(X), 8)
    if backbone == "dlinoss":
        assert pretrainer.frequency_.shape == pretrainer.damping_.shape == (0, 4)


def test_log_and_history_continue(make_pretrainer, X, tmp_path):
    log = tmp_path / "log.jsonl"
    pretrainer = make_pretrainer(log=log).fit(X).partial_fit(X)
    assert [record["step"] for record in pretrainer.history_] == [5, 10, 15, 20]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines == pretrainer.history_
    assert pretrainer.n_steps_ == 20


def test_partial_fit_holds_out_the_same_samples(make_pretrainer, X, monkeypatch):
    from skspektron._training import _pretraining

    held, hold_out = [], _pretraining.hold_out

    def note(*args):
        held.append(hold_out(*args)[1].tolist())
        return hold_out(*args)

    monkeypatch.setattr(_pretraining, "hold_out", note)
    make_pretrainer(n_iter_no_change=5, validation_fraction=0.2).fit(X).partial_fit(X)
    assert len(held) == 2 and held[0] == held[1]


@pytest.mark.parametrize("name", ["checkpoint", "log"])
def test_missing_folder_is_refused_before_training(make_pretrainer, X, tmp_path, name):
    pretrainer = make_pretrainer(**{name: tmp_path / "none" / "file"})
    with pytest.raises(ValueError, match=f"{name} must be a path in a folder that exists, .*none"):
        pretrainer.fit(X)


def test_objective_weights_may_be_numpy_numbers(make_pretrainer, X, tmp_path):
    pretrainer = make_pretrainer(objectives={"masked": np.float32(0.5)}).fit(X)
    pretrainer.save(tmp_path / "w.safetensors")
    assert SpektronPretrainer.load(tmp_path / "w.safetensors").objectives == {"masked": 0.5}


def test_partial_fit_after_several_axes_requires_an_axis(bunch, X, tmp_path):
    axes = {"a": bunch.wavelength, "b": bunch.wavelength + 1}
    instrument = np.where(np.arange(len(X)) % 2, "a", "b")
    pretrainer = SpektronPretrainer(
        Architecture(**SIZES), wavelength=axes, max_steps=2, warmup_steps=1, random_state=0
    ).fit(X, instrument=instrument)
    pretrainer.save(tmp_path / "w.safetensors")
    loaded = SpektronPretrainer.load(tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="trained on several axes, and no axis was given for X"):
        loaded.partial_fit(X)
    assert loaded.set_params(wavelength=bunch.wavelength).partial_fit(X).n_steps_ == 4


@pytest.mark.parametrize("sizes", [{"latent": "sphere"}, {"latent": "vib", "d_latent": 4}])
def test_untrained_latent_warns(make_pretrainer, X, sizes):
    with pytest.warns(UserWarning, match="No objective trains the latent"):
        make_pretrainer(architecture=Architecture(**SIZES, **sizes)).fit(X)

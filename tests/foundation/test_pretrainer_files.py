"""SpektronPretrainer and its files: resuming, saving, loading, refusals."""

import numpy as np
import pytest
import torch

from skspektron._training.engine import _net
from skspektron.foundation import SpektronPretrainer
from tests.foundation.weights import SMALLEST, weights


def test_resumes_after_an_interruption(make_pretrainer, pretrained, X, tmp_path, monkeypatch):
    train_step, path = _net.StepNet.train_step_single, tmp_path / "run.safetensors"

    def interrupted(self, *args, **kwargs):
        if self.sampler.step == 7:
            raise KeyboardInterrupt
        return train_step(self, *args, **kwargs)

    model = make_pretrainer(checkpoint=path)
    with monkeypatch.context() as patch:
        patch.setattr(_net.StepNet, "train_step_single", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert not hasattr(model, "network_")
    assert torch.equal(weights(model.fit(X)), weights(pretrained))
    assert [record["step"] for record in model.history_] == [5, 10]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 2e-3}, "learning_rate"),
        ({"random_state": 1}, "random_state"),
        ({"architecture": SMALLEST}, "architecture"),
    ],
)
def test_checkpoint_of_other_settings_is_refused(make_pretrainer, X, tmp_path, change, named):
    path = tmp_path / "run.safetensors"
    make_pretrainer(checkpoint=path, max_steps=5).fit(X)
    with pytest.raises(ValueError, match=rf"run\.safetensors belongs to another run.* {named}"):
        make_pretrainer(checkpoint=path, **{"max_steps": 5} | change).fit(X)


def test_checkpoint_of_other_data_is_refused(make_pretrainer, bunch, X, tmp_path):
    path = tmp_path / "run.safetensors"
    make_pretrainer(checkpoint=path, max_steps=5).fit(X)
    for other, axis in ((X + 1e-9, bunch.wavelength), (X, bunch.wavelength + 1)):
        model = make_pretrainer(checkpoint=path, max_steps=5, wavelength=axis)
        with pytest.raises(ValueError, match="differs in X"):
            model.fit(other)


def test_checkpoint_of_other_instruments_is_refused(make_pretrainer, bunch, X, tmp_path):
    axes = {"a": bunch.wavelength, "b": bunch.wavelength + 10}
    model = make_pretrainer(checkpoint=tmp_path / "run", max_steps=5, wavelength=axes)
    labels = np.repeat(["a", "b"], 12)
    model.fit(X, instrument=labels)
    with pytest.raises(ValueError, match="differs in X"):
        model.fit(X, instrument=labels[::-1])


def test_checkpoint_is_not_loaded_as_a_network(make_pretrainer, X, tmp_path):
    make_pretrainer(checkpoint=tmp_path / "run", max_steps=5).fit(X)
    with pytest.raises(ValueError, match=r"run does not contain a network but fingerprint"):
        SpektronPretrainer.load(tmp_path / "run")


def test_save_and_load_round_trip(pretrained, X, tmp_path):
    path = tmp_path / "weights.safetensors"
    pretrained.save(path)
    loaded = SpektronPretrainer.load(path)
    assert torch.equal(weights(loaded), weights(pretrained))
    assert loaded.network_.architecture == pretrained.architecture
    assert (loaded.history_, loaded.n_steps_) == (pretrained.history_, 10)
    assert (loaded.max_steps, loaded.mask_ratio) == (10, 0.35)
    np.testing.assert_array_equal(loaded.wavenumber_, pretrained.wavenumber_)
    np.testing.assert_array_equal(loaded.frequency_, pretrained.frequency_)
    np.testing.assert_array_equal(loaded.transform(X), pretrained.transform(X))
    assert loaded.partial_fit(X).n_steps_ == 20


def test_numpy_numbers_are_saved(make_pretrainer, X, tmp_path):
    model = make_pretrainer(
        max_steps=np.int64(5), learning_rate=np.float32(1e-3), checkpoint=tmp_path / "run"
    )
    model.fit(X).save(tmp_path / "weights")
    assert SpektronPretrainer.load(tmp_path / "weights").max_steps == 5


def test_truncated_file_is_refused_by_name(pretrained, tmp_path):
    path = tmp_path / "cut.safetensors"
    pretrained.save(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"cut\.safetensors is not a readable safetensors file"):
        SpektronPretrainer.load(path)

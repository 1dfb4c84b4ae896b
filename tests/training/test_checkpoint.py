"""An interrupted run goes on to the same weights; a run that is another one is refused."""

import pytest
import torch

from skspektron._bridge import save_tensors
from skspektron._nn.architecture import Architecture
from skspektron._training import _net
from skspektron._training._pretraining import new_network


@pytest.fixture
def stop_at(monkeypatch):
    """Return a function that raises KeyboardInterrupt in the given step, once."""

    def stop(step):
        train_step = _net.StepNet.train_step_single

        def interrupted(self, *args, **kwargs):
            if self.sampler.step == step:
                monkeypatch.setattr(_net.StepNet, "train_step_single", train_step)
                raise KeyboardInterrupt
            return train_step(self, *args, **kwargs)

        monkeypatch.setattr(_net.StepNet, "train_step_single", interrupted)

    return stop


def fresh_network():
    sizes = {"patch_length": 4, "d_model": 8, "d_state": 4, "n_layers": 2, "dropout": 0.2}
    return new_network(Architecture(**sizes), seed=0)


def without_seconds(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


@pytest.mark.parametrize("step", [2, 5, 7])
def test_interrupted_run_ends_with_the_same_weights(
    run, make_spectra, noise, stop_at, tmp_path, step
):
    spectra, path = make_spectra(noise), tmp_path / "run.safetensors"
    whole = fresh_network()
    history = run(whole, spectra)
    stop_at(step)
    with pytest.raises(KeyboardInterrupt):
        run(fresh_network(), spectra, checkpoint=path, fingerprint={"seed": 0})
    assert path.exists() is (step >= 5)
    resumed = fresh_network()
    again = run(resumed, spectra, checkpoint=path, fingerprint={"seed": 0})
    assert without_seconds(again) == without_seconds(history)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_finished_run_is_not_trained_again(run, make_spectra, noise, stop_at, tmp_path):
    spectra, path = make_spectra(noise), tmp_path / "run.safetensors"
    history = run(first := fresh_network(), spectra, checkpoint=path)
    stop_at(0)
    assert run(second := fresh_network(), spectra, checkpoint=path) == history
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_checkpoint_of_another_run_is_refused(run, make_spectra, noise, tmp_path):
    path, spectra = tmp_path / "run.safetensors", make_spectra(noise)
    run(fresh_network(), spectra, checkpoint=path, fingerprint={"seed": 0, "X": "a"})
    with pytest.raises(ValueError, match=r"run\.safetensors .* differs in X\. Pass another"):
        run(fresh_network(), spectra, checkpoint=path, fingerprint={"seed": 0, "X": "b"})


def test_truncated_or_foreign_checkpoint_is_refused(run, make_spectra, noise, tmp_path):
    path, spectra = tmp_path / "run.safetensors", make_spectra(noise)
    run(fresh_network(), spectra, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"run\.safetensors is not a readable .* truncated"):
        run(fresh_network(), spectra, checkpoint=path)
    save_tensors(path, {"a": torch.zeros(1)}, {"architecture": {}})
    with pytest.raises(ValueError, match=r"run\.safetensors belongs to another run"):
        run(fresh_network(), spectra, checkpoint=path, fingerprint={"seed": 0})


def test_progress_begins_where_the_run_resumes(run, make_spectra, noise, stop_at, tmp_path, capsys):
    spectra, path = make_spectra(noise), tmp_path / "run.safetensors"
    stop_at(7)
    with pytest.raises(KeyboardInterrupt):
        run(fresh_network(), spectra, checkpoint=path)
    assert capsys.readouterr().err == ""
    run(fresh_network(), spectra, checkpoint=path, verbose=1)
    bar = capsys.readouterr().err
    assert "5/10" in bar and "0/10 [" not in bar.replace("10/10 [", "")

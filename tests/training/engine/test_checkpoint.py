"""Interrupted runs resume to the same weights; checkpoints of other runs are refused."""

from copy import deepcopy

import pytest
import torch

from skspektron._bridge import save_tensors
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network
from skspektron._training.engine._checkpoint import Checkpoint


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


@pytest.mark.parametrize("step", [5, 10])
@pytest.mark.parametrize(
    "settings",
    [
        {"ema_decay": 0.9, "micro_batch_size": 3},
        {"ema_decay": 0.9, "n_iter_no_change": 3, "learning_rate": 0.1},
    ],
)
def test_average_and_early_stopping_resume(
    run, make_spectra, noise, stop_at, tmp_path, step, settings
):
    spectra, path = make_spectra(noise), tmp_path / "run.safetensors"
    settings = {"max_steps": 30, "report_every": 3} | settings
    whole = fresh_network()
    history = run(whole, spectra, **settings)
    assert (len(history) < 10) is ("n_iter_no_change" in settings)
    stop_at(step)
    with pytest.raises(KeyboardInterrupt):
        run(fresh_network(), spectra, checkpoint=path, **settings)
    for _ in range(2):  # the second one finds a run that ended
        again = run(resumed := fresh_network(), spectra, checkpoint=path, **settings)
        assert without_seconds(again) == without_seconds(history)
        for name, tensor in whole.state_dict().items():
            assert torch.equal(resumed.state_dict()[name], tensor), name


@pytest.mark.parametrize("n_bad", [3, 9, 10])
def test_skipped_steps_are_counted_across_an_interruption(
    fit_points, line, points, stop_at, tmp_path, n_bad
):
    bad = points | {"y": torch.full_like(points["y"], torch.nan)}

    def fit(checkpoint):
        module = deepcopy(line)
        callbacks = [Checkpoint(tmp_path / checkpoint, {})]
        net = fit_points(
            module,
            max_steps=20,
            window=2,
            ema_decay=0.9,
            make_batch=lambda step, rows: bad if step < n_bad else points,
            callbacks=callbacks,
        )
        return module.state_dict(), [window["n_skipped"] for window in net.history]

    stop_at(7)
    with pytest.raises(KeyboardInterrupt):
        fit("run.safetensors")
    if n_bad > 9:
        with pytest.raises(FloatingPointError, match=r"in 10 steps in a row, up to step 10 of"):
            fit("run.safetensors")
        return
    resumed, n_skipped = fit("run.safetensors")
    whole, expected = fit("whole.safetensors")
    assert n_skipped == expected and sum(expected) == n_bad
    assert (whole["target"] != 1).all()  # what `after_step` changes is in the checkpoint too
    assert all(map(torch.equal, resumed.values(), whole.values()))


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


def test_truncated_or_unrelated_checkpoint_is_refused(run, make_spectra, noise, tmp_path):
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

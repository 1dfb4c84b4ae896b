"""Early stopping: held-out rows, the stopping step and the returned weights."""

from dataclasses import replace

import pytest
import torch
from skorch.callbacks import Callback

from skspektron._training import _pretraining
from skspektron._training.engine._stopping import EarlyStopping, hold_out
from skspektron._training.masked._batches import PretrainingBatches


class Script(Callback):
    """Record given scores, one per window, and the weights."""

    def __init__(self, scores):
        self.scores, self.weights = scores, []

    def on_epoch_end(self, net, **kwargs):
        net.history.record("masked_mse", self.scores[len(self.weights)])
        with net.evaluated() as module:
            self.weights.append(module.weight.detach().clone())


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_stops_and_returns_the_best_weights(line, fit_points, ema_decay):
    script = Script([3.0, 1.0, 2.0, 0.99999, float("nan"), 0.0])
    stopping = EarlyStopping(3)
    net = fit_points(
        line, max_steps=30, window=5, callbacks=[script, stopping], ema_decay=ema_decay
    )
    assert len(net.history) == 5 and net.sampler.step == 25
    assert [window["stopped"] for window in net.history] == [False] * 4 + [True]
    assert torch.equal(line.weight, script.weights[1])
    assert not torch.equal(line.weight, script.weights[4])


def test_tolerance_is_relative(line, fit_points):
    stopping = EarlyStopping(1, tol=0.1)
    net = fit_points(line, max_steps=30, callbacks=[Script([10.0, 8.9, 8.1, 0.0]), stopping])
    assert len(net.history) == 3
    assert stopping.best_score_ == 8.9


def test_runs_to_the_end_while_it_improves(line, fit_points):
    script = Script([3.0, 2.0])
    net = fit_points(line, callbacks=[script, EarlyStopping(1)])
    assert len(net.history) == 2 and net.sampler.step == 10
    assert torch.equal(line.weight, script.weights[1])


@pytest.fixture
def trained_rows(monkeypatch):
    """Return the set of rows of the batches of a run, which is filled during the run."""
    rows_of = {"train": set(), "probe": set()}

    class Noted(PretrainingBatches):
        def __call__(self, step, rows):
            rows_of["probe" if step == -1 else "train"] |= set(rows.tolist())
            return super().__call__(step, rows)

    monkeypatch.setattr(_pretraining, "PretrainingBatches", Noted)
    return rows_of


def test_held_out_rows_decide_and_are_not_trained_on(
    run, tiny_network, make_spectra, noise, trained_rows
):
    sample = torch.arange(20) // 2  # two spectra a sample
    noise[3] = float("nan")  # cannot be masked, and is not counted
    spectra = replace(make_spectra(noise), sample=sample)
    settings = {"n_iter_no_change": 1, "validation_fraction": 0.3, "learning_rate": 0.1}
    with pytest.warns(UserWarning, match="in 1 of 20 spectra"):
        history = run(tiny_network, spectra, max_steps=200, **settings)
    train, probe = trained_rows["train"], trained_rows["probe"]
    assert train | probe == set(range(19)) and not train & probe
    kept = sample[torch.arange(20) != 3]
    assert not set(kept[list(train)].tolist()) & set(kept[list(probe)].tolist())
    assert len(kept[list(probe)].unique()) == 3
    assert len(history) < 40  # noise cannot be learnt


def test_without_early_stopping_all_rows_are_trained_on(
    run, tiny_network, make_spectra, noise, trained_rows
):
    spectra = replace(make_spectra(noise), sample=torch.zeros(20, dtype=torch.long))
    run(tiny_network, spectra)
    assert trained_rows["train"] == trained_rows["probe"] == set(range(20))


def test_held_out_rows_depend_on_the_seed_only():
    rows, held_out = hold_out(100, 0.25, seed=0)
    assert len(held_out) == 25
    assert torch.cat([rows, held_out]).sort().values.tolist() == list(range(100))
    assert torch.equal(hold_out(100, 0.25, seed=0)[1], held_out)
    assert not torch.equal(hold_out(100, 0.25, seed=1)[1], held_out)
    assert len(hold_out(5, 0.01, seed=0)[1]) == 1


def test_one_sample_cannot_be_held_out():
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 holds out 1 of 1 samples"):
        hold_out(8, 0.1, seed=0, groups=torch.full((8,), 7))
